/* The rotation axis by the sharpness of trial slices. */
#ifndef GANTRY_MATH_CENTRE_ENTROPY_H
#define GANTRY_MATH_CENTRE_ENTROPY_H

#include "math/centre.h"

/* Donath et al. 2006: about the right axis a slice is sharp and has few grey levels, so the entropy
 * of its histogram is lowest. Searches lo..hi (clamped to the columns; lo >= hi = the middle half),
 * from binned columns to whole ones, and between them by a parabola. The views may have any order
 * and turn, theta_rad as for a reconstruction; of a whole turn, half is better. `ret_curve` (may be
 * NULL, else it is filled) is that of the first, coarse row. The confidence is low where other
 * places are nearly as good, where the curve is rough, and at the ends of the range. ERR_FORMAT:
 * fewer than 16 columns or 8 angles, angles not finite. */
bool centre_entropy(const struct centre_sino *sino, double lo, double hi, struct centre_result *ret,
                    struct centre_curve *ret_curve, struct err *err) CHECK_RESULT;

#endif
