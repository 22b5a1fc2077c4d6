/*
 * predict.classify: scores of a series. A bag of slices spread over it, the whole volume, or slice
 * by slice (then the series' scores are the means of its slices').
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "steps/image-args.h"
#include "steps/model-bag.h"
#include "steps/model-space.h"
#include "steps/predict.h"
#include "steps/predict-input.h"
#include "steps/segment.h"
#include "steps/step.h"

extern const struct step step_predict_classify;

#define FROM 0.1 /* of the progress: reading is done */
#define TO 0.95

struct classified {
    struct predict p;
    struct volume view; /* the slices that the settings choose */
    size_t classes;
    double scores[INFER_MAX_CLASSES];
    double *weight; /* of each slice of the series; NULL: the model does not say */
    bool weighs;
};

/* ---- a bag of slices ---- */

struct turned {
    const float *values;
    size_t plane;
};

static bool read_slice(void *arg, size_t slice, float *ret, struct err *err)
{
    const struct turned *t = arg;

    (void)err;
    memcpy(ret, t->values + slice * t->plane, t->plane * sizeof(*ret));
    return true;
}

static void take_attention(struct classified *c, const struct resample_grid *grid,
                           const float *attention, const size_t *chosen)
{
    size_t first = c->p.settings.first;

    for (size_t i = 0; i < c->p.card.slices; i++) {
        size_t slice;
        if (predict_input_slice(&c->view, grid, chosen[i], &slice)) {
            c->weight[first + slice] += (double)attention[i];
            c->weighs = true;
        }
    }
}

static bool run_bag(struct classified *c, const struct resample_grid *grid, float *values,
                    struct err *err)
{
    struct turned turned = {values, grid->n[0] * grid->n[1]};
    struct mil_job job = mil_job_default;
    struct infer_bag_result result;
    double range[2] = {0, 0};
    float *attention = mem_array(c->p.card.slices, sizeof(*attention), err);
    size_t *chosen = attention != NULL ? mem_array(c->p.card.slices, sizeof(*chosen), err) : NULL;
    size_t ignored;
    int64_t start = clock_mono_us();
    bool good = chosen != NULL;

    volume_range(&c->view, &range[0], &range[1], &ignored);
    range[1] = range[1] > range[0] ? range[1] : range[0] + 1;
    job.columns = grid->n[0];
    job.rows = grid->n[1];
    job.slices = grid->n[2];
    job.threads = c->p.job->threads;
    job.read = read_slice;
    job.arg = &turned;
    good = good && model_bag_run(c->p.kept.infer, &job, range, &result, attention, err);
    if (good) {
        c->p.seconds_model = (double)(clock_mono_us() - start) * 1e-6;
        c->classes = result.classes;
        for (size_t i = 0; i < result.classes; i++) {
            c->scores[i] = (double)result.scores[i];
        }
        mil_slices(grid->n[2], c->p.card.slices, chosen);
        if (result.attention) {
            take_attention(c, grid, attention, chosen);
        }
    }
    mem_free(chosen);
    mem_free(attention);
    return good;
}

static bool classify_bag(struct classified *c, struct err *err)
{
    struct resample_grid grid;
    float *values = NULL;
    bool same;
    bool good = model_space(&c->p.card, &c->view, &grid, &same, err);

    values = good ? model_space_values(&c->view, &grid, same, c->p.job->threads, err) : NULL;
    good = values != NULL && run_bag(c, &grid, values, err);
    mem_free(values);
    return good;
}

/* ---- volumes and slices ---- */

/* Scores of what `in` has now. */
static bool judge(struct classified *c, struct predict_input *in, float *ret, struct err *err)
{
    struct ort_tensor out;
    int64_t start = clock_mono_us();
    size_t classes;

    if (!infer_once(in->m, &in->in, &out, err)) {
        return false;
    }
    c->p.seconds_model += (double)(clock_mono_us() - start) * 1e-6;
    classes = ort_count(&out);
    if (classes == 0 || classes > INFER_MAX_CLASSES || (c->classes > 0 && classes != c->classes)) {
        return err_set(err, ERR_FORMAT,
                       "model '%s' gives %zu numbers, 1 to %d are handled: one score a class",
                       c->p.card.name, classes, INFER_MAX_CLASSES);
    }
    memcpy(ret, out.values, classes * sizeof(*ret));
    infer_activate(&c->p.card, ret, classes);
    for (size_t i = 0; i < classes; i++) {
        if (!isfinite(ret[i])) {
            return err_set(err, ERR_FAILED, "model '%s' gives a result that is no number",
                           c->p.card.name);
        }
    }
    c->classes = classes;
    return true;
}

/* Of a model of slices: how much each says for what the series' slices say together. */
static void weigh(struct classified *c, const struct predict_input *in, const float *each)
{
    size_t best = 0;
    double sum = 0;

    for (size_t i = 1; i < c->classes; i++) {
        best = c->scores[i] > c->scores[best] ? i : best;
    }
    for (size_t z = 0; z < in->n; z++) {
        sum += fmax((double)each[z * INFER_MAX_CLASSES + best], 0);
    }
    for (size_t z = 0; z < in->n && sum > 0; z++) {
        size_t slice;
        if (predict_input_slice(&c->view, &in->grid, z, &slice)) {
            c->weight[c->p.settings.first + slice] +=
                fmax((double)each[z * INFER_MAX_CLASSES + best], 0) / sum;
            c->weighs = true;
        }
    }
}

