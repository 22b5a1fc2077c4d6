/*
 * Contrast and size of what is shown.
 *
 * Quantiles are found by radix selection: floats as integers that sort alike, a histogram of their
 * upper 16 bits, then one of the lower 16 bits within the few bins that hold the ranks asked for.
 * Two passes, exact, and one hot pixel of 1e30 changes nothing, as it would with equal bins.
 */
#include "math/picture.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/kernels.h"

#define DIGITS 65536u
/* Up to so many samples all are counted; of more, a regular part that is enough for an eye. */
#define EXACT_MAX ((size_t)1 << 21)
/* Ranks at once: two for each fraction. */
#define MAX_RANKS 16

/* ---- quantiles ---- */

/* Pixels [from, to) of a row that count. */
static void span_of(size_t columns, size_t rows, size_t y, bool circle, size_t *from, size_t *to)
{
    *from = 0;
    *to = columns;
    if (circle && columns == rows && columns >= 4) {
        double middle = ((double)columns - 1) / 2, radius = (double)columns / 2 - 1;
        double dy = (double)y - middle, half = radius * radius - dy * dy;
        half = half > 0 ? sqrt(half) : -1;
        *from = half < 0 ? 0 : (size_t)ceil(middle - half);
        *to = half < 0 ? 0 : (size_t)floor(middle + half) + 1;
    }
}

