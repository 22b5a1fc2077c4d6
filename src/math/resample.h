/*
 * Values between voxels: slices to another size, volumes into another grid. A grid is a size and an
 * affine from voxel (column, row, slice; 0-based centres) to millimetres, as in image/volume.h;
 * arrays are [slices][rows][columns].
 */
#ifndef GANTRY_MATH_RESAMPLE_H
#define GANTRY_MATH_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* A slice of another size, the same field of view: the mean over what a new pixel covers along an
 * axis that gets shorter (parts of pixels count as parts), linear between pixel centres along one
 * that gets longer, the outermost pixels repeated. NaN spreads to what it takes part in. */
bool resample_plane(const float *in, size_t columns, size_t rows, size_t out_columns,
                    size_t out_rows, float *ret, struct err *err) CHECK_RESULT;

struct resample_grid {
    size_t n[3];
    double affine[3][4];
};

size_t resample_voxels(const struct resample_grid *grid);

/* `from` in voxels of `mm`: the same field of view, its corner at the same place, at least one
 * voxel an axis and at most RESAMPLE_MOST, which is more than can be worked with (headers may say
 * anything). */
#define RESAMPLE_MOST ((size_t)1 << 20)
void resample_spaced(const struct resample_grid *from, const double mm[3],
                     struct resample_grid *ret);

/* Voxels of `to` to voxels of `from`, as an affine. ERR_FORMAT when `from` cannot be inverted. */
bool resample_connect(const struct resample_grid *from, const struct resample_grid *to,
                      double ret[3][4], struct err *err) CHECK_RESULT;

/* False when the affine cannot be turned round (a spacing of 0, axes in one plane). */
bool resample_inverse(const double affine[3][4], double ret[3][4]);

/* The volume at the voxel centres of `to`, linear between the centres of `from`. Up to half a voxel
 * beyond the outermost centres their values go on, further out lies `outside`. A coarser grid takes
 * samples, not means. threads 0 = OpenMP's default. ERR_FORMAT when `from` cannot be inverted. */
bool resample_linear(const float *in, const struct resample_grid *from,
                     const struct resample_grid *to, float outside, unsigned threads, float *ret,
                     struct err *err) CHECK_RESULT;
/* The same with the nearest voxel, for labels and masks; of two equally near the one with the
 * higher index. */
bool resample_nearest(const uint8_t *in, const struct resample_grid *from,
                      const struct resample_grid *to, uint8_t outside, unsigned threads,
                      uint8_t *ret, struct err *err) CHECK_RESULT;

#endif
