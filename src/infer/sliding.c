/*
 * A volume patch by patch. Segmentation (the sliding window of the nnU-Net paper, Isensee et al.
 * 2021, doi 10.1038/s41592-020-01008-z): scores of overlapping patches are summed with a Gaussian
 * weight and divided by the sum of the weights. Detection: a score a patch, and that is all.
 */
#include "infer/run.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"

#define AXES 3
#define DEVIATION 0.125 /* of the patch's length */
#define MOST_OVERLAP 0.9

struct window {
    size_t n[AXES]; /* of the volume: columns, rows, slices */
    size_t patch[AXES];
    size_t steps[AXES];
    float *weight[AXES];
    size_t channels, voxels, patch_voxels;
    float *input; /* one patch */
    float *sum;   /* of the weights */
};

/* Sizes, and room for one patch. */
static bool measure(struct window *w, const struct infer *m, const size_t n[3],
                    struct ort_tensor *ret_in, struct err *err)
{
    if (!infer_shape(m, ret_in, err)) {
        return false;
    }
    if (ret_in->rank < AXES + 1 || ret_in->n[0] != 1) {
        return err_set(err, ERR_UNSUPPORTED, "model '%s' takes no 3-D patches", m->card.name);
    }
    w->channels = m->card.channels;
    w->voxels = w->patch_voxels = 1;
    for (size_t a = 0; a < AXES; a++) {
        w->n[a] = n[a];
        w->patch[a] = (size_t)ret_in->n[ret_in->rank - 1 - a];
        w->voxels *= n[a];
        w->patch_voxels *= w->patch[a];
    }
    w->input = mem_big(w->channels * w->patch_voxels, sizeof(float), err);
    return w->input && (w->patch_voxels > 0 || err_bug(err, "an empty patch"));
}

static size_t steps(size_t n, size_t patch, size_t stride)
{
    return n > patch ? (n - patch + stride - 1) / stride + 1 : 1;
}

static bool plan(struct window *w, const struct infer *m, const size_t n[3], double overlap,
                 struct ort_tensor *ret_in, struct err *err)
{
    bool ok = measure(w, m, n, ret_in, err);
    overlap = !(overlap > 0) ? 0 : overlap > MOST_OVERLAP ? MOST_OVERLAP : overlap;
    for (size_t a = 0; ok && a < AXES; a++) {
        size_t p = w->patch[a], stride = (size_t)lround((double)p * (1 - overlap));
        w->steps[a] = steps(n[a], p, stride ? stride : 1);
        w->weight[a] = mem_array(p, sizeof(float), err);
        ok = w->weight[a] != NULL;
        for (size_t i = 0; ok && i < p; i++) {
            double x = ((double)i - (double)(p - 1) / 2) / (DEVIATION * (double)p);
            w->weight[a][i] = (float)exp(-x * x / 2);
        }
    }
    w->sum = ok ? mem_array(w->voxels, sizeof(float), err) : NULL;
    return w->sum != NULL;
}

static void drop(struct window *w)
{
    for (size_t a = 0; a < AXES; a++) {
        mem_free(w->weight[a]);
    }
    mem_free(w->input);
    mem_free(w->sum);
}

/* Where the patch of a step begins: evenly spread, the first and the last at the ends. */
static size_t begins(const struct window *w, size_t axis, size_t step)
{
    if (w->steps[axis] == 1) {
        return 0;
    }
    double range = (double)(w->n[axis] - w->patch[axis]);
    return (size_t)lround(range * (double)step / (double)(w->steps[axis] - 1));
}

static size_t inside(size_t i, size_t n)
{
    return i < n ? i : n - 1;
}

static void cut(const struct window *w, const float *volume, const size_t at[AXES])
{
    float *to = w->input;
    for (size_t c = 0; c < w->channels; c++) {
        for (size_t z = 0; z < w->patch[2]; z++) {
            for (size_t y = 0; y < w->patch[1]; y++) {
                const float *row = volume +
                    ((c * w->n[2] + inside(at[2] + z, w->n[2])) * w->n[1] +
                     inside(at[1] + y, w->n[1])) *
                        w->n[0];
                for (size_t x = 0; x < w->patch[0]; x++) {
                    *to++ = row[inside(at[0] + x, w->n[0])];
                }
            }
        }
    }
}

/* Add a patch's scores. They are activated here, voxel by voxel, so that what is blended lies
 * between 0 and 1 whatever the network's scale. */
static void blend(const struct window *w, const struct model_card *card, const float *scores,
                  size_t classes, const size_t at[AXES], float *ret)
{
    float voxel[INFER_MAX_CLASSES];
    for (size_t z = 0; z < w->patch[2] && at[2] + z < w->n[2]; z++) {
        for (size_t y = 0; y < w->patch[1] && at[1] + y < w->n[1]; y++) {
            float weight_zy = w->weight[2][z] * w->weight[1][y];
            const float *from = scores + (z * w->patch[1] + y) * w->patch[0];
            size_t to = ((at[2] + z) * w->n[1] + at[1] + y) * w->n[0] + at[0];
            for (size_t x = 0; x < w->patch[0] && at[0] + x < w->n[0]; x++) {
                float weight = weight_zy * w->weight[0][x];
                for (size_t c = 0; c < classes; c++) {
                    voxel[c] = from[c * w->patch_voxels + x];
                }
                infer_activate(card, voxel, classes);
                for (size_t c = 0; c < classes; c++) {
                    ret[c * w->voxels + to + x] += weight * voxel[c];
                }
                w->sum[to + x] += weight;
            }
        }
    }
}

