/*
 * Reconstructed volumes in HDF5, as tomocupy's users know them: /exchange/data
 * [slices][rows][columns] float32, axes z:y:x. Order of calls: hdf5_volume_create,
 * hdf5_volume_write for every slab, hdf5_volume_finish once, then hdf5_volume_free always (without
 * finish the file is incomplete and should be removed by its owner).
 */
#ifndef GANTRY_IMAGE_HDF5_VOLUME_H
#define GANTRY_IMAGE_HDF5_VOLUME_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct hdf5_volume;

/* `first_slice` is kept as an attribute: the absolute row of the binned detector that slice 0
 * shows. */
struct hdf5_volume *hdf5_volume_create(const char *path, size_t slices, size_t rows, size_t columns,
                                       size_t first_slice, struct err *err) CHECK_RESULT;
/* Write slices [at, at + count), pixels [count][rows][columns], in ascending order. ERR_DISKFULL
 * when the disk is full.
 */
bool hdf5_volume_write(struct hdf5_volume *volume, size_t at, size_t count, const float *pixels,
                       struct err *err) CHECK_RESULT;
/* Close the file; errors of late writes show here. */
bool hdf5_volume_finish(struct hdf5_volume *volume, struct err *err) CHECK_RESULT;
void hdf5_volume_free(struct hdf5_volume *volume);

/* Read one slice of such a file as float32; the pixels are the caller's (mem_free). slice -1 = the
 * middle one. */
bool hdf5_volume_read(const char *path, int64_t slice, size_t *ret_columns, size_t *ret_rows,
                      float **ret_pixels, struct err *err) CHECK_RESULT;

/* What such a file holds; `first` is the absolute number of its first slice, 0 when it does not
 * say; `done` of its slices are written, all when it does not say. It may still be written by
 * another process. */
struct hdf5_volume_info {
    size_t slices, rows, columns, first, done;
};
bool hdf5_volume_look(const char *path, struct hdf5_volume_info *ret, struct err *err) CHECK_RESULT;
/* Slice `at` (counted from 0) into rows x columns floats, which must be what the file has. */
bool hdf5_volume_slice(const char *path, size_t at, size_t rows, size_t columns, float *ret_pixels,
                       struct err *err) CHECK_RESULT;

/* Is it a whole HDF5 file whose root can be listed, and, when it has /exchange/data, was that
 * written? */
bool hdf5_check(const char *path, struct err *err) CHECK_RESULT;

#endif
