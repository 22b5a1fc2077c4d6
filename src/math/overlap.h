/*
 * How well a segmentation agrees with the truth, label by label: overlap, volumes, and the distance
 * of the two surfaces in millimetres. overlap_find() says which labels there are, then
 * overlap_measure() each of them. Exact, and the same on any number of threads.
 *
 * The surface of a mask are its voxels of which at least one of the six neighbours by face does not
 * belong to it (what lies outside the image does not). Distances are Euclidean, from centre to
 * centre, by an exact distance transform (Felzenszwalb and Huttenlocher, Distance Transforms of
 * Sampled Functions, Theory of Computing 8, 2012) with the voxels' own spacing.
 */
#ifndef GANTRY_MATH_OVERLAP_H
#define GANTRY_MATH_OVERLAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct overlap {
    uint16_t label;
    size_t predicted, truth, both; /* voxels */
    size_t low[3], high[3];        /* box around both: column, row, slice; high is outside it */
    double dice, iou;              /* both empty: 1 */
    double predicted_ml, truth_ml;
    double volume_ml;      /* predicted - truth */
    double volume_percent; /* of the truth; both empty 0, only the truth empty: infinity */
    /* The 95th percentile (linear between neighbours, as numpy.percentile) of the distances from
     * each surface voxel to the other surface; the greater one of the two directions. Both empty:
     * 0; one empty: infinity. */
    double hd95;
    /* Of all surface voxels of both masks, the share within the tolerance of the other surface;
     * both empty: 1, one empty: 0. */
    double surface_dice;
};

/* Counts and boxes of every label but 0 in either of two images of `n` voxels (columns fastest), in
 * ascending order; mem_free the list. */
bool overlap_find(const uint16_t *predicted, const uint16_t *truth, const size_t n[3],
                  struct overlap **ret, size_t *ret_n, struct err *err) CHECK_RESULT;

/* Everything else of one of them; `mm`: distance of neighbouring voxels. A zeroed struct with a
 * label that neither image has counts as both empty. threads 0 = OpenMP's default. */
bool overlap_measure(const uint16_t *predicted, const uint16_t *truth, const size_t n[3],
                     const double mm[3], double tolerance_mm, unsigned threads, struct overlap *o,
                     struct err *err) CHECK_RESULT;

/* The squared distance of every voxel of a box (columns fastest) to the nearest one where
 * `from[i] & bit`; infinity when there is none. */
bool overlap_distances(const uint8_t *from, uint8_t bit, const size_t n[3], const double mm[3],
                       unsigned threads, double *ret, struct err *err) CHECK_RESULT;

#endif
