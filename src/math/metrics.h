/*
 * Numbers about images: differences, percentiles, histograms, and binning. Pure functions; samples
 * that are not finite are left out.
 */
#ifndef GANTRY_MATH_METRICS_H
#define GANTRY_MATH_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "math/normalise.h"

/* How `image` compares with `reference`, both [n][n], inside the circle of `radius_fraction` * n/2
 * (values > 1.5 mean the whole square). Range is that of the reference inside the circle. */
struct metrics_comparison {
    double psnr_db; /* raw: no fitting */
    double rmse;    /* raw */
    double gain;    /* least squares: image ~ gain * reference + offset */
    double offset;
    double fit_psnr_db; /* after removing gain and offset */
    double correlation; /* Pearson; 0 when either is constant */
    size_t samples;
};
void metrics_compare(const float *image, const float *reference, size_t n, double radius_fraction,
                     struct metrics_comparison *ret);

double metrics_correlation(const float *a, const float *b, size_t count);

/* Values at the fractions (0..1, ascending or not) of `count` samples; exact up to 2^16 samples,
 * beyond that from a histogram of 65,536 bins. All NaN in, or count 0: ERR_FORMAT. */
bool metrics_percentiles(const float *values, size_t count, const double *fraction,
                         size_t fractions, double *ret_value, struct err *err) CHECK_RESULT;

/* Counts of values in `bins` equal bins of [lo, hi]; values outside go into the first or last bin.
 */
void metrics_histogram(const float *values, size_t count, double lo, double hi, size_t bins,
                       uint64_t *ret_count);

struct metrics_summary {
    double min, max, mean, std;
    size_t finite, not_finite;
};
void metrics_summary(const float *values, size_t count, struct metrics_summary *ret);

/* Bin frames by 2^exponent in rows and columns (mean; a rest of rows or columns that does not fill
 * a bin is dropped): [frames][rows][columns] of `type` -> float32 [frames][rows >> e][columns >>
 * e]. NaN samples are left out of the mean. */
void metrics_bin(enum normalise_type type, const void *data, size_t frames, size_t rows,
                 size_t columns, unsigned exponent, float *ret_binned);
/* The same for float images [rows][columns] and a factor, for thumbnails: -> [rows /
 * factor][columns / factor]. */
void metrics_shrink(const float *image, size_t rows, size_t columns, size_t factor,
                    float *ret_small);

/* The rotation axis on a detector binned by 2^exponent, and back: c' = (c + 0.5) / 2^e - 0.5. */
double metrics_centre_binned(double centre, unsigned exponent);
double metrics_centre_full(double centre_binned, unsigned exponent);

#endif
