/*
 * Series of scans and the rule about undersized ones (REQUIREMENTS D, E; rulings X2, X23). Pure:
 * arrays in, arrays out.
 */
#ifndef GANTRY_CATALOG_SERIES_H
#define GANTRY_CATALOG_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* D1, D3: key and trailing index of a name relative to the project. The key of a scan in a
 * subfolder carries the folder: "day1/sample_007.h5" -> "day1/sample", 7. Caller frees *ret_key. */
bool series_of(const char *name, char **ret_key, int64_t *ret_index, struct err *err) CHECK_RESULT;

/* One row as the rule sees it. */
struct sized {
    const char *series;
    bool readable;
    int64_t bytes; /* of the projections; of the file when they cannot be told; 0 = unreadable */
    int64_t frames, angles; /* -1 = unknown */
    bool unallocated;       /* chunks of a preallocated file were never written */
    const char *why;        /* the reader's reason, "" = none */
};
struct size_verdict {
    bool skip;
    char reason[144]; /* "" when not skipped */
};

#define UNDERSIZED_PCT_DEFAULT 50

/* The median size of each row's usable peers (those of one series stand side by side); 0 where
 * there are fewer than two. `ret` has room for n. */
bool series_medians(const struct sized *rows, size_t n, double *ret, struct err *err) CHECK_RESULT;
/* Judge one row. pct 0 switches the rule off (only unreadable rows stay skipped). */
void series_verdict(const struct sized *row, double median, int64_t pct, struct size_verdict *ret);

#endif
