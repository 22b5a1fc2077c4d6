/*
 * A volume patch by patch (the sliding window of the nnU-Net paper, Isensee et al. 2021, doi
 * 10.1038/s41592-020-01008-z). While the model works on one lot of patches, a thread beside cuts
 * the next lot and blends the last: two rooms for what goes in, and what came out is held until it
 * is blended. Slices that no later patch touches are given out and their memory is used again.
 */
#include <math.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "infer/beside.h"
#include "infer/blend.h"

#define MOST_OVERLAP 0.9
/* Voxels of a run: handing less than these over takes longer than the work. */
#define WORTH_A_THREAD 16384

struct sliding {
    struct infer *m;
    const float *volume;
    const struct infer_sliding *how;
    struct window w;
    size_t *begins[WINDOW_AXES];
    size_t steps[WINDOW_AXES];
    size_t patches, lot, lots; /* patches; of one run; runs */
    size_t *low;               /* of each lot: the first slice that it or a later one touches */
    float *in[2];
    struct ort_held *out[2]; /* of the model, until it is blended */
    const float *out_values[2];
    struct blend blend;
    /* What the thread beside does: */
    size_t cut, add; /* which lots; SIZE_MAX: none */
    struct err err;
    bool failed;
};

/* ---- the plan ---- */

/* Where the patches of an axis begin: evenly spread, the first and the last at the ends. */
static bool spread(struct sliding *s, size_t axis, double overlap, struct err *err)
{
    size_t n = s->w.n[axis];
    size_t patch = s->w.patch[axis];
    size_t stride = (size_t)lround((double)patch * (1 - overlap));
    size_t steps = window_steps(n, patch, stride > 0 ? stride : 1);

    s->steps[axis] = steps;
    s->begins[axis] = mem_array(steps, sizeof(size_t), err);
    for (size_t i = 1; s->begins[axis] != NULL && i < steps; i++) {
        s->begins[axis][i] = (size_t)lround((double)(n - patch) * (double)i / (double)(steps - 1));
    }
    return s->begins[axis] != NULL;
}

static void place(const struct sliding *s, size_t i, size_t ret[WINDOW_AXES])
{
    size_t patch = s->how->order != NULL ? s->how->order[i] : i;

    for (size_t a = 0; a < WINDOW_AXES; a++) {
        ret[a] = s->begins[a][patch % s->steps[a]];
        patch /= s->steps[a];
    }
}

static size_t in_lot(const struct sliding *s, size_t lot)
{
    size_t left = s->patches - lot * s->lot;

    return left < s->lot ? left : s->lot;
}

/* From the end: which slices a lot and those behind it still touch. */
static bool find_low(struct sliding *s, struct err *err)
{
    size_t at[WINDOW_AXES];

    s->low = mem_array(s->lots + 1, sizeof(*s->low), err);
    if (s->low == NULL) {
        return false;
    }
    s->low[s->lots] = s->w.n[2];
    for (size_t k = s->lots; k-- > 0;) {
        s->low[k] = s->low[k + 1];
        for (size_t i = 0; i < in_lot(s, k); i++) {
            place(s, k * s->lot + i, at);
            s->low[k] = at[2] < s->low[k] ? at[2] : s->low[k];
        }
    }
    return true;
}

/* How many slices must be held at once. */
static size_t held(const struct sliding *s)
{
    size_t end = 0;
    size_t most = 1;
    size_t at[WINDOW_AXES];

    for (size_t k = 0; k < s->lots; k++) {
        for (size_t i = 0; i < in_lot(s, k); i++) {
            place(s, k * s->lot + i, at);
            at[2] += s->w.patch[2];
            end = at[2] > end ? at[2] : end;
        }
        end = end < s->w.n[2] ? end : s->w.n[2];
        most = end - s->low[k] > most ? end - s->low[k] : most;
    }
    return most;
}

static bool plan(struct sliding *s, const size_t n[3], struct err *err)
{
    double overlap = s->how->overlap;
    bool good = window_measure(&s->w, s->m, n, err);

    overlap = !(overlap > 0) ? 0 : overlap > MOST_OVERLAP ? MOST_OVERLAP : overlap;
    s->patches = 1;
    for (size_t a = 0; good && a < WINDOW_AXES; a++) {
        good = spread(s, a, overlap, err);
        s->patches *= s->steps[a];
    }
    if (!good) {
        return false;
    }
    s->lot = s->w.batch > 0 ? s->w.batch : s->how->batch > 0 ? s->how->batch : 1;
    s->lot = s->lot < s->patches || s->w.batch > 0 ? s->lot : s->patches;
    s->lots = (s->patches + s->lot - 1) / s->lot;
    for (size_t i = 0; good && i < 2; i++) {
        s->in[i] = mem_big(s->lot * s->w.channels * s->w.voxels, sizeof(float), err);
        good = s->in[i] != NULL;
    }
    return good && find_low(s, err) &&
        blend_plan(&s->blend, &s->w, s->m->card.activation, s->begins, s->steps, err);
}

/* ---- beside the model ---- */

