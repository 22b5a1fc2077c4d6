/*
 * A volume: voxels in memory with their place in the patient. Every reader fills one, everything
 * that looks at images takes one. volume_new() first, volume_fini() always (also after a failure,
 * also on a zeroed struct).
 *
 * Columns vary fastest, then rows, slices, times. The affine maps (column, row, slice) of voxel
 * centres, counted from 0, to millimetres; x grows to the patient's right, y to the front, z to the
 * head (RAS+, as NIfTI has it; in DICOM x and y have the other sign).
 */
#ifndef GANTRY_IMAGE_VOLUME_H
#define GANTRY_IMAGE_VOLUME_H

#include <stddef.h>
#include "base/err.h"

enum voxel { VOXEL_U8, VOXEL_I8, VOXEL_U16, VOXEL_I16, VOXEL_U32, VOXEL_I32, VOXEL_F32, VOXEL_F64 };

struct volume {
    size_t n[4]; /* columns, rows, slices, times (1 when 3-D); columns vary fastest */
    enum voxel kind;
    double slope, intercept; /* value = stored x slope + intercept */
    double affine[3][4];     /* voxel (column, row, slice), 0-based centres -> RAS+ millimetres */
    void *voxels;            /* owned (mem_free / volume_fini) */
};

/* More than this is refused: a header that claims it is broken, or the file is not for memory. */
#define VOLUME_MAX_BYTES ((size_t)8 << 30)

/* All zeros, slope 1, intercept 0, the identity as affine. ERR_FORMAT when an extent is 0 or the
 * whole is over VOLUME_MAX_BYTES. */
bool volume_new(struct volume *ret, const size_t n[4], enum voxel kind,
                struct err *err) CHECK_RESULT;
void volume_fini(struct volume *v);

size_t voxel_bytes(enum voxel kind);
/* "uint8", "int16", "float32", ... */
const char *voxel_name(enum voxel kind);
/* Voxels of all slices and times. */
size_t volume_count(const struct volume *v);

/* One row of columns as values (slope and intercept applied): n[0] floats. */
void volume_line(const struct volume *v, size_t row, size_t slice, size_t time, float *ret);
/* One slice as values: n[1] x n[0] floats. */
void volume_slice(const struct volume *v, size_t slice, size_t time, float *ret);
/* `count` voxels from `first` on as values; doubles hold all eight types exactly. */
void volume_doubles(const struct volume *v, size_t first, size_t count, double *ret);
/* Put numbers into the voxels as they are stored (slope and intercept are left alone): integers are
 * rounded (half to even) and kept within their range, NaN becomes 0. Returns how many did not fit.
 */
size_t volume_store(struct volume *v, size_t first, size_t count, const double *values);
/* Least and greatest value; values that are not finite are counted and left out. Both 0 when there
 * is no finite one. */
void volume_range(const struct volume *v, double *ret_min, double *ret_max, size_t *ret_not_finite);

/* Distance of neighbouring voxels along columns, rows, slices. */
void volume_spacing(const struct volume *v, double ret_mm[3]);
/* Where column, row and slice numbers grow to, as nearest axes of the patient: "RAS", "LPS", ...;
 * "???" when the affine has no three independent axes. */
void volume_orientation(const struct volume *v, char ret[4]);

#endif
