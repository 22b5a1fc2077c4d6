/* The work itself is every detector's (steps/detect.h); here is what triage asks of it. */
#include "steps/triage-detector.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "infer/keep.h"
#include "steps/common.h"
#include "steps/detect.h"

#define AXES 3

#define BOX_OF 5.0 /* DESIGN 10, where the card says nothing else */

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
    double stride = model_setting(values, "stride", DETECT_STRIDE);
    double iou_max = model_setting(values, "iou_max", DETECT_IOU);
    double box_of = model_setting(values, "box_of", BOX_OF);
    if (values == NULL) {
        return false;
    }
    json_decref(values);
    if (!detect_stride(&d->card, stride, err)) {
        return false;
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
                 struct teller *t, struct triage_findings *ret, struct err *err)
{
    const struct detect_how how = {.stride = d->stride,
                                   .least = d->card.threshold,
                                   .iou_max = d->iou_max,
                                   .threads = t->job->threads,
                                   .progress = tell,
                                   .arg = t};
    struct detect_found found;

    if (!detect_run(infer, ct, &how, &found, err)) {
        return false;
    }
    ret->box = found.box; /* of one label only */
    ret->n = found.n;
    ret->best = found.n < d->box_of ? found.n : d->box_of;
    mem_free(found.label);
    return true;
}

bool triage_detector_run(const struct triage_detector *d, const struct volume *ct, struct job *job,
                         double from, double to, struct triage_findings *ret, struct err *err)
{
    struct teller t = {job, from, to};
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
