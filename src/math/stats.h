/*
 * What an image's values are like within a mask, and how alike two masks are. Exact, in one order:
 * results do not depend on threads. (metrics.h compares reconstructions and has histograms.)
 */
#ifndef GANTRY_MATH_STATS_H
#define GANTRY_MATH_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct stats {
    size_t count;      /* finite values within the mask */
    size_t not_finite; /* others within the mask */
    double mean, sd;   /* sd: of the whole (divided by count), as numpy.std */
    double low, high;
};

/* Values where the mask is `label` (mask NULL: everywhere), and quantiles at `fraction` (0..1),
 * linear between neighbours as numpy.percentile, exact at any size. ERR_NOTHING without a finite
 * value. */
bool stats_measure(const float *values, const uint8_t *mask, uint8_t label, size_t count,
                   const double *fraction, size_t fractions, double *ret_quantile,
                   struct stats *ret, struct err *err) CHECK_RESULT;

struct stats_overlap {
    size_t a, b, both; /* voxels of each mask, and of both */
    double dice, iou;  /* 1 when both masks are empty */
};
/* Voxels equal to `label` in two masks. */
void stats_compare(const uint8_t *a, const uint8_t *b, uint8_t label, size_t count,
                   struct stats_overlap *ret);

#endif
