/*
 * From a slice to something to look at: contrast window, bytes, thumbnails, a line's profile.
 * Arrays in, arrays out; samples that are not finite are left out, or shown black.
 */
#ifndef GANTRY_MATH_PICTURE_H
#define GANTRY_MATH_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* Quantiles (as numpy.percentile, linear between neighbours) of the finite samples of an image,
 * exact up to two million samples and from a regular part of larger ones, of those within the
 * circle that all views see when `circle` (square images: corners of a slice are empty). `fraction`
 * 0..1. False when no sample is finite, or memory is out. */
bool picture_quantiles(const float *image, size_t columns, size_t rows, bool circle,
                       const double *fraction, size_t fractions, double *ret_value);

/* low -> 0, high -> 255, rounded to nearest, outside cut off; NaN -> 0. With high <= low everything
 * below is 0, everything above 255, the value itself 128. */
void picture_bytes(const float *values, size_t count, double low, double high, uint8_t *ret);

/* Sides of a picture whose longer one is at most `most` (0 = no limit), never 0, never enlarged. */
void picture_fit(size_t columns, size_t rows, size_t most, size_t *ret_columns, size_t *ret_rows);
/* Area average down to out_columns x out_rows (not larger than the image): each small pixel is the
 * mean of what it covers, parts of pixels counted as parts; NaN where it covers no finite sample.
 */
bool picture_shrink(const float *image, size_t columns, size_t rows, size_t out_columns,
                    size_t out_rows, float *ret_small, struct err *err) CHECK_RESULT;

/* Values at `count` points evenly from (x0, y0) to (x1, y1), ends included, bilinear between pixel
 * centres; NaN off the image. `count` >= 1. */
void picture_profile(const float *image, size_t columns, size_t rows, const double from[2],
                     const double to[2], size_t count, float *ret);

/* 256 x RGB of a colour map: "gray", "inverted", "viridis", "inferno", "hot". False when there is
 * none of that name. */
bool picture_map(const char *name, uint8_t ret_rgb[256 * 3]);

#endif
