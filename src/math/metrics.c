/* Numbers about images. Sums are in double precision, in one order, so results do not depend on
 * threads. */
#include "math/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Up to this many samples percentiles are exact, by sorting. */
#define SORT_MAX ((size_t)1 << 16)
#define PERCENTILE_BINS ((size_t)1 << 16)

/* Sums of pairs of samples, taken about the first pair so that large offsets do not cost digits. */
struct sums {
    double n, a, b, aa, bb, ab, dd;
    double a0, b0, low, high;
};

static void add_pair(struct sums *s, double a, double b)
{
    if (s->n == 0) {
        s->a0 = a;
        s->b0 = b;
        s->low = s->high = b;
    }
    double x = a - s->a0, y = b - s->b0;
    s->n++;
    s->a += x;
    s->b += y;
    s->aa += x * x;
    s->bb += y * y;
    s->ab += x * y;
    s->dd += (a - b) * (a - b);
    s->low = fmin(s->low, b);
    s->high = fmax(s->high, b);
}

static double correlation_of(const struct sums *s)
{
    double va = s->aa - s->a * s->a / s->n, vb = s->bb - s->b * s->b / s->n,
           cov = s->ab - s->a * s->b / s->n;
    return s->n > 1 && va > 0 && vb > 0 ? cov / sqrt(va * vb) : 0;
}

void metrics_compare(const float *image, const float *reference, size_t n, double radius_fraction,
                     struct metrics_comparison *ret)
{
    struct sums s = {0};
    double middle = ((double)n - 1) / 2, radius = radius_fraction * (double)n / 2;
    for (size_t y = 0; y < n; y++) {
        for (size_t x = 0; x < n; x++) {
            double dx = (double)x - middle, dy = (double)y - middle;
            double a = (double)image[y * n + x], b = (double)reference[y * n + x];
            if (dx * dx + dy * dy <= radius * radius && isfinite(a) && isfinite(b)) {
                add_pair(&s, a, b);
            }
        }
    }
    *ret = (struct metrics_comparison){.samples = (size_t)s.n};
    if (s.n == 0) {
        return;
    }
    double vb = s.bb - s.b * s.b / s.n, cov = s.ab - s.a * s.b / s.n, va = s.aa - s.a * s.a / s.n;
    double range = s.high - s.low, rmse = sqrt(s.dd / s.n);
    ret->rmse = rmse;
    ret->psnr_db = 20 * log10(range / fmax(rmse, 1e-300));
    ret->gain = vb > 0 ? cov / vb : 0;
    ret->offset = s.a0 + s.a / s.n - ret->gain * (s.b0 + s.b / s.n);
    double fit =
        ret->gain != 0 ? sqrt(fmax(0, va - ret->gain * cov) / s.n) / fabs(ret->gain) : rmse;
    ret->fit_psnr_db = 20 * log10(range / fmax(fit, 1e-300));
    ret->correlation = correlation_of(&s);
}

double metrics_correlation(const float *a, const float *b, size_t count)
{
    struct sums s = {0};
    for (size_t i = 0; i < count; i++) {
        if (isfinite(a[i]) && isfinite(b[i])) {
            add_pair(&s, (double)a[i], (double)b[i]);
        }
    }
    return s.n > 0 ? correlation_of(&s) : 0;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static bool percentiles_sorted(const float *values, size_t count, const double *fraction,
                               size_t fractions, double *ret, struct err *err)
{
    size_t n = 0;
    float *sorted = mem_array(count, sizeof *sorted, err);
    if (!sorted) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i])) {
            sorted[n++] = values[i];
        }
    }
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0; i < fractions; i++) {
        double at = fmin(fmax(fraction[i], 0), 1) * (double)(n - 1);
        size_t left = (size_t)at, right = left + 1 < n ? left + 1 : left;
        ret[i] = (double)sorted[left] +
            (at - (double)left) * ((double)sorted[right] - (double)sorted[left]);
    }
    mem_free(sorted);
    return true;
}

static bool percentiles_binned(const float *values, size_t count,
                               const struct metrics_summary *range, const double *fraction,
                               size_t fractions, double *ret, struct err *err)
{
    uint64_t *bin = mem_array(PERCENTILE_BINS, sizeof *bin, err);
    if (!bin) {
        return false;
    }
    double width = (range->max - range->min) / (double)PERCENTILE_BINS;
    metrics_histogram(values, count, range->min, range->max, PERCENTILE_BINS, bin);
    for (size_t i = 0; i < fractions; i++) {
        double target = fmin(fmax(fraction[i], 0), 1) * (double)range->finite, below = 0;
        size_t k = 0;
        while (k + 1 < PERCENTILE_BINS && below + (double)bin[k] < target) {
            below += (double)bin[k++];
        }
        double part = bin[k] ? (target - below) / (double)bin[k] : 0;
        ret[i] = range->min + ((double)k + fmin(fmax(part, 0), 1)) * width;
    }
    mem_free(bin);
    return true;
}

