/*
 * A formula over numbers that stand side by side, such as "f1 > 0.5 && f2 < 100": read once, worked
 * out for many places at a time. In doubles; a division by 0 gives what IEEE 754 says.
 *
 *   f1 ... f9        the inputs, in order
 *   + - * / % ^      % has the sign of its divisor; ^ (or **) binds tighter than a sign, to the
 * right
 *   == != < <= > >=  1 or 0; a chain (0 < f1 < 5) is refused, as it would not mean what it says
 *   && || !          also and, or, not; everything but 0 counts as true, NaN too
 *   min max (two or more), abs sqrt exp log log10 sin cos floor ceil round sign,
 *   bin(x) x != 0; thr(x, t) x where x >= t, else 0; uthr(x, t) x where x <= t, else 0;
 *   clip(x, low, high); where(c, a, b); isnan isfinite; pi nan inf
 */
#ifndef GANTRY_MATH_EXPRESSION_H
#define GANTRY_MATH_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

#define EXPRESSION_INPUTS 9
#define EXPRESSION_CHUNK 1024 /* most numbers at a time */

struct expression;

/* ERR_USAGE says what is wrong with the text and where (characters from 1 on); also an input beyond
 * the first `inputs`. */
struct expression *expression_new(const char *text, size_t inputs, struct err *err) CHECK_RESULT;
void expression_free(struct expression *e);
/* Does it look at input `i` (0 = f1)? */
bool expression_uses(const struct expression *e, size_t i);
/* Can it only give 0 and 1? */
bool expression_is_mask(const struct expression *e);
/* At `n` <= EXPRESSION_CHUNK places; input[i] may be NULL when it is not used. */
void expression_run(struct expression *e, const double *const *input, size_t n, double *ret);

#endif
