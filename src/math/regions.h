/*
 * Figures of the values in each region of an image: what is in a mask, or under each label of an
 * atlas. First regions_find() (which labels there are), or a list of one's own; then
 * regions_measure(). Exact, in one order.
 */
#ifndef GANTRY_MATH_REGIONS_H
#define GANTRY_MATH_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define REGIONS_MOST 65536 /* more labels are no atlas */
#define REGIONS_QUANTILES 9

struct region {
    int32_t label;
    size_t count;                       /* finite values */
    size_t not_finite;                  /* others */
    double mean, sd, low, high;         /* sd divides by count, as numpy.std; all NaN when empty */
    double quantile[REGIONS_QUANTILES]; /* linear between neighbours, as numpy.percentile */
};

/* Room for labels in ascending order; mem_free the list. */
struct regions {
    struct region *list;
    size_t n, room;
};

/* Note every label of `count` numbers but 0. ERR_FORMAT when one is no whole number, or there are
 * too many different ones. */
bool regions_find(struct regions *r, const double *labels, size_t count,
                  struct err *err) CHECK_RESULT;
/* The same for one label. */
bool regions_add(struct regions *r, int32_t label, struct err *err) CHECK_RESULT;

/* Values by the region whose label stands at the same place (labels NULL: all belong to the first
 * region); what has a label that is not in the list is left out. `fraction`: 0..1. */
bool regions_measure(struct regions *r, const double *values, const double *labels, size_t count,
                     const double *fraction, size_t fractions, struct err *err) CHECK_RESULT;

#endif
