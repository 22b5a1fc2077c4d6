/*
 * One pass over the images counts every label and finds its box; the rest happens inside the box.
 * The distance transform works along columns (two scans), then along rows and slices, where each
 * line is the lower envelope of parabolas.
 */
#include "math/overlap.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define LABELS 65536
#define PREDICTED 1 /* bits of a voxel in a box */
#define TRUTH 2
#define PREDICTED_EDGE 4
#define TRUTH_EDGE 8
#define NEARLY 1e-9  /* ten steps of 0.1 mm are 1 mm */
#define SMALL 100000 /* voxels */
#define SIDE 8       /* lines that are gathered at once: doubles of one cache line */

/* ---- which labels there are ---- */

static void widen(struct overlap *o, size_t c, size_t r, size_t s)
{
    const size_t at[3] = {c, r, s};

    for (size_t i = 0; i < 3; i++) {
        o->low[i] = at[i] < o->low[i] ? at[i] : o->low[i];
        o->high[i] = at[i] >= o->high[i] ? at[i] + 1 : o->high[i];
    }
}

static struct overlap *entry(struct overlap *all, uint16_t label, size_t *n)
{
    struct overlap *o = &all[label];

    if (o->predicted == 0 && o->truth == 0) {
        o->low[0] = o->low[1] = o->low[2] = SIZE_MAX;
        (*n)++;
    }
    return o;
}

static size_t count(const uint16_t *predicted, const uint16_t *truth, const size_t n[3],
                    struct overlap *all)
{
    size_t found = 0;

    for (size_t s = 0, i = 0; s < n[2]; s++) {
        for (size_t r = 0; r < n[1]; r++) {
            for (size_t c = 0; c < n[0]; c++, i++) {
                uint16_t p = predicted[i];
                uint16_t t = truth[i];

                if (p != 0) {
                    struct overlap *o = entry(all, p, &found);
                    widen(o, c, r, s);
                    o->predicted++;
                    o->both += p == t;
                }
                if (t != 0) {
                    struct overlap *o = entry(all, t, &found);
                    widen(o, c, r, s);
                    o->truth++;
                }
            }
        }
    }
    return found;
}

bool overlap_find(const uint16_t *predicted, const uint16_t *truth, const size_t n[3],
                  struct overlap **ret, size_t *ret_n, struct err *err)
{
    struct overlap *all = mem_array(LABELS, sizeof(*all), err);
    struct overlap *list = NULL;
    size_t found = 0;
    bool good = all != NULL;

    if (good) {
        found = count(predicted, truth, n, all);
        list = mem_array(found + 1, sizeof(*list), err);
        good = list != NULL;
    }
    for (size_t label = 1, k = 0; good && label < LABELS; label++) {
        if (all[label].predicted > 0 || all[label].truth > 0) {
            list[k] = all[label];
            list[k++].label = (uint16_t)label;
        }
    }
    mem_free(all);
    if (good) {
        *ret = list;
        *ret_n = found;
    }
    return good;
}

/* ---- distances ---- */

/* Along a row of columns, everything else being set or not: the nearest to the left and right. */
static void first_pass(const uint8_t *from, uint8_t bit, size_t n, double mm, double *ret)
{
    double steps = INFINITY;

    for (size_t i = 0; i < n; i++) {
        steps = from[i] & bit ? 0 : steps + 1;
        ret[i] = steps;
    }
    steps = INFINITY;
    for (size_t i = n; i-- > 0;) {
        steps = from[i] & bit ? 0 : steps + 1;
        double d = mm * fmin(steps, ret[i]);
        ret[i] = d * d;
    }
}

/* What one thread needs for a line: values, vertices of the envelope, where each one begins. */
struct line {
    double *f, *begin;
    size_t *vertex;
};

static void line_fini(struct line *l)
{
    mem_free(l->f);
    mem_free(l->begin);
    mem_free(l->vertex);
}

static bool line_new(struct line *l, size_t n)
{
    *l = (struct line){.f = mem_big(n * SIDE, sizeof(double), NULL),
                       .begin = mem_big(n, sizeof(double), NULL),
                       .vertex = mem_big(n, sizeof(size_t), NULL)};
    return l->f != NULL && l->begin != NULL && l->vertex != NULL;
}

/* min over q of f(q) + (mm (p - q))^2 for every p; section 2 of the paper, without the parabolas
 * that are infinitely high. */
