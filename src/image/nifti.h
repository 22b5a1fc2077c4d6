/*
 * NIfTI-1 and NIfTI-2 in one file, .nii or .nii.gz, by the rules of nifti1.h and nifti2.h; the byte
 * orders, quaternions and structs are nifti_clib's. What a file is shows in its bytes, not in its
 * name. A bad file is refused in one line; what is odd but readable is told as complaints.
 *
 * The place of the voxels: the sform when there is a usable one, else the qform, else the spacing
 * alone (first voxel at the origin, axes taken as R, A, S; DESIGN 11).
 */
#ifndef GANTRY_IMAGE_NIFTI_H
#define GANTRY_IMAGE_NIFTI_H

#include <signal.h>
#include "base/err.h"
#include "image/volume.h"

struct nifti_info {
    int version;        /* 1 or 2 */
    bool packed;        /* with gzip */
    const char *stored; /* type in the file: "int16", also "int64" */
    size_t n[4];        /* as in struct volume; dimensions above the fourth count as times */
    double slope, intercept;
    double affine[3][4];
    const char *place;    /* "sform", "qform" or "spacing" */
    int place_code;       /* NIFTI_XFORM_*: 1 scanner, 2 aligned, 3 Talairach, 4 MNI; 0 unknown */
    double time_step_s;   /* 0 when it does not say */
    int intent_code;      /* NIFTI_INTENT_* */
    char description[80]; /* any bytes */
    char complaints[400]; /* separated by "; "; "" when all is well */
};

/* Do the first bytes (unpacked) look like NIfTI or its predecessor ANALYZE? False too when the file
 * cannot be read. */
bool nifti_sniff(const char *path);
/* The header alone; of a plain file also whether it is long enough. */
bool nifti_look(const char *path, struct nifti_info *ret, struct err *err) CHECK_RESULT;
/* Header and voxels; `ret_info` may be NULL. 64-bit integers become 32-bit ones when all fit, else
 * float64. ERR_FORMAT for what is no NIfTI, cut, damaged, or holds pixels that are no numbers (RGB,
 * complex). */
bool nifti_read(const char *path, struct volume *ret, struct nifti_info *ret_info,
                struct err *err) CHECK_RESULT;

/* What a file says beside the volume itself. */
struct nifti_extra {
    int place_code;                    /* NIFTI_XFORM_* of the affine */
    double time_step_s;                /* 0: not said */
    int intent_code;                   /* 0: none */
    const char *description;           /* at most 79 bytes are kept; may be NULL */
    const volatile sig_atomic_t *stop; /* not 0: ERR_CANCELLED; may be NULL */
};
#define NIFTI_PLACE_SCANNER 1

/* Written aside, synced and renamed: `path` is the old file or the new one, never a part of it.
 * Packed when it ends in .gz; NIfTI-2 when a dimension needs it. */
bool nifti_write(const char *path, const struct volume *v, const struct nifti_extra *extra,
                 struct err *err) CHECK_RESULT;
/* Does the name end in .nii or .nii.gz (in any case)? */
bool nifti_named(const char *path);

#endif
