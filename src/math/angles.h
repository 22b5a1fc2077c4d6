/* Lists of projection angles: weights of the views in a back-projection. Private to math/. */
#ifndef GANTRY_MATH_ANGLES_H
#define GANTRY_MATH_ANGLES_H

#include <stddef.h>
#include "base/err.h"

/* ERR_FORMAT, naming the first of them, when there are none or one is not finite. */
bool angles_check(const double *theta_rad, size_t angles, struct err *err) CHECK_RESULT;

/* The share of the half circle [0, pi) that each view stands for, recon.h's rule; the sum is pi
 * when there are no holes. */
bool angles_weights(const double *theta_rad, size_t angles, double *ret_weight,
                    struct err *err) CHECK_RESULT;

#endif