static void envelope(struct line *l, const double *f, size_t n, double mm, double *ret,
                     size_t stride)
{
    size_t k = 0;
    bool any = false;

    for (size_t q = 0; q < n; q++) {
        if (!isfinite(f[q])) {
            continue;
        }
        double at = -INFINITY;     /* from here on this one is the lowest */
        for (size_t v; any; k--) { /* the first one begins at -infinity: it is never passed */
            v = l->vertex[k];
            at = ((f[q] - f[v]) / (mm * (double)(q - v)) + mm * (double)(q + v)) / 2;
            if (at > l->begin[k]) {
                break;
            }
        }
        k = any ? k + 1 : 0;
        l->vertex[k] = q;
        l->begin[k] = at;
        any = true;
    }
    for (size_t p = 0, j = 0; p < n; p++) {
        double x = mm * (double)p;
        while (any && j < k && l->begin[j + 1] < x) {
            j++;
        }
        double d = any ? mm * ((double)p - (double)l->vertex[j]) : 0;
        ret[p * stride] = any ? d * d + f[l->vertex[j]] : INFINITY;
    }
}

/* Lines of `n` voxels, `stride` apart, that begin at `first` and its next `width` neighbours. */
static void lines(struct line *l, double *values, size_t first, size_t width, size_t n,
                  size_t stride, double mm)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < width; k++) {
            l->f[k * n + i] = values[first + i * stride + k];
        }
    }
    for (size_t k = 0; k < width; k++) {
        envelope(l, l->f + k * n, n, mm, values + first + k, stride);
    }
}

/* All lines along axis 1 or 2: `outer` groups of n[0] neighbouring ones. */
static bool pass(double *values, const size_t n[3], int axis, double mm, unsigned threads)
{
    size_t length = n[axis];
    size_t stride = axis == 1 ? n[0] : n[0] * n[1];
    size_t step = axis == 1 ? n[0] * n[1] : n[0];
    size_t outer = axis == 1 ? n[2] : n[1];
    bool good = true;

#pragma omp parallel num_threads(threads) reduction(&& : good)
    {
        struct line l;
        good = line_new(&l, length);
#pragma omp for schedule(static)
        for (size_t o = 0; o < outer; o++) {
            for (size_t c = 0; good && c < n[0]; c += SIDE) {
                size_t width = n[0] - c < SIDE ? n[0] - c : SIDE;
                lines(&l, values, o * step + c, width, length, stride, mm);
            }
        }
        line_fini(&l);
    }
    return good;
}

bool overlap_distances(const uint8_t *from, uint8_t bit, const size_t n[3], const double mm[3],
                       unsigned threads, double *ret, struct err *err)
{
    size_t rows = n[1] * n[2];
    /* of a small box the threads would take longer to begin than the work */
    unsigned use = n[0] * rows < SMALL ? 1
        : threads > 0                  ? threads
                                       : (unsigned)omp_get_max_threads();

#pragma omp parallel for num_threads(use) schedule(static)
    for (size_t i = 0; i < rows; i++) {
        first_pass(from + i * n[0], bit, n[0], mm[0], ret + i * n[0]);
    }
    return (pass(ret, n, 1, mm[1], use) && pass(ret, n, 2, mm[2], use)) ||
        err_set(err, ERR_NOMEM, "out of memory while measuring distances");
}

/* ---- one label ---- */

/* The label's box, with bits for both masks. */
static void cut(const uint16_t *predicted, const uint16_t *truth, const size_t n[3],
                const struct overlap *o, const size_t size[3], uint8_t *box)
{
    for (size_t s = 0, i = 0; s < size[2]; s++) {
        for (size_t r = 0; r < size[1]; r++) {
            size_t at = ((o->low[2] + s) * n[1] + o->low[1] + r) * n[0] + o->low[0];
            for (size_t c = 0; c < size[0]; c++, i++, at++) {
                box[i] = (uint8_t)((predicted[at] == o->label ? PREDICTED : 0) |
                                   (truth[at] == o->label ? TRUTH : 0));
            }
        }
    }
}

/* Which of the bits all six neighbours have; what is outside the box has none. */
static uint8_t around(const uint8_t *box, const size_t n[3], size_t c, size_t r, size_t s)
{
    size_t i = (s * n[1] + r) * n[0] + c;

    if (c == 0 || r == 0 || s == 0 || c + 1 == n[0] || r + 1 == n[1] || s + 1 == n[2]) {
        return 0;
    }
    return (uint8_t)(box[i - 1] & box[i + 1] & box[i - n[0]] & box[i + n[0]] &
                     box[i - n[0] * n[1]] & box[i + n[0] * n[1]]);
}