bool metrics_percentiles(const float *values, size_t count, const double *fraction,
                         size_t fractions, double *ret_value, struct err *err)
{
    struct metrics_summary range;
    metrics_summary(values, count, &range);
    if (range.finite == 0) {
        return err_set(err, ERR_FORMAT, "no sample is a number");
    }
    if (count <= SORT_MAX || range.max <= range.min) {
        return percentiles_sorted(values, count, fraction, fractions, ret_value, err);
    }
    return percentiles_binned(values, count, &range, fraction, fractions, ret_value, err);
}

void metrics_histogram(const float *values, size_t count, double lo, double hi, size_t bins,
                       uint64_t *ret_count)
{
    double scale = hi > lo ? (double)bins / (hi - lo) : 0;
    memset(ret_count, 0, bins * sizeof *ret_count);
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i])) {
            double at = ((double)values[i] - lo) * scale;
            size_t k = at <= 0 ? 0 : at >= (double)bins ? bins - 1 : (size_t)at;
            ret_count[k]++;
        }
    }
}

void metrics_summary(const float *values, size_t count, struct metrics_summary *ret)
{
    double sum = 0, square = 0, low = INFINITY, high = -INFINITY;
    size_t finite = 0;
    double shift = count && isfinite(values[0]) ? (double)values[0] : 0;
    for (size_t i = 0; i < count; i++) {
        double v = (double)values[i];
        if (isfinite(v)) {
            finite++;
            sum += v - shift;
            square += (v - shift) * (v - shift);
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
    }
    *ret = (struct metrics_summary){.finite = finite, .not_finite = count - finite};
    if (finite) {
        double mean = sum / (double)finite;
        ret->min = low;
        ret->max = high;
        ret->mean = mean + shift;
        ret->std = sqrt(fmax(0, square / (double)finite - mean * mean));
    }
}

static double sample(enum normalise_type type, const void *data, size_t at)
{
    switch (type) {
    case NORMALISE_U8:
        return ((const uint8_t *)data)[at];
    case NORMALISE_U16:
        return ((const uint16_t *)data)[at];
    default:
        return (double)((const float *)data)[at];
    }
}

/* Mean of one bin whose first sample is `at`; NaN when it has no finite sample. */
static float bin_mean(enum normalise_type type, const void *data, size_t at, size_t columns,
                      size_t side)
{
    double sum = 0;
    size_t n = 0;
    for (size_t y = 0; y < side; y++) {
        for (size_t x = 0; x < side; x++) {
            double v = sample(type, data, at + y * columns + x);
            if (isfinite(v)) {
                sum += v;
                n++;
            }
        }
    }
    return n ? (float)(sum / (double)n) : NAN;
}

void metrics_bin(enum normalise_type type, const void *data, size_t frames, size_t rows,
                 size_t columns, unsigned exponent, float *ret_binned)
{
    size_t side = (size_t)1 << exponent, out_rows = rows >> exponent,
           out_columns = columns >> exponent;
#pragma omp parallel for schedule(static)
    for (long f = 0; f < (long)frames; f++) {
        for (size_t y = 0; y < out_rows; y++) {
            float *out = ret_binned + ((size_t)f * out_rows + y) * out_columns;
            for (size_t x = 0; x < out_columns; x++) {
                out[x] = bin_mean(type, data, ((size_t)f * rows + y * side) * columns + x * side,
                                  columns, side);
            }
        }
    }
}

void metrics_shrink(const float *image, size_t rows, size_t columns, size_t factor,
                    float *ret_small)
{
    for (size_t y = 0; y < rows / factor; y++) {
        for (size_t x = 0; x < columns / factor; x++) {
            ret_small[y * (columns / factor) + x] =
                bin_mean(NORMALISE_F32, image, (y * columns + x) * factor, columns, factor);
        }
    }
}

double metrics_centre_binned(double centre, unsigned exponent)
{
    return (centre + 0.5) / (double)(1ul << exponent) - 0.5;
}

double metrics_centre_full(double centre_binned, unsigned exponent)
{
    return (centre_binned + 0.5) * (double)(1ul << exponent) - 0.5;
}
