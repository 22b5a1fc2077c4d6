/*
 * Which voxels a line passes through, exactly: every voxel of a grid that a polyline enters, each
 * told as often as it is entered. Voxel (i, j, k) reaches half a voxel around its centre.
 */
#ifndef GANTRY_MATH_TRAVERSE_H
#define GANTRY_MATH_TRAVERSE_H

#include <stdbool.h>
#include <stddef.h>

/* Millimetres to voxels of one grid. */
struct traverse {
    size_t n[3];
    double inverse[3][4];
};

/* False when the affine cannot be turned round. */
bool traverse_init(struct traverse *t, const size_t n[3], const double affine[3][4]);

/* The index (k n1 + j) n0 + i of every voxel on the way from `from` to `to` (mm), the first and the
 * last among them; `tell` ends it with false, which is what is returned then. */
bool traverse_segment(const struct traverse *t, const float from[3], const float to[3],
                      bool (*tell)(void *arg, size_t voxel), void *arg);

#endif