static void find_edges(uint8_t *box, const size_t n[3], size_t ret[2])
{
    ret[0] = ret[1] = 0;
    for (size_t s = 0, i = 0; s < n[2]; s++) {
        for (size_t r = 0; r < n[1]; r++) {
            for (size_t c = 0; c < n[0]; c++, i++) {
                uint8_t edge = box[i] & (uint8_t)~around(box, n, c, r, s) & (PREDICTED | TRUTH);
                box[i] |= (uint8_t)(edge << 2);
                ret[0] += edge & PREDICTED;
                ret[1] += (edge & TRUTH) >> 1;
            }
        }
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Distances of one surface's `n` voxels: their percentile, and how many are near enough. */
static double percentile(double *distance, size_t n, double fraction)
{
    double at = fraction * (double)(n - 1);
    size_t i = (size_t)at;

    qsort(distance, n, sizeof(*distance), by_value);
    double next = distance[i + 1 < n ? i + 1 : i];
    return distance[i] + (at - (double)i) * (next - distance[i]);
}

/* From the surface with bit `of` to the one with bit `to`. */
static bool one_way(const uint8_t *box, const size_t size[3], uint8_t of, uint8_t to,
                    const double mm[3], unsigned threads, double *values, double *distance,
                    double tolerance, double *ret_hd95, size_t *ret_near, struct err *err)
{
    size_t voxels = size[0] * size[1] * size[2];
    size_t n = 0;

    if (!overlap_distances(box, to, size, mm, threads, values, err)) {
        return false;
    }
    for (size_t i = 0; i < voxels; i++) {
        if (box[i] & of) {
            distance[n] = sqrt(values[i]);
            *ret_near += distance[n++] <= tolerance * (1 + NEARLY);
        }
    }
    *ret_hd95 = fmax(*ret_hd95, percentile(distance, n, 0.95));
    return true;
}

static bool surfaces(const uint16_t *predicted, const uint16_t *truth, const size_t n[3],
                     const double mm[3], double tolerance, unsigned threads, struct overlap *o,
                     struct err *err)
{
    const size_t size[3] = {o->high[0] - o->low[0], o->high[1] - o->low[1], o->high[2] - o->low[2]};
    size_t voxels = size[0] * size[1] * size[2];
    size_t edges[2] = {0, 0};
    size_t near = 0;
    uint8_t *box = mem_big(voxels, 1, err);
    double *values = box != NULL ? mem_big(voxels, sizeof(*values), err) : NULL;
    double *distance = NULL;
    bool good = values != NULL;

    if (good) {
        cut(predicted, truth, n, o, size, box);
        find_edges(box, size, edges);
        distance = mem_big(edges[0] > edges[1] ? edges[0] : edges[1], sizeof(*distance), err);
        o->hd95 = 0;
        good = distance != NULL &&
            one_way(box, size, PREDICTED_EDGE, TRUTH_EDGE, mm, threads, values, distance, tolerance,
                    &o->hd95, &near, err) &&
            one_way(box, size, TRUTH_EDGE, PREDICTED_EDGE, mm, threads, values, distance, tolerance,
                    &o->hd95, &near, err);
    }
    if (good) {
        o->surface_dice = (double)near / (double)(edges[0] + edges[1]);
    }
    mem_free(distance);
    mem_free(values);
    mem_free(box);
    return good;
}

bool overlap_measure(const uint16_t *predicted, const uint16_t *truth, const size_t n[3],
                     const double mm[3], double tolerance_mm, unsigned threads, struct overlap *o,
                     struct err *err)
{
    double voxel_ml = mm[0] * mm[1] * mm[2] / 1000;
    size_t together = o->predicted + o->truth;
    bool none = together == 0;
    bool one = !none && (o->predicted == 0 || o->truth == 0);

    o->dice = none ? 1 : 2 * (double)o->both / (double)together;
    o->iou = none ? 1 : (double)o->both / (double)(together - o->both);
    o->predicted_ml = (double)o->predicted * voxel_ml;
    o->truth_ml = (double)o->truth * voxel_ml;
    o->volume_ml = o->predicted_ml - o->truth_ml;
    o->volume_percent = o->truth > 0
        ? 100 * ((double)o->predicted - (double)o->truth) / (double)o->truth
        : none ? 0
               : INFINITY;
    if (none || one) {
        o->hd95 = none ? 0 : INFINITY;
        o->surface_dice = none ? 1 : 0;
        return true;
    }
    return surfaces(predicted, truth, n, mm, tolerance_mm, threads, o, err);
}