/* The patches of a lot, one behind the other; a model that insists on more gets the last again. */
static void cut_lot(struct sliding *s, size_t lot)
{
    size_t values = s->w.channels * s->w.voxels;
    size_t full = s->w.batch > 0 ? s->lot : in_lot(s, lot);
    size_t at[WINDOW_AXES];

    for (size_t i = 0; i < full; i++) {
        size_t patch = lot * s->lot + i;
        place(s, patch < s->patches ? patch : s->patches - 1, at);
        window_cut(&s->w, s->volume, at, s->in[lot % 2] + i * values);
    }
}

static bool give_out(struct sliding *s, size_t until)
{
    while (s->blend.complete < until) {
        size_t z = s->blend.complete;
        const float *scores = blend_slice(&s->blend);

        if (!s->how->slice(s->how->slice_arg, z, scores, s->blend.classes, &s->err)) {
            return false;
        }
    }
    return true;
}

static bool add_lot(struct sliding *s, size_t lot)
{
    size_t values = s->blend.classes * s->w.voxels;
    size_t at[WINDOW_AXES];

    for (size_t i = 0; i < in_lot(s, lot); i++) {
        place(s, lot * s->lot + i, at);
        if (!blend_add(&s->blend, s->out_values[lot % 2] + i * values, at)) {
            return err_set(&s->err, ERR_FAILED, "model '%s' gives scores that are no numbers",
                           s->m->card.name);
        }
    }
    ort_release(s->out[lot % 2]);
    s->out[lot % 2] = NULL;
    return give_out(s, s->low[lot + 1]);
}

static void work_beside(void *arg)
{
    struct sliding *s = arg;

    if (s->cut != SIZE_MAX) {
        cut_lot(s, s->cut);
    }
    if (s->add != SIZE_MAX && !s->failed) {
        s->failed = !add_lot(s, s->add);
    }
}

/* ---- the model ---- */

/* How many classes there are is known when the first lot has come out. */
static bool take(struct sliding *s, size_t lot, const struct ort_tensor *out, struct err *err)
{
    size_t full = s->w.batch > 0 ? s->lot : in_lot(s, lot);
    size_t voxels = full * s->w.voxels;
    size_t classes = voxels > 0 ? ort_count(out) / voxels : 0;

    if (classes == 0 || classes > INFER_MAX_CLASSES || classes * voxels != ort_count(out) ||
        (s->blend.classes > 0 && classes != s->blend.classes)) {
        return err_set(err, ERR_FORMAT,
                       "model '%s' does not give 1 to %d scores for each voxel of its patch",
                       s->m->card.name, INFER_MAX_CLASSES);
    }
    s->out_values[lot % 2] = out->values;
    s->out[lot % 2] = ort_hold(s->m->session, err);
    return s->out[lot % 2] != NULL &&
        (s->blend.classes > 0 || blend_room(&s->blend, classes, held(s), err));
}

static bool run_lot(struct sliding *s, size_t lot, struct infer_sliding_done *done, struct err *err)
{
    struct ort_tensor out;
    int64_t start = clock_mono_us();

    if (s->w.batched && s->w.batch == 0) {
        s->w.in.n[0] = (int64_t)in_lot(s, lot);
    }
    s->w.in.values = s->in[lot % 2];
    if (!infer_once(s->m, &s->w.in, &out, err)) {
        return false;
    }
    done->seconds_model += (double)(clock_mono_us() - start) * 1e-6;
    return take(s, lot, &out, err);
}

static bool run_all(struct sliding *s, struct infer_sliding_done *done, struct err *err)
{
    struct beside beside;
    bool good = true;

    beside_open(&beside, s->lot * s->w.voxels >= WORTH_A_THREAD);
    cut_lot(s, 0);
    for (size_t k = 0; good && k < s->lots; k++) {
        s->cut = k + 1 < s->lots ? k + 1 : SIZE_MAX;
        s->add = k > 0 ? k - 1 : SIZE_MAX;
        beside_start(&beside, work_beside, s);
        good = run_lot(s, k, done, err);
        beside_wait(&beside);
        if (good && s->failed) {
            *err = s->err;
            good = false;
        }
        good = good &&
            (s->how->progress == NULL ||
             s->how->progress(s->how->arg, (double)(k + 1) / (double)s->lots, err));
    }
    beside_close(&beside);
    if (good && !add_lot(s, s->lots - 1)) {
        *err = s->err;
        good = false;
    }
    return good;
}

bool infer_sliding(struct infer *m, const float *volume, const size_t n[3],
                   const struct infer_sliding *how, struct infer_sliding_done *ret, struct err *err)
{
    struct infer_sliding_done done = {0, 0, 0};
    struct sliding s = {.m = m, .volume = volume, .how = how};
    bool good = plan(&s, n, err) && run_all(&s, &done, err);

    if (good) {
        done.patches = s.patches;
        done.classes = s.blend.classes;
        *ret = done;
    }
    for (size_t i = 0; i < 2; i++) {
        ort_release(s.out[i]);
        mem_free(s.in[i]);
    }
    for (size_t a = 0; a < WINDOW_AXES; a++) {
        mem_free(s.begins[a]);
    }
    mem_free(s.low);
    blend_fini(&s.blend);
    return good;
}
