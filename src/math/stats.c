/*
 * Quantiles without sorting and without a copy: a float's bits, turned so that their order is that
 * of the numbers, are counted by their upper half; the bin that holds the wanted rank is counted
 * again by the lower half. Two passes give any rank exactly.
 */
#include "math/stats.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"

#define HALF ((size_t)1 << 16)

struct selection {
    const float *values;
    const uint8_t *mask;
    uint8_t label;
    size_t count;
};

static bool chosen(const struct selection *s, size_t i)
{
    return (!s->mask || s->mask[i] == s->label) && isfinite(s->values[i]);
}

/* Unsigned numbers in the order of the floats. */
static uint32_t key_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float value_of(uint32_t key)
{
    float value;
    uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The bin that holds rank `*rank`, which becomes the rank within it. */
static uint32_t bin_of(const size_t *bins, size_t *rank)
{
    uint32_t bin = 0;
    while (bin + 1 < HALF && *rank >= bins[bin]) {
        *rank -= bins[bin++];
    }
    return bin;
}

/* `lower` is room for HALF counts. */
static double ranked(const struct selection *s, const size_t *upper, size_t *lower, size_t rank)
{
    uint32_t top = bin_of(upper, &rank);
    memset(lower, 0, HALF * sizeof *lower);
    for (size_t i = 0; i < s->count; i++) {
        uint32_t key = key_of(s->values[i]);
        if (key >> 16 == top && chosen(s, i)) {
            lower[key & 0xffff]++;
        }
    }
    return (double)value_of(top << 16 | bin_of(lower, &rank));
}

static bool find_quantiles(const struct selection *s, size_t n, const double *fraction,
                           size_t fractions, double *ret, struct err *err)
{
    size_t *upper = mem_array(2 * HALF, sizeof *upper, err);
    if (!upper) {
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (chosen(s, i)) {
            upper[key_of(s->values[i]) >> 16]++;
        }
    }
    for (size_t f = 0; f < fractions; f++) {
        double at = fmin(fmax(fraction[f], 0), 1) * (double)(n - 1);
        size_t rank = (size_t)at;
        double share = at - (double)rank, low = ranked(s, upper, upper + HALF, rank);
        double high = share > 0 ? ranked(s, upper, upper + HALF, rank + 1) : low;
        ret[f] = low + share * (high - low);
    }
    mem_free(upper);
    return true;
}

bool stats_measure(const float *values, const uint8_t *mask, uint8_t label, size_t count,
                   const double *fraction, size_t fractions, double *ret_quantile,
                   struct stats *ret, struct err *err)
{
    struct selection s = {values, mask, label, count};
    struct stats all = {.low = INFINITY, .high = -INFINITY};
    double sum = 0, square = 0, shift = 0;
    size_t within = 0;

    for (size_t i = 0; i < count; i++) {
        within += !mask || mask[i] == label;
        if (!chosen(&s, i)) {
            continue;
        }
        double v = (double)values[i];
        shift = all.count++ ? shift : v; /* large offsets do not cost digits of the deviation */
        sum += v - shift;
        square += (v - shift) * (v - shift);
        all.low = fmin(all.low, v);
        all.high = fmax(all.high, v);
    }
    if (all.count == 0) {
        return err_set(err, ERR_NOTHING, "none of %zu voxels is a number within the mask", count);
    }
    double n = (double)all.count, mean = sum / n;
    all.not_finite = within - all.count;
    all.mean = shift + mean;
    all.sd = sqrt(fmax(0, square / n - mean * mean));
    if (fractions && !find_quantiles(&s, all.count, fraction, fractions, ret_quantile, err)) {
        return false;
    }
    *ret = all;
    return true;
}

void stats_compare(const uint8_t *a, const uint8_t *b, uint8_t label, size_t count,
                   struct stats_overlap *ret)
{
    struct stats_overlap o = {0};
    for (size_t i = 0; i < count; i++) {
        o.a += a[i] == label;
        o.b += b[i] == label;
        o.both += a[i] == label && b[i] == label;
    }
    size_t any = o.a + o.b - o.both;
    o.dice = any ? 2 * (double)o.both / (double)(o.a + o.b) : 1;
    o.iou = any ? (double)o.both / (double)any : 1;
    *ret = o;
}
