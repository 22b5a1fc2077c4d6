/*
 * Headers of NIfTI-1 and NIfTI-2, to and from bytes. The inside of nifti.c; no other file needs it.
 */
#ifndef GANTRY_IMAGE_NIFTI_HEADER_H
#define GANTRY_IMAGE_NIFTI_HEADER_H

#include <nifti2_io.h>
#include <stddef.h>
#include <stdint.h>
#include "image/nifti.h"

#define NIFTI_HEADER_MAX sizeof(nifti_2_header)

struct nifti_header {
    struct nifti_info info;
    int datatype;        /* NIFTI_TYPE_* */
    size_t stored_bytes; /* of one voxel in the file */
    bool swap;           /* the other byte order */
    int64_t offset;      /* of the first voxel */
};

/* Do these first bytes of a file (at least 348 of them) look like a header? */
bool nifti_header_sniff(const unsigned char *bytes, size_t n);
/* `path` names the file in messages. `n` may be less than a header: ERR_FORMAT. */
bool nifti_header_parse(const char *path, const unsigned char *bytes, size_t n,
                        struct nifti_header *ret, struct err *err) CHECK_RESULT;
/* Everything in front of the first voxel, the four bytes that say "no extension" too. */
#define NIFTI_FRONT_MAX (NIFTI_HEADER_MAX + 4)
bool nifti_header_make(const struct volume *v, const struct nifti_extra *extra,
                       unsigned char ret_front[NIFTI_FRONT_MAX], size_t *ret_n,
                       struct err *err) CHECK_RESULT;

/* One more complaint. */
void nifti_complain(struct nifti_info *info, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
