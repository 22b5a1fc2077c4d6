/*
 * PNG for a screen that waits: 8 bits a pixel, grey or by a palette, into memory. Level 0 stores
 * (a millisecond for 6 million pixels), level 1 compresses a little (20 to 100 times slower).
 */
#ifndef GANTRY_CODEC_PNG_FAST_H
#define GANTRY_CODEC_PNG_FAST_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct png_fast {
    size_t columns, rows;   /* 1 to 100,000 each */
    const uint8_t *pixels;  /* rows x columns, borrowed */
    const uint8_t *palette; /* 256 x RGB, or NULL for grey */
    int level;              /* 0 or 1 */
};

/* Bytes that the file needs at most; 0 when such a picture cannot be made. */
size_t png_fast_bound(const struct png_fast *picture);
/* Write into `out` of png_fast_bound() bytes. */
bool png_fast_encode(const struct png_fast *picture, void *out, size_t *ret_length,
                     struct err *err) CHECK_RESULT;

#endif
