/*
 * predict.segment: one series through a segmentation model. The mask lies on the series' own
 * voxels; its facts (names, colours, volumes) stand beside it and go into the result's values.
 */
#include <math.h>
#include <stdio.h>
#include "base/mem.h"
#include "image/nifti.h"
#include "math/label-colour.h"
#include "steps/image-args.h"
#include "steps/predict.h"
#include "steps/segment.h"
#include "steps/step.h"

extern const struct step step_predict_segment;

#define INTENT_LABEL 1002 /* NIFTI_INTENT_LABEL of nifti1.h: whole numbers that stand for words */
#define FROM 0.1          /* of the progress: reading is done */
#define TO 0.95

static bool tell(void *arg, double fraction, struct err *err)
{
    struct job *job = arg;

    job_progress(job, FROM + (TO - FROM) * fraction, "segmenting");
    return job_go_on(job, err);
}

static double voxel_ml(const struct volume *v)
{
    const double(*a)[4] = (const double(*)[4])v->affine;

    return fabs(a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0])) /
        1000;
}

/* mask.json, and a value for each label. */
static bool put_facts(struct predict *p, const struct volume *mask, size_t labels,
                      const struct label_palette *palette, struct err *err)
{
    size_t counts[MODEL_MAX_LABELS] = {0};
    const uint8_t *label = mask->voxels;
    double ml = voxel_ml(mask);
    json_t *list = json_array();
    json_t *doc = predict_head(p, err);
    bool good = doc != NULL && json_put(doc, "labels", list, err);

    for (size_t i = 0; i < volume_count(mask); i++) {
        counts[label[i]]++;
    }
    for (size_t i = 1; good && i < labels; i++) {
        char room[PREDICT_LABEL];
        char key[PREDICT_LABEL + 8];
        char colour[LABEL_COLOUR_TEXT];
        const char *name = predict_label(&p->card, i, room);

        if (!p->settings.keep[i]) {
            continue;
        }
        label_colour_text(palette->colour[i], colour);
        snprintf(key, sizeof(key), "ml.%s", name);
        good = json_array_append_new(list,
                                     json_pack("{s:I, s:s, s:s, s:I, s:f}", "value", (json_int_t)i,
                                               "name", name, "colour", colour, "voxels",
                                               (json_int_t)counts[i], "ml",
                                               (double)counts[i] * ml)) == 0 ||
            err_set(err, ERR_NOMEM, "out of memory");
        good = good && job_value(p->job, key, job_number((double)counts[i] * ml), err);
    }
    if (!good) {
        json_decref(doc);
        return false;
    }
    return predict_write(p, "facts", doc, err);
}

static bool put_mask(const struct predict *p, const struct volume *mask, struct err *err)
{
    const struct nifti_extra extra = {.place_code = p->place_code,
                                      .intent_code = INTENT_LABEL,
                                      .description = p->card.name,
                                      .stop = p->job->stop};
    const char *path = NULL;
    const char *final = NULL;

    return image_arg_out(p->job, "mask", true, &path, &final, err) &&
        (nifti_named(final) ||
         err_set(err, ERR_USAGE, "mask: '%s' does not end in .nii or .nii.gz", final)) &&
        nifti_write(path, mask, &extra, err);
}

static bool put_picture(const struct predict *p, const struct volume *mask, struct err *err)
{
    const char *path = NULL;
    const char *final = NULL;

    return image_arg_out(p->job, "preview", false, &path, &final, err) &&
        (path == NULL || segment_picture(&p->card, &p->volume, mask, path, err));
}

static bool work(struct predict *p, struct volume *mask, struct err *err)
{
    struct segment_options how = {
        .settings = &p->settings, .threads = p->job->threads, .progress = tell, .arg = p->job};
    struct segment_done done = {.labels = 0};
    struct label_palette palette;

    if (!predict_load(p, err) || !predict_read(p, err) ||
        !segment_volume(p->kept.infer, &p->volume, &how, mask, &done, err)) {
        return false;
    }
    p->seconds_model = done.seconds_model;
    segment_palette(&p->card, &palette);
    job_progress(p->job, TO, "writing");
    return put_facts(p, mask, done.labels, &palette, err) && put_mask(p, mask, err) &&
        put_picture(p, mask, err) &&
        job_value(p->job, "patches", json_integer((json_int_t)done.patches), err) &&
        predict_end(p, err);
}

static bool run(struct job *job, struct err *err)
{
    struct predict p = {.job = NULL};
    struct volume mask = {.voxels = NULL};
    bool good = predict_begin(&p, job, MODEL_SEGMENTATION, err) && work(&p, &mask, err);

    if (good) {
        job_progress(job, 1, "segmented");
    }
    volume_fini(&mask);
    predict_fini(&p);
    return good;
}

const struct step step_predict_segment = {
    .name = "predict.segment",
    .title = "segmentation of a series",
    .help = "One CT, MR or NIfTI series through a segmentation model: a mask on the series' own "
            "voxels, the volume of each label, and a picture.",
    .version = 1,
    .phase = "predict",
    .word_done = "Predicted",
    .word_failed = "Prediction failed",
    .stall_s = 3600,
    .mem = "3G",
    .run = run,
};