/* A float's bits such that they sort as the numbers do. */
static inline uint32_t sortable(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float from_sortable(uint32_t key)
{
    uint32_t bits = key & 0x80000000u ? key ^ 0x80000000u : ~key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Keys of finite values lie within these; NaN and infinities outside. */
static inline bool finite_key(uint32_t key)
{
    return key > 0x007fffffu && key < 0xff800000u;
}

struct ranks {
    size_t n;
    uint64_t rank[MAX_RANKS]; /* among all finite samples; later: within its digit */
    uint32_t digit[MAX_RANKS];
    float value[MAX_RANKS];
};

/* What is counted: all pixels, or every step-th of every step-th row, shifted from row to row. */
struct area {
    const float *image;
    size_t columns, rows, step;
    bool circle;
};

static size_t first_of(const struct area *a, size_t y, size_t from)
{
    size_t phase = (from + y / a->step) % a->step;
    return from + (phase ? a->step - phase : 0);
}

static void count_high(const struct area *a, uint32_t *high)
{
    for (size_t y = 0; y < a->rows; y += a->step) {
        const float *row = a->image + y * a->columns;
        size_t from, to;
        span_of(a->columns, a->rows, y, a->circle, &from, &to);
        for (size_t x = first_of(a, y, from); x < to; x += a->step) {
            high[sortable(row[x]) >> 16]++;
        }
    }
}

/* The lower digits of samples whose upper digit is `digit`. */
static void count_low(const struct area *a, uint32_t digit, uint32_t *low)
{
    for (size_t y = 0; y < a->rows; y += a->step) {
        const float *row = a->image + y * a->columns;
        size_t from, to;
        span_of(a->columns, a->rows, y, a->circle, &from, &to);
        for (size_t x = first_of(a, y, from); x < to; x += a->step) {
            uint32_t key = sortable(row[x]);
            if (key >> 16 == digit) {
                low[key & (DIGITS - 1)]++;
            }
        }
    }
}

/* Where in the histogram each rank lies. */
static uint32_t locate(const uint32_t *count, uint64_t *rank)
{
    uint32_t d = 0;
    while (d + 1 < DIGITS && *rank >= count[d]) {
        *rank -= count[d++];
    }
    return d;
}

/* Digits of infinities and NaN hold finite values of no float: a digit is one or the other. */
static uint64_t keep_finite(uint32_t *high)
{
    uint64_t total = 0;
    for (uint32_t d = 0; d < DIGITS; d++) {
        if (!finite_key(d << 16 | 0xffff) || !finite_key(d << 16)) {
            high[d] = 0;
        }
        total += high[d];
    }
    return total;
}

static void select_ranks(const struct area *a, const uint32_t *high, uint32_t *low, struct ranks *r)
{
    for (size_t i = 0; i < r->n; i++) {
        r->digit[i] = locate(high, &r->rank[i]);
    }
    for (size_t i = 0; i < r->n; i++) {
        if (i == 0 || r->digit[i] != r->digit[i - 1]) {
            memset(low, 0, DIGITS * sizeof *low);
            count_low(a, r->digit[i], low);
        }
        r->value[i] = from_sortable(r->digit[i] << 16 | locate(low, &r->rank[i]));
    }
}

bool picture_quantiles(const float *image, size_t columns, size_t rows, bool circle,
                       const double *fraction, size_t fractions, double *ret_value)
{
    struct err *quiet = err_ignore("an image without quantiles is shown from 0 to 1");
    uint32_t *high = mem_array(2 * (size_t)DIGITS, sizeof *high, quiet);
    struct area a = {image, columns, rows, 1, circle};
    struct ranks r = {0};
    uint64_t total = 0;

    while (columns * rows / (a.step * a.step) > EXACT_MAX) {
        a.step++;
    }
    if (!high || fractions > MAX_RANKS / 2) {
        mem_free(high);
        return false;
    }
    count_high(&a, high);
    total = keep_finite(high);
    for (size_t i = 0; total && i < fractions; i++) {
        double at = fmin(fmax(fraction[i], 0), 1) * (double)(total - 1);
        uint64_t left = (uint64_t)at;
        r.rank[r.n++] = left;
        r.rank[r.n++] = left + 1 < total ? left + 1 : left;
    }
    if (total) {
        select_ranks(&a, high, high + DIGITS, &r);
    }
    for (size_t i = 0; total && i < fractions; i++) {
        double at = fmin(fmax(fraction[i], 0), 1) * (double)(total - 1);
        double left = (double)r.value[2 * i], right = (double)r.value[2 * i + 1];
        ret_value[i] = left + (at - floor(at)) * (right - left);
    }
    mem_free(high);
    return total > 0;
}

/* ---- bytes ---- */

void picture_bytes(const float *values, size_t count, double low, double high, uint8_t *ret)
{
    double scale = 255 / (high - low);
    if (high > low && (double)(float)scale <= 3e38 && fabs(low) <= 3e38) {
        kernels_here()->bytes(values, count, (float)low, (float)scale, ret);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double v = (double)values[i];
        ret[i] = v > high ? 255 : v >= low ? 128 : 0; /* NaN is neither */
    }
}

/* ---- smaller ---- */

void picture_fit(size_t columns, size_t rows, size_t most, size_t *ret_columns, size_t *ret_rows)
{
    size_t longer = columns > rows ? columns : rows;
    *ret_columns = columns;
    *ret_rows = rows;
    if (most > 0 && longer > most) {
        double by = (double)most / (double)longer;
        *ret_columns = (size_t)fmax(1, floor((double)columns * by + 0.5));
        *ret_rows = (size_t)fmax(1, floor((double)rows * by + 0.5));
    }
}

/* How much of pixel `i` lies within [from, to). */
static double overlap(size_t i, double from, double to)
{
    double left = fmax(from, (double)i), right = fmin(to, (double)i + 1);
    return right > left ? right - left : 0;
}

/* Sums of a row of small pixels over its rows of the image: weighted values, and weights. */
static void shrink_rows(const float *image, size_t columns, size_t rows, double from, double to,
                        float *sum, float *weight)
{
    memset(sum, 0, columns * sizeof *sum);
    memset(weight, 0, columns * sizeof *weight);
    for (size_t y = (size_t)from; y < rows && (double)y < to; y++) {
        kernels_here()->gather(image + y * columns, columns, (float)overlap(y, from, to), sum,
                               weight);
    }
}

static void shrink_columns(const float *sum, const float *weight, size_t columns,
                           size_t out_columns, float *out)
{
    double step = (double)columns / (double)out_columns;
    for (size_t k = 0; k < out_columns; k++) {
        double from = (double)k * step, to = from + step, total = 0, part = 0;
        for (size_t x = (size_t)from; x < columns && (double)x < to; x++) {
            double w = overlap(x, from, to);
            total += w * (double)sum[x];
            part += w * (double)weight[x];
        }
        out[k] = part > 1e-6 ? (float)(total / part) : NAN;
    }
}

bool picture_shrink(const float *image, size_t columns, size_t rows, size_t out_columns,
                    size_t out_rows, float *ret_small, struct err *err)
{
    double step = (double)rows / (double)out_rows;
    float *sum;

    if (out_columns == 0 || out_rows == 0 || out_columns > columns || out_rows > rows) {
        return err_bug(err, "a picture can only be made smaller");
    }
    if (out_columns == columns && out_rows == rows) {
        memcpy(ret_small, image, columns * rows * sizeof *image);
        return true;
    }
    sum = mem_array(2 * columns, sizeof *sum, err);
    if (!sum) {
        return false;
    }
    for (size_t y = 0; y < out_rows; y++) {
        double from = (double)y * step;
        shrink_rows(image, columns, rows, from, from + step, sum, sum + columns);
        shrink_columns(sum, sum + columns, columns, out_columns, ret_small + y * out_columns);
    }
    mem_free(sum);
    return true;
}

/* ---- profile ---- */

static float bilinear(const float *image, size_t columns, size_t rows, double x, double y)
{
    if (!(x >= 0 && y >= 0 && x <= (double)(columns - 1) && y <= (double)(rows - 1))) {
        return NAN;
    }
    size_t x0 = (size_t)x, y0 = (size_t)y;
    size_t x1 = x0 + 1 < columns ? x0 + 1 : x0, y1 = y0 + 1 < rows ? y0 + 1 : y0;
    double u = x - (double)x0, v = y - (double)y0;
    const float *top = image + y0 * columns, *low = image + y1 * columns;
    /* A neighbour of weight 0 must not spoil the value when it is NaN. */
    double a = u > 0 ? (1 - u) * (double)top[x0] + u * (double)top[x1] : (double)top[x0];
    double b = u > 0 ? (1 - u) * (double)low[x0] + u * (double)low[x1] : (double)low[x0];
    return (float)(v > 0 ? (1 - v) * a + v * b : a);
}

void picture_profile(const float *image, size_t columns, size_t rows, const double from[2],
                     const double to[2], size_t count, float *ret)
{
    for (size_t i = 0; i < count; i++) {
        double t = count > 1 ? (double)i / (double)(count - 1) : 0;
        ret[i] = bilinear(image, columns, rows, from[0] + t * (to[0] - from[0]),
                          from[1] + t * (to[1] - from[1]));
    }
}
