/*
 * A binary picture, one bit a pixel, 64 columns a word: what makes morphology and components of a
 * CT slice cheap. bitmap_new(), fill it, bitmap_fini(). Bits beyond the last column are always 0.
 */
#ifndef GANTRY_MATH_BITMAP_H
#define GANTRY_MATH_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct bitmap {
    size_t columns, rows;
    size_t stride;  /* words a row */
    uint64_t *word; /* [rows][stride]; column c is bit c % 64 of word c / 64 */
};

/* Empty (all 0). A picture without pixels, or of more than 2^31 columns or rows: ERR_FORMAT. */
bool bitmap_new(struct bitmap *ret, size_t columns, size_t rows, struct err *err) CHECK_RESULT;
void bitmap_fini(struct bitmap *b);

static inline uint64_t *bitmap_row(const struct bitmap *b, size_t row)
{
    return b->word + row * b->stride;
}
static inline bool bitmap_get(const struct bitmap *b, size_t column, size_t row)
{
    return bitmap_row(b, row)[column / 64] >> (column % 64) & 1;
}

/* Pixels whose value is below the limit; NaN is not. */
void bitmap_below(struct bitmap *b, const float *values, float limit);
/* Bytes that are not 0, and back to 0 and 1. */
void bitmap_from_bytes(struct bitmap *b, const uint8_t *bytes);
void bitmap_to_bytes(const struct bitmap *b, uint8_t *ret);
void bitmap_copy(struct bitmap *to, const struct bitmap *from); /* of one size */
void bitmap_invert(struct bitmap *b);
/* Set or clear columns first..end-1 of a row. */
void bitmap_run(struct bitmap *b, size_t row, size_t first, size_t end, bool on);
size_t bitmap_count(const struct bitmap *b);
/* The first column at or behind `from` in a row that is (`on`) or is not set; columns when there is
 * none. */
size_t bitmap_next(const struct bitmap *b, size_t row, size_t from, bool on);

#endif
