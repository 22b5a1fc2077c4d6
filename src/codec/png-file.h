/*
 * PNG pictures: 8 bits, grey or RGB, written for contact sheets and curves; checked for publishing.
 */
#ifndef GANTRY_CODEC_PNG_FILE_H
#define GANTRY_CODEC_PNG_FILE_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct png_picture {
    size_t columns;
    size_t rows;
    size_t channels;       /* 1 = grey, 3 = RGB */
    const uint8_t *pixels; /* rows x columns x channels, borrowed */
};

/* Write to `path` (created or replaced). ERR_DISKFULL, ERR_PERM, ERR_IO name the path; a failed
 * file is removed. */
bool png_write(const char *path, const struct png_picture *picture, struct err *err) CHECK_RESULT;

/* Signature, header and a chain of chunks that ends in IEND within the file; pixels are not
 * decoded. */
bool png_check(const char *path, struct err *err) CHECK_RESULT;
bool png_check_bytes(const char *name, const void *bytes, size_t size,
                     struct err *err) CHECK_RESULT;

#endif