static bool one_patch(struct infer *m, const struct window *w, const float *volume,
                      struct ort_tensor *in, const size_t at[AXES], float *ret_scores,
                      size_t most_classes, size_t *classes, struct err *err)
{
    struct ort_tensor out;
    cut(w, volume, at);
    in->values = w->input;
    if (!infer_once(m, in, &out, err)) {
        return false;
    }
    size_t got = w->patch_voxels ? ort_count(&out) / w->patch_voxels : 0;
    if (got == 0 || got > most_classes || got > INFER_MAX_CLASSES ||
        got * w->patch_voxels != ort_count(&out) || (*classes && got != *classes)) {
        return err_set(err, ERR_FORMAT,
                       "model '%s' does not give 1 to %zu scores for each voxel of its patch",
                       m->card.name, most_classes);
    }
    if (!*classes) {
        memset(ret_scores, 0, got * w->voxels * sizeof *ret_scores);
    }
    *classes = got;
    blend(w, &m->card, out.values, got, at, ret_scores);
    return true;
}

bool infer_sliding(struct infer *m, const float *volume, const size_t n[3],
                   const struct infer_sliding *how, float *ret_scores, size_t most_classes,
                   size_t *ret_classes, struct err *err)
{
    struct window w = {.sum = NULL};
    struct ort_tensor in;
    size_t classes = 0, done = 0, all;
    bool ok = plan(&w, m, n, how->overlap, &in, err);
    all = w.steps[0] * w.steps[1] * w.steps[2];
    for (size_t i = 0; ok && i < all; i++) {
        size_t step[AXES] = {i % w.steps[0], i / w.steps[0] % w.steps[1],
                             i / (w.steps[0] * w.steps[1])},
               at[AXES];
        for (size_t a = 0; a < AXES; a++) {
            at[a] = begins(&w, a, step[a]);
        }
        ok = one_patch(m, &w, volume, &in, at, ret_scores, most_classes, &classes, err);
        done++;
        ok = ok && (!how->progress || how->progress(how->arg, (double)done / (double)all, err));
    }
    for (size_t c = 0; ok && c < classes; c++) {
        for (size_t i = 0; i < w.voxels; i++) {
            ret_scores[c * w.voxels + i] /= w.sum[i];
        }
    }
    if (ok) {
        *ret_classes = classes;
    }
    drop(&w);
    return ok;
}

/* ---- detection ---- */

/* The score of the patch that was cut. */
static bool judge(struct infer *m, const struct window *w, struct ort_tensor *in, double *ret,
                  struct err *err)
{
    float scores[INFER_MAX_CLASSES];
    struct ort_tensor out;
    in->values = w->input;
    if (!infer_once(m, in, &out, err)) {
        return false;
    }
    size_t classes = ort_count(&out);
    if (classes == 0 || classes > INFER_MAX_CLASSES) {
        return err_set(err, ERR_FORMAT,
                       "model '%s' gives %zu numbers for a patch, 1 to %d are handled: a score, or "
                       "one a class",
                       m->card.name, classes, INFER_MAX_CLASSES);
    }
    memcpy(scores, out.values, classes * sizeof *scores);
    infer_activate(&m->card, scores, classes);
    *ret = (double)scores[classes - 1];
    return isfinite(*ret) ||
        err_set(err, ERR_FAILED, "model '%s' gives a score that is no number", m->card.name);
}

bool infer_patches(struct infer *m, const float *volume, const size_t n[3],
                   const struct infer_patches *how, struct infer_patch **ret, size_t *ret_n,
                   struct err *err)
{
    struct window w = {.sum = NULL};
    struct ort_tensor in;
    struct infer_patch *list = NULL, patch;
    size_t all = 1, found = 0, stride = how->stride ? how->stride : 1;
    bool ok = measure(&w, m, n, &in, err);
    for (size_t a = 0; ok && a < AXES; a++) {
        w.steps[a] = steps(n[a], w.patch[a], stride);
        all *= w.steps[a];
    }
    list = ok ? mem_array(all, sizeof *list, err) : NULL;
    ok = list != NULL;
    for (size_t i = 0; ok && i < all; i++) {
        const size_t step[AXES] = {i % w.steps[0], i / w.steps[0] % w.steps[1],
                                   i / (w.steps[0] * w.steps[1])};
        for (size_t a = 0; a < AXES; a++) {
            size_t last = n[a] > w.patch[a] ? n[a] - w.patch[a] : 0, at = step[a] * stride;
            patch.at[a] = at < last ? at : last;
        }
        cut(&w, volume, patch.at);
        ok = judge(m, &w, &in, &patch.score, err) &&
            (!how->progress || how->progress(how->arg, (double)(i + 1) / (double)all, err));
        if (ok && patch.score >= how->least) {
            list[found++] = patch;
        }
    }
    drop(&w);
    if (!ok) {
        mem_free(list);
        return false;
    }
    *ret = list;
    *ret_n = found;
    return true;
}

void infer_labels(const struct model_card *card, const float *scores, size_t classes, size_t voxels,
                  uint8_t *ret_labels)
{
    bool background = classes > 1 && card->activation != MODEL_SIGMOID;
    for (size_t i = 0; i < voxels; i++) {
        size_t best = 0;
        for (size_t c = 1; c < classes; c++) {
            best = scores[c * voxels + i] > scores[best * voxels + i] ? c : best;
        }
        bool there = (double)scores[best * voxels + i] >= card->threshold;
        ret_labels[i] = (uint8_t)(background ? best : there ? best + 1 : 0);
    }
}
