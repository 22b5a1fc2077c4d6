/* Patches with a score become boxes in the model's space, go back to the study's voxels, and of
 * those that overlap the best stays. */
#include "steps/triage-detector.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "infer/keep.h"
#include "steps/common.h"
#include "steps/model-space.h"

#define AXES 3

/* DESIGN 10, where the card says nothing else. */
#define STRIDE 32.0
#define IOU_MAX 0.3
#define BOX_OF 5.0

/* A part of a voxel that is rounding of the affines and no part. */
#define ROUNDING 0.01

/* ---- finding it ---- */

static bool check(const struct model_card *card, const struct model_card *classifier,
                  struct err *err)
{
    if (card->task != MODEL_DETECTION) {
        return err_set(err, ERR_FORMAT, "its task is %s, not detection",
                       model_task_word(card->task));
    }
    if (card->channels != 1 || card->n_patch != AXES) {
        return err_set(err, ERR_FORMAT,
                       "it must take one channel and patches of 3 sizes (input.channels, "
                       "input.patch)");
    }
    if (strcmp(card->modality, classifier->modality) != 0) {
        return err_set(err, ERR_FORMAT, "it is for %s, the classifier for %s", card->modality,
                       classifier->modality);
    }
    return true;
}

static bool take_settings(struct triage_detector *d, struct err *err)
{
    json_t *values = model_settings(&d->card, NULL, err);
    double stride = model_setting(values, "stride", STRIDE);
    double iou_max = model_setting(values, "iou_max", IOU_MAX);
    double box_of = model_setting(values, "box_of", BOX_OF);
    size_t least = d->card.patch[0];

    for (size_t a = 1; a < AXES; a++) {
        least = d->card.patch[a] < least ? d->card.patch[a] : least;
    }
    if (values == NULL) {
        return false;
    }
    json_decref(values);
    if (!(stride >= 1) || stride > (double)least) {
        return err_set(err, ERR_FORMAT,
                       "setting stride is %g: it must lie between 1 and the patch's least size, "
                       "%zu, or some voxels would not be looked at",
                       stride, least);
    }
    if (!(iou_max >= 0 && iou_max <= 1) || !(box_of >= 1)) {
        return err_set(err, ERR_FORMAT, "setting iou_max must lie between 0 and 1, box_of from 1");
    }
    d->stride = (size_t)stride;
    d->iou_max = iou_max;
    d->box_of = (size_t)fmin(box_of, 1e6);
    return true;
}

bool triage_detector_find(const char *folder, const struct model_card *classifier,
                          struct triage_detector *ret, struct err *err)
{
    struct triage_detector d = {.folder = NULL};
    bool good = true;

    if (classifier->detector != NULL) {
        d.folder = path_join(folder, classifier->detector, err);
        good = d.folder != NULL && model_card_read(d.folder, &d.card, err) &&
            check(&d.card, classifier, err) && take_settings(&d, err);
    }
    if (!good) {
        triage_detector_fini(&d);
        return err_wrap(err, "the detector '%s' of model %s", classifier->detector,
                        classifier->name);
    }
    *ret = d;
    return true;
}

void triage_detector_fini(struct triage_detector *d)
{
    model_card_fini(&d->card);
    mem_free(d->folder);
    *d = (struct triage_detector){.folder = NULL};
}

/* ---- at work ---- */

/* A box of the model's space in voxels of the study, cut at the study's edges. `m` maps voxel
 * centres, and edges lie half a voxel before them. */
static void to_study(double m[3][4], const size_t n[], struct box *box)
{
    struct box out = {.score = box->score};

    for (size_t k = 0; k < AXES; k++) {
        double a = m[k][3] + 0.5;
        double b = a;

        for (size_t i = 0; i < AXES; i++) {
            double from = m[k][i] * (box->low[i] - 0.5);
            double to = m[k][i] * (box->high[i] - 0.5);

            a += fmin(from, to);
            b += fmax(from, to);
        }
        out.low[k] = fmin(fmax(a, 0), (double)n[k]);
        out.high[k] = fmin(fmax(b, 0), (double)n[k]);
    }
    *box = out;
}

struct teller {
    struct job *job;
    double from, to;
};

static bool tell(void *arg, double fraction, struct err *err)
{
    const struct teller *t = arg;

    job_progress(t->job, t->from + (t->to - t->from) * fraction, "looking for findings");
    return job_go_on(t->job, err);
}

static bool look(const struct triage_detector *d, struct infer *infer, const struct volume *ct,
                 const struct teller *t, struct triage_findings *ret, struct err *err)
{
    const struct infer_patches how = {d->stride, d->card.threshold, tell, (void *)t};
    struct resample_grid own;
    struct resample_grid grid;
    struct infer_patch *patch = NULL;
    struct triage_findings found = {NULL, 0, 0};
    float *values = NULL;
    double m[3][4];
    bool same;
    bool good;

    model_space_own(ct, &own);
    good = model_space(&d->card, ct, &grid, &same, err) && resample_connect(&own, &grid, m, err);
    values = good ? model_space_values(ct, &grid, same, t->job->threads, err) : NULL;
    if (values != NULL) {
        infer_scale(&d->card, values, resample_voxels(&grid));
        good = infer_patches(infer, values, grid.n, &how, &patch, &found.n, err);
        found.box = good ? mem_array(found.n + 1, sizeof(*found.box), err) : NULL;
    }
    mem_free(values);
    for (size_t i = 0; found.box != NULL && i < found.n; i++) {
        struct box *box = &found.box[i];

        box->score = patch[i].score;
        for (size_t a = 0; a < AXES; a++) {
            box->low[a] = (double)patch[i].at[a];
            box->high[a] = (double)(patch[i].at[a] + d->card.patch[a]);
        }
        to_study(m, ct->n, box);
    }
    mem_free(patch);
    if (found.box == NULL) {
        return false;
    }
    found.n = box_suppress(found.box, found.n, d->iou_max);
    found.best = found.n < d->box_of ? found.n : d->box_of;
    *ret = found;
    return true;
}

bool triage_detector_run(const struct triage_detector *d, const struct volume *ct, struct job *job,
                         double from, double to, struct triage_findings *ret, struct err *err)
{
    const struct teller t = {job, from, to};
    struct keep_model model;
    char without[MODEL_MAX_NAME + 80];
    bool good;

    *ret = (struct triage_findings){NULL, 0, 0};
    if (d->folder == NULL) {
        return true;
    }
    snprintf(without, sizeof(without), "the detector %s needs ONNX Runtime", d->card.name);
    if (!common_model_open(job, d->folder, without, &model, err)) {
        return false;
    }
    good = look(d, model.infer, ct, &t, ret, err);
    keep_close(job->models, &model);
    return good || err_wrap(err, "detector %s", d->card.name);
}

void triage_findings_fini(struct triage_findings *found)
{
    mem_free(found->box);
    *found = (struct triage_findings){NULL, 0, 0};
}

void triage_findings_words(const struct triage_findings *found, char *out, size_t size)
{
    struct box all;

    if (found->best == 0) {
        snprintf(out, size, "N/A");
        return;
    }
    box_around(found->box, found->best, &all);
    snprintf(out, size, "%.0f,%.0f,%.0f,%.0f,%.0f,%.0f", floor(all.low[0] + ROUNDING),
             ceil(all.high[0] - ROUNDING), floor(all.low[1] + ROUNDING),
             ceil(all.high[1] - ROUNDING), floor(all.low[2] + ROUNDING),
             ceil(all.high[2] - ROUNDING));
}
