/*
 * Morphology of binary pictures, with scikit-image's meaning at the borders and of sizes.
 * `struct morph m = {0};` holds the working memory of one thread; morph_fini() at the end. Every
 * function changes the picture in place, and leaves it in an unknown state when it fails.
 */
#ifndef GANTRY_MATH_MORPH_H
#define GANTRY_MATH_MORPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "math/bitmap.h"
#include "math/label.h"

struct morph {
    struct bitmap spare;
    uint64_t *line;
    size_t line_room;
    struct labels labels;
};

void morph_fini(struct morph *m);

/* A disk of radius r: offsets with x^2 + y^2 <= r^2. Outside the picture counts as empty for
 * dilation and as full for erosion, so a closing may fill up to the border. */
#define MORPH_RADIUS_MAX 64u
bool morph_dilate(struct morph *m, struct bitmap *b, unsigned radius, struct err *err) CHECK_RESULT;
bool morph_erode(struct morph *m, struct bitmap *b, unsigned radius, struct err *err) CHECK_RESULT;
bool morph_close(struct morph *m, struct bitmap *b, unsigned radius, struct err *err) CHECK_RESULT;

/* Take away the parts that touch the border. */
bool morph_clear_border(struct morph *m, struct bitmap *b, bool corners,
                        struct err *err) CHECK_RESULT;
/* Take away parts of fewer than `least` pixels. */
bool morph_remove_objects(struct morph *m, struct bitmap *b, size_t least, bool corners,
                          struct err *err) CHECK_RESULT;
/* Fill parts of the background of fewer than `least` pixels, at the border too. */
bool morph_remove_holes(struct morph *m, struct bitmap *b, size_t least, bool corners,
                        struct err *err) CHECK_RESULT;

/* Keep the `most` largest parts of a mask of bytes (n as in label.h); the others become 0. */
bool morph_keep_largest(uint8_t *mask, const size_t n[3], size_t most, bool corners,
                        struct err *err) CHECK_RESULT;

#endif
