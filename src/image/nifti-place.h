/*
 * Where the voxels of a NIfTI file are: sform, qform and spacing to one affine, and back. The
 * inside of nifti.c; no other file needs it.
 */
#ifndef GANTRY_IMAGE_NIFTI_PLACE_H
#define GANTRY_IMAGE_NIFTI_PLACE_H

#include <nifti2_io.h>
#include "image/nifti.h"

/* affine, place, place_code (n is there already), and complaints about them. */
void nifti_place_take(const nifti_2_header *w, struct nifti_info *info);
/* sform, qform and spacing. ERR_FORMAT when the affine does not span a volume. */
bool nifti_place_put(const struct volume *v, int code, nifti_2_header *w,
                     struct err *err) CHECK_RESULT;

#endif
