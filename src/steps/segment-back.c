/*
 * A voxel of the series belongs to the pair of the grid's slices between which it lies; it is
 * decided on when the second of them is complete. Up to half a voxel beyond the outermost centres
 * their scores go on, further out is background.
 */
#include "steps/segment-back.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"

#define ROUNDING 1e-6 /* of affines: what lies so near to a voxel's centre lies on it */

bool segment_back_open(struct segment_back *b, const struct model_card *card,
                       const struct predict_settings *settings, const struct resample_grid *own,
                       const struct resample_grid *grid, uint8_t *labels, struct err *err)
{
    bool whole = true;

    *b = (struct segment_back){.card = card, .settings = settings, .labels = labels, .same = true};
    memcpy(b->n, own->n, sizeof(b->n));
    memcpy(b->grid, grid->n, sizeof(b->grid));
    if (!resample_connect(grid, own, b->m, err)) {
        return false;
    }
    for (size_t i = 0; i < 12; i++) {
        whole = whole && fabs(b->m[i / 4][i % 4] - rint(b->m[i / 4][i % 4])) < ROUNDING;
    }
    for (size_t i = 0; i < 12; i++) {
        double *x = &b->m[i / 4][i % 4];
        *x = whole ? rint(*x) : *x;
        b->same = b->same && *x == (i / 4 == i % 4 ? 1 : 0);
    }
    b->same = b->same && memcmp(b->n, b->grid, sizeof(b->n)) == 0;
    return true;
}

void segment_back_fini(struct segment_back *b)
{
    mem_free(b->before);
    b->before = NULL;
}

/* ---- deciding ---- */

/* The first of several classes is the background, unless each stands for itself. */
static bool has_background(const struct segment_back *b)
{
    return b->classes > 1 && b->card->activation != MODEL_SIGMOID;
}

/* Of the greatest score; the first of equal ones. */
static uint8_t decide(const struct segment_back *b, size_t best, double score)
{
    bool background = has_background(b);
    bool reaches = score >= b->settings->threshold;
    size_t label = background ? best : best + 1;

    if (background ? b->settings->threshold_set && !reaches : !reaches) {
        return 0;
    }
    return label < MODEL_MAX_LABELS && b->settings->keep[label] ? (uint8_t)label : 0;
}

/* The same voxels: a row at a time, no places to work out. */
static void same_slice(struct segment_back *b, size_t z, const float *scores)
{
    size_t plane = b->n[0] * b->n[1];
    uint8_t *to = b->labels + z * plane;

    for (size_t i = 0; i < plane; i++) {
        size_t best = 0;
        float most = scores[i];
        for (size_t c = 1; c < b->classes; c++) {
            float score = scores[c * plane + i];
            best = score > most ? c : best;
            most = score > most ? score : most;
        }
        to[i] = decide(b, best, (double)most);
    }
}

/* ---- between voxels ---- */

/* Of a place along an axis: the two voxels and how much the second counts. False when it lies
 * outside. */
struct between {
    size_t low, high;
    float part;
};

static bool find(double x, size_t n, struct between *ret)
{
    double last = (double)(n - 1);

    if (!(x >= -0.5 - ROUNDING && x <= last + 0.5 + ROUNDING)) {
        return false;
    }
    x = x < 0 ? 0 : x > last ? last : x;
    x = fabs(x - rint(x)) < ROUNDING ? rint(x) : x;
    ret->low = (size_t)x;
    ret->high = ret->low + 1 < n ? ret->low + 1 : ret->low;
    ret->part = (float)(x - (double)ret->low);
    return true;
}

static float mix(float a, float b, float part)
{
    return part > 0 ? a + (b - a) * part : a;
}

/* The score of one class at a place; `low` and `high` are its planes in the two slices. */
static float score_at(const float *low, const float *high, size_t columns,
                      const struct between at[3])
{
    const float *slices[2] = {low, high};
    float value[2] = {0, 0};

    for (size_t k = 0; k < (at[2].part > 0 ? 2U : 1U); k++) {
        const float *top = slices[k] + at[1].low * columns;
        const float *bottom = slices[k] + at[1].high * columns;

        value[k] = mix(mix(top[at[0].low], top[at[0].high], at[0].part),
                       mix(bottom[at[0].low], bottom[at[0].high], at[0].part), at[1].part);
    }
    return mix(value[0], value[1], at[2].part);
}

/* Which columns of a row may have their place between slices z - 1 and z: `from` grows by `step` a
 * column. One more at each side, as each is looked at exactly. */
static void columns_of(double from, double step, double low, double high, size_t n,
                       size_t *ret_first, size_t *ret_end)
{
    if (fabs(step) < 1e-12) {
        *ret_first = 0;
        *ret_end = from >= low - 1 && from <= high + 1 ? n : 0;
        return;
    }
    double a = (low - from) / step;
    double b = (high - from) / step;
    double first = floor(fmin(a, b)) - 1;
    double end = ceil(fmax(a, b)) + 2;

    *ret_first = first > 0 ? (size_t)fmin(first, (double)n) : 0;
    *ret_end = end > 0 ? (size_t)fmin(end, (double)n) : 0;
}

/* Is this the slice at which the place is decided: its upper one, or the only one? */
static bool is_turn(const struct between *at, size_t z)
{
    return (at->part > 0 ? at->high : at->low) == z;
}

static void row_between(struct segment_back *b, size_t z, const float *scores, size_t y,
                        size_t slice)
{
    size_t plane = b->grid[0] * b->grid[1];
    uint8_t *to = b->labels + (slice * b->n[1] + y) * b->n[0];
    double from[3];
    size_t first;
    size_t end;

    for (size_t a = 0; a < 3; a++) {
        from[a] = b->m[a][1] * (double)y + b->m[a][2] * (double)slice + b->m[a][3];
    }
    columns_of(from[2], b->m[2][0], (double)z - 1, (double)z + (z + 1 == b->grid[2] ? 0.5 : 0),
               b->n[0], &first, &end);
    for (size_t x = first; x < end; x++) {
        struct between at[3];
        size_t best = 0;
        float most = -INFINITY;

        if (!find(from[2] + b->m[2][0] * (double)x, b->grid[2], &at[2]) || !is_turn(&at[2], z) ||
            !find(from[0] + b->m[0][0] * (double)x, b->grid[0], &at[0]) ||
            !find(from[1] + b->m[1][0] * (double)x, b->grid[1], &at[1])) {
            continue;
        }
        for (size_t c = 0; c < b->classes; c++) {
            const float *low = (at[2].low == z ? scores : b->before) + c * plane;
            float score = score_at(low, scores + c * plane, b->grid[0], at);

            best = score > most ? c : best;
            most = score > most ? score : most;
        }
        to[x] = decide(b, best, (double)most);
    }
}

bool segment_back_slice(void *back, size_t z, const float *scores, size_t classes, struct err *err)
{
    struct segment_back *b = back;
    size_t count = classes * b->grid[0] * b->grid[1];

    b->classes = classes;
    if (b->same) {
        same_slice(b, z, scores);
        return true;
    }
    if (b->before == NULL) {
        b->before = mem_array(count, sizeof(*b->before), err);
        if (b->before == NULL) {
            return false;
        }
    }
    for (size_t slice = 0; slice < b->n[2]; slice++) {
        for (size_t y = 0; y < b->n[1]; y++) {
            row_between(b, z, scores, y, slice);
        }
    }
    memcpy(b->before, scores, count * sizeof(*b->before));
    return true;
}
