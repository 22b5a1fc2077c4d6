/* predict.detect: boxes around what a detector finds in a series, in the series' own voxels. */
#include <math.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/mem.h"
#include "steps/detect.h"
#include "steps/image-args.h"
#include "steps/predict.h"
#include "steps/segment.h"
#include "steps/step.h"

extern const struct step step_predict_detect;

#define FROM 0.1 /* of the progress: reading is done */
#define TO 0.95
#define ROUNDING 0.01 /* a part of a voxel that is rounding of the affines and no part */
#define MOST_BOXES 1000
#define MOST_DRAWN 20

static bool tell(void *arg, double fraction, struct err *err)
{
    struct job *job = arg;

    job_progress(job, FROM + (TO - FROM) * fraction, "looking for findings");
    return job_go_on(job, err);
}

static bool settings(const struct predict *p, struct detect_how *how, struct err *err)
{
    double stride = model_setting(p->settings.all, "stride", NAN);
    double iou = model_setting(p->settings.all, "iou_max", DETECT_IOU);

    if (isnan(stride)) { /* the usual one, or the patch's least size where that is less */
        stride = DETECT_STRIDE;
        for (size_t a = 0; a < p->card.n_patch; a++) {
            stride = fmin(stride, (double)p->card.patch[a]);
        }
    }
    if (!(iou >= 0 && iou <= 1)) {
        return err_set(err, ERR_USAGE, "settings: iou_max must lie between 0 and 1");
    }
    how->stride = (size_t)stride;
    how->iou_max = iou;
    how->least = p->settings.threshold;
    return detect_stride(&p->card, stride, err);
}

/* Whole voxels that hold all of the box; the upper end is not in it. */
static void whole(const struct box *box, const size_t n[], size_t ret_min[3], size_t ret_max[3])
{
    for (size_t a = 0; a < 3; a++) {
        double low = fmin(fmax(floor(box->low[a] + ROUNDING), 0), (double)(n[a] - 1));
        double high = fmin(ceil(box->high[a] - ROUNDING), (double)n[a]);

        ret_min[a] = (size_t)low;
        ret_max[a] = high > low ? (size_t)high : ret_min[a] + 1;
    }
}

/* Which of the card's labels a score is: the only score of two labels, no and yes, is the second.
 */
static size_t label_of(const struct predict *p, const struct detect_found *found, size_t i)
{
    return found->classes == 1 && p->card.n_labels == 2 ? 1 : found->label[i];
}

static bool put_boxes(struct predict *p, const struct detect_found *found, struct err *err)
{
    json_t *list = json_array();
    json_t *doc = predict_head(p, err);
    size_t told = 0;
    double best = NAN;
    bool good = doc != NULL && json_put(doc, "boxes", list, err);

    for (size_t i = 0; good && i < found->n && told < MOST_BOXES; i++) {
        char room[PREDICT_LABEL];
        size_t low[3];
        size_t high[3];

        size_t label = label_of(p, found, i);

        if (!p->settings.keep[label]) {
            continue;
        }
        whole(&found->box[i], p->volume.n, low, high);
        best = told++ == 0 ? found->box[i].score : best;
        good =
            json_array_append_new(
                list,
                json_pack("{s:s, s:f, s:[I, I, I], s:[I, I, I]}", "label",
                          p->card.n_labels > 0 ? predict_label(&p->card, label, room) : "finding",
                          "score", found->box[i].score, "min", (json_int_t)low[0],
                          (json_int_t)low[1], (json_int_t)low[2], "max", (json_int_t)high[0],
                          (json_int_t)high[1], (json_int_t)high[2])) == 0 ||
            err_set(err, ERR_NOMEM, "out of memory");
    }
    good = good && job_value(p->job, "boxes", json_integer((json_int_t)told), err) &&
        job_value(p->job, "best", job_number(best), err);
    if (!good) {
        json_decref(doc);
        return false;
    }
    return predict_write(p, "boxes", doc, err);
}

static bool put_picture(const struct predict *p, const struct detect_found *found, struct err *err)
{
    struct segment_view view = {.in = &p->volume,
                                .box = found->box,
                                .boxes = found->n < MOST_DRAWN ? found->n : MOST_DRAWN};
    const char *path = NULL;
    const char *final = NULL;

    for (size_t a = 0; a < 3; a++) {
        view.at[a] = found->n > 0 ? (size_t)((found->box[0].low[a] + found->box[0].high[a]) / 2)
                                  : p->volume.n[a] / 2;
        view.at[a] = view.at[a] < p->volume.n[a] ? view.at[a] : p->volume.n[a] - 1;
    }
    segment_window(&p->card, &view);
    return image_arg_out(p->job, "preview", false, &path, &final, err) &&
        (path == NULL || segment_planes(&view, path, err));
}

/* Boxes of a view are those of the series, some slices further. */
static void shift(struct detect_found *found, size_t first)
{
    for (size_t i = 0; i < found->n; i++) {
        found->box[i].low[2] += (double)first;
        found->box[i].high[2] += (double)first;
    }
}

static bool work(struct predict *p, struct detect_found *found, struct err *err)
{
    struct detect_how how = {
        .all_classes = true, .threads = p->job->threads, .progress = tell, .arg = p->job};
    struct volume view;
    int64_t start;

    if (!settings(p, &how, err) || !predict_load(p, err) || !predict_read(p, err) ||
        !predict_slices(&p->volume, &p->settings, &view, err)) {
        return false;
    }
    start = clock_mono_us();
    if (!detect_run(p->kept.infer, &view, &how, found, err)) {
        return false;
    }
    p->seconds_model = (double)(clock_mono_us() - start) * 1e-6;
    shift(found, p->settings.first);
    return put_boxes(p, found, err) && put_picture(p, found, err) && predict_end(p, err);
}

static bool run(struct job *job, struct err *err)
{
    struct predict p = {.job = NULL};
    struct detect_found found = {NULL, NULL, 0, 0};
    bool good = predict_begin(&p, job, MODEL_DETECTION, err) && work(&p, &found, err);

    if (good) {
        job_progress(job, 1, "%zu finding%s", found.n, found.n == 1 ? "" : "s");
    }
    detect_fini(&found);
    predict_fini(&p);
    return good;
}

const struct step step_predict_detect = {
    .name = "predict.detect",
    .title = "findings in a series",
    .help = "One CT, MR or NIfTI series through a detector: boxes with their scores in the series' "
            "own voxels, and a picture.",
    .version = 1,
    .phase = "predict",
    .word_done = "Predicted",
    .word_failed = "Prediction failed",
    .stall_s = 3600,
    .mem = "3G",
    .run = run,
};
