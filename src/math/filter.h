/*
 * Filters of filtered back-projection. A filter is the ramp |f| in its exact discrete form
 * (Ram-Lak: the transform of the band-limited kernel h[0] = 1/4, h[odd k] = -1/(pi k)^2, h[even k]
 * = 0, Kak & Slaney eq. 3.61, which keeps the gain at 1 and needs no correction of the mean), times
 * a window W(f) that is 1 at f = 0. With u = f / 0.5 (1 at the Nyquist frequency):
 *
 *   ramp         1                                shepp        sin(pi u/2) / (pi u/2)
 *   cosine       cos(pi u/2)                      cosine2      cos(pi u/2)^2
 *   hann         (1 + cos(pi u)) / 2              hamming      0.54 + 0.46 cos(pi u)
 *   parzen       (1 - u)^3
 *   butterworth  1 / (1 + (2 u)^8), order 4, half power at half the Nyquist frequency
 *   none         no ramp and no window: plain back-projection of the lines as they are
 *
 * "ramlak" is understood for ramp. Names and the default (parzen) are tomocupy's.
 */
#ifndef GANTRY_MATH_FILTER_H
#define GANTRY_MATH_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

enum filter_kind {
    FILTER_PARZEN,
    FILTER_RAMP,
    FILTER_SHEPP,
    FILTER_HANN,
    FILTER_HAMMING,
    FILTER_COSINE,
    FILTER_COSINE2,
    FILTER_BUTTERWORTH,
    FILTER_NONE,
    FILTER_COUNT
};

/* Name of a kind; NULL outside the enum. filter_name(0) .. filter_name(FILTER_COUNT - 1) is the
 * list. */
const char *filter_name(enum filter_kind kind);

/* Kind of a name; ERR_USAGE with the list of names when there is none. */
bool filter_of(const char *name, enum filter_kind *ret_kind, struct err *err) CHECK_RESULT;

/* The filter's transform for lines of `length` (even, not 0) samples: ret_response[0 .. length/2],
 * real, in 1/pixel. */
bool filter_response(enum filter_kind kind, size_t length, double *ret_response,
                     struct err *err) CHECK_RESULT;

#endif
