/* A curve as a picture: the score of each trial centre, with the one that was chosen. */
#ifndef GANTRY_DRAW_CURVE_H
#define GANTRY_DRAW_CURVE_H

#include <stddef.h>
#include "base/err.h"

struct curve {
    const char *title;
    const char *x_label, *y_label;
    const double *x, *y; /* [count], x ascending; points that are not finite are left out */
    size_t count;
    double mark; /* a vertical line here; NaN = none */
};

/* Draw into a PNG of 800 x 500. ERR_NOTHING when fewer than two points are finite. */
bool curve_save(const struct curve *curve, const char *path, struct err *err) CHECK_RESULT;

#endif
