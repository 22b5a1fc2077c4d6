/*
 * The energy of a sinogram and its mirror image outside the double wedge, for any axis at the price
 * of one product per radial frequency: what centre-vo.c searches. Order of calls: half_turn_take(),
 * wedge_init() for a run of columns, wedge_score() and wedge_misfit() for as many axes as wanted,
 * wedge_fini(), half_turn_fini(). Private to math/.
 */
#ifndef GANTRY_MATH_CENTRE_WEDGE_H
#define GANTRY_MATH_CENTRE_WEDGE_H

#include "math/centre.h"

/* Columns and views below which there is nothing to search. */
enum { WEDGE_COLUMNS_MIN = 8, WEDGE_VIEWS_MIN = 8 };

/* The half turn to be searched: values resampled to equispaced views, every sample finite. */
struct half_turn {
    size_t views, columns;
    float *values;
};

/* ERR_FORMAT: too small, angles not finite, less than 150 degrees. */
bool half_turn_take(const struct centre_sino *s, struct half_turn *ret,
                    struct err *err) CHECK_RESULT;
void half_turn_fini(struct half_turn *h);

/* What all axes share: P(k) and Z(k) in units of the floor, k = 1 .. frequencies, of lines
 * transformed at `length`. */
struct wedge {
    size_t frequencies, length;
    double *power, *re, *im; /* [frequencies + 1] */
};

/* From `columns` columns of the half turn, `from` on, of which `taper` (a share) is faded at either
 * end, with `pad` columns of nothing behind them: twice the distance of an axis from their middle
 * must fit in. Axes are then counted from column `from`. */
bool wedge_init(struct wedge *g, const struct half_turn *h, size_t from, size_t columns, size_t pad,
                double taper, unsigned threads, struct err *err) CHECK_RESULT;
void wedge_fini(struct wedge *g);

/* Mean over k of log (1 + E / floor): low where the halves fit. */
double wedge_score(const struct wedge *g, double centre);

/* The same in shares of what an axis that fits nothing would get: about 1 anywhere, well below at
 * the axis, whichever columns the wedge was made of. */
double wedge_misfit(const struct wedge *g, double centre);

#endif
