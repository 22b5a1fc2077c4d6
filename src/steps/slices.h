/*
 * Names and files of slices: recon_<NNNNN>.tiff, recon_slice<NNNN>_center<CCC.CC>.tiff, and reading
 * names back.
 */
#ifndef GANTRY_STEPS_SLICES_H
#define GANTRY_STEPS_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* "DIR/recon_00012.tiff"; caller frees. */
char *slices_full_path(const char *dir, size_t slice, struct err *err) CHECK_RESULT;
/* "DIR/recon_slice0012_center512.50.tiff"; caller frees. */
char *slices_try_path(const char *dir, size_t slice, double centre, struct err *err) CHECK_RESULT;

/* The centre in a name like "...center512.50.tiff" or ".tif"; false when it is no such name. */
bool slices_try_centre(const char *name, double *ret_centre);

/* A square float32 slice of n x n. */
bool slices_write(const char *path, const float *pixels, size_t n, struct err *err) CHECK_RESULT;

#endif