static bool classify_whole(struct classified *c, struct err *err)
{
    struct predict_input in;
    float *each = NULL;
    bool good = predict_input_open(&in, c->p.kept.infer, &c->view, c->p.job->threads, err);

    each = good ? mem_array(in.n * INFER_MAX_CLASSES, sizeof(*each), err) : NULL;
    good = each != NULL;
    for (size_t i = 0; good && i < in.n; i++) {
        good = predict_input_tensor(&in, i, err) &&
            judge(c, &in, each + i * INFER_MAX_CLASSES, err) && job_go_on(c->p.job, err);
        job_progress(c->p.job, FROM + (TO - FROM) * (double)(i + 1) / (double)in.n, "classifying");
        for (size_t k = 0; good && k < c->classes; k++) {
            c->scores[k] += (double)each[i * INFER_MAX_CLASSES + k] / (double)in.n;
        }
    }
    if (good && in.n > 1) {
        weigh(c, &in, each);
    }
    mem_free(each);
    predict_input_close(&in);
    return good;
}

/* ---- what is told ---- */

/* One score under two names is that of the second; the first has the rest. */
static void split_one(struct classified *c)
{
    if (c->classes == 1 && c->p.card.n_labels == 2) {
        c->scores[1] = c->scores[0];
        c->scores[0] = 1 - c->scores[1];
        c->classes = 2;
    }
}

/* The winner: the greatest, when it reaches the threshold or nobody asks for one. */
static const char *winner(const struct classified *c, bool one, char room[PREDICT_LABEL])
{
    const struct model_card *card = &c->p.card;
    double threshold = c->p.settings.threshold;
    size_t best = 0;

    if (one && c->classes == 2) {
        return predict_label(card, c->scores[1] >= threshold ? 1 : 0, room);
    }
    for (size_t i = 1; i < c->classes; i++) {
        best = c->scores[i] > c->scores[best] ? i : best;
    }
    bool asked =
        c->classes == 1 || card->activation == MODEL_SIGMOID || c->p.settings.threshold_set;
    return asked && c->scores[best] < threshold ? "" : predict_label(card, best, room);
}

static json_t *attention_of(const struct classified *c)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && c->weighs && i < c->p.volume.n[2]; i++) {
        if (c->weight[i] > 0 &&
            json_array_append_new(
                list, json_pack("{s:I, s:f}", "slice", (json_int_t)i, "weight", c->weight[i])) !=
                0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool put_values(struct classified *c, struct err *err)
{
    char room[PREDICT_LABEL];
    bool one = c->classes == 1;
    json_t *labels = json_array();
    json_t *scores = json_array();
    json_t *doc = predict_head(&c->p, err);
    const char *word;
    bool good;

    split_one(c);
    word = winner(c, one, room);
    good = job_value(c->p.job, "label", json_string(word), err);
    good = doc != NULL && json_put(doc, "labels", labels, err) &&
        json_put(doc, "scores", scores, err) && json_put(doc, "label", json_string(word), err) &&
        json_put(doc, "threshold", json_real(c->p.settings.threshold), err) &&
        json_put(doc, "attention", attention_of(c), err) && good;
    for (size_t i = 0; good && i < c->classes; i++) {
        char key[PREDICT_LABEL + 8];
        const char *name = predict_label(&c->p.card, i, room);

        snprintf(key, sizeof(key), "score.%s", name);
        good = job_value(c->p.job, key, json_real(c->scores[i]), err) &&
            ((json_array_append_new(labels, json_string(name)) == 0 &&
              json_array_append_new(scores, json_real(c->scores[i])) == 0) ||
             err_set(err, ERR_NOMEM, "out of memory"));
    }
    if (!good) {
        json_decref(doc);
        return false;
    }
    return predict_write(&c->p, "values", doc, err);
}

/* Three planes through the slice that counted most. */
static bool put_picture(const struct classified *c, struct err *err)
{
    const struct volume *v = &c->p.volume;
    struct segment_view view = {.in = v, .at = {v->n[0] / 2, v->n[1] / 2, v->n[2] / 2}};
    const char *path = NULL;
    const char *final = NULL;

    for (size_t i = 0; c->weighs && i < v->n[2]; i++) {
        view.at[2] = c->weight[i] > c->weight[view.at[2]] ? i : view.at[2];
    }
    segment_window(&c->p.card, &view);
    return image_arg_out(c->p.job, "preview", false, &path, &final, err) &&
        (path == NULL || segment_planes(&view, path, err));
}

static bool work(struct classified *c, struct err *err)
{
    struct predict *p = &c->p;

    if (!predict_load(p, err) || !predict_read(p, err) ||
        !predict_slices(&p->volume, &p->settings, &c->view, err)) {
        return false;
    }
    c->weight = mem_array(p->volume.n[2], sizeof(*c->weight), err);
    if (c->weight == NULL ||
        !(p->card.slices > 0 ? classify_bag(c, err) : classify_whole(c, err))) {
        return false;
    }
    return put_values(c, err) && put_picture(c, err) && predict_end(p, err);
}

static bool run(struct job *job, struct err *err)
{
    struct classified c = {.classes = 0};
    bool good = predict_begin(&c.p, job, MODEL_CLASSIFICATION, err) && work(&c, err);

    if (good) {
        job_progress(job, 1, "classified");
    }
    mem_free(c.weight);
    predict_fini(&c.p);
    return good;
}

const struct step step_predict_classify = {
    .name = "predict.classify",
    .title = "classification of a series",
    .help = "One CT, MR or NIfTI series through a classifier: a score for each label, the winner, "
            "which slices counted, and a picture.",
    .version = 1,
    .phase = "predict",
    .word_done = "Predicted",
    .word_failed = "Prediction failed",
    .stall_s = 3600,
    .mem = "3G",
    .run = run,
};
