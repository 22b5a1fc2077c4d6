/*
 * Fix COR Outliers (REQUIREMENTS F; rulings X3, X11, X15; DESIGN 6). Pure: rows in, verdicts out.
 *
 * Pass 1, per series over the selected numeric rows: median and unscaled MAD; a row farther than
 * min(max_delta, max(10, 5 MAD)) from the median is flagged and takes the mean of its nearest
 * unflagged neighbours by index, one on each side; at the edge of a series the two nearest on the
 * other side; one donor gives its value; none leaves the row as it is, reported.
 * Pass 2: selected rows still empty take the mean of the CORs of their series over the whole table,
 * repaired values included.
 *
 * A second fix must change nothing. So the statistics see each row as the first fix did: a row that
 * was fixed before counts with the value it had before (`before`), a row that was filled with a
 * mean does not count.
 */
#ifndef GANTRY_CATALOG_CORFIX_H
#define GANTRY_CATALOG_CORFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define CORFIX_MAX_DELTA 50.0
#define CORFIX_FLOOR 10.0 /* px: a tight series is not flagged at every point */
#define CORFIX_MADS 5.0

struct corfix_row {
    const char *series;
    const char *name; /* settles the order of equal indices */
    int64_t index;
    double cor;    /* NaN = none */
    double before; /* the value an earlier fix replaced; NaN = not fixed before */
    bool filled;   /* an earlier fix filled it with the series' mean */
    bool selected;
};

enum corfix_act {
    CORFIX_KEEP,     /* nothing to do, or not selected */
    CORFIX_REPLACE,  /* an outlier, value in `cor` */
    CORFIX_FILL,     /* was empty, value in `cor` */
    CORFIX_NO_DONOR, /* an outlier without an unflagged neighbour: unchanged */
    CORFIX_EMPTY     /* empty, and no COR in its series: unchanged */
};
struct corfix_verdict {
    enum corfix_act act;
    double cor;
    char reason[160];
};

/* `rows` in any order; `ret` has room for n, in the rows' order. *ret_series is the number of
 * series with a selected row. ERR_USAGE when max_delta is no positive number. */
bool corfix_judge(const struct corfix_row *rows, size_t n, double max_delta,
                  struct corfix_verdict *ret, size_t *ret_series, struct err *err) CHECK_RESULT;

#endif
