/*
 * A volume in another grid, exactly and by the method one asks for; slice by slice, so that the new
 * volume need not be held as doubles. resample.h has the quick ways for floats and bytes.
 */
#ifndef GANTRY_MATH_RESAMPLE_VOLUME_H
#define GANTRY_MATH_RESAMPLE_VOLUME_H

#include "math/resample.h"

enum resample_method {
    RESAMPLE_NEAREST, /* of two equally near the one with the higher index */
    RESAMPLE_LINEAR,
    RESAMPLE_CUBIC, /* cubic B-splines through the voxels, mirrored at the outermost centres */
    RESAMPLE_LABELS /* the label that the eight neighbours have most of, by their linear weights */
};

/* For RESAMPLE_CUBIC: the voxels in place become the splines' coefficients (Unser 1999), which
 * resample_volume_slice() then takes. */
bool resample_volume_prepare(double *values, const size_t n[3], unsigned threads,
                             struct err *err) CHECK_RESULT;

/* Slice `z` of `to`; `connect` is from resample_connect(). Up to half a voxel beyond the outermost
 * centres their values go on, further out lies `outside`. */
void resample_volume_slice(const double *in, const size_t n[3], const double connect[3][4],
                           const struct resample_grid *to, size_t z, enum resample_method method,
                           double outside, unsigned threads, double *ret);

#endif
