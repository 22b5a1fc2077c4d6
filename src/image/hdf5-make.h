/*
 * Making a Data Exchange file: for synthetic scans of the demo, of tests and of benches. Order of
 * calls: hdf5_make_open, hdf5_make_frames for projections, flat and dark fields in any order,
 * hdf5_make_close always.
 */
#ifndef GANTRY_IMAGE_HDF5_MAKE_H
#define GANTRY_IMAGE_HDF5_MAKE_H

#include <stddef.h>
#include "base/err.h"
#include "image/hdf5-scan.h"

struct hdf5_make_spec {
    size_t frames, rows, columns; /* of the projections that are written */
    size_t n_white, n_dark;
    const double *theta_deg;
    size_t angles; /* length of theta; more than `frames` = an aborted scan */
    enum scan_pixel pixel;
};

struct hdf5_make;

/* Create the file with all its data sets. ERR_IO, ERR_DISKFULL name it. */
struct hdf5_make *hdf5_make_open(const char *path, const struct hdf5_make_spec *spec,
                                 struct err *err) CHECK_RESULT;
/* Write frames [first, first + count), pixels [count][rows][columns] of the spec's type. */
bool hdf5_make_frames(struct hdf5_make *make, enum scan_frames kind, size_t first, size_t count,
                      const void *pixels, struct err *err) CHECK_RESULT;
/* Frees; false when late writes failed. NULL is fine. */
bool hdf5_make_close(struct hdf5_make *make, struct err *err) CHECK_RESULT;

#endif
