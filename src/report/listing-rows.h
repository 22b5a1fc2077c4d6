/* Inside of a listing, shared by listing.c (reading), listing-find.c (filter and order) and
 * listing-columns.c (writing). Columns that filters and orders read lie in arrays of their own. */
#ifndef GANTRY_REPORT_LISTING_ROWS_H
#define GANTRY_REPORT_LISTING_ROWS_H

#include "report/listing.h"
#include "report/words.h"

enum row_flag {
    ROW_OFF = 1,       /* forgotten, vanished, or no scan: not on the list */
    ROW_SKIPPED = 2,   /* would not run */
    ROW_AUTO_SKIP = 4, /* the undersized rule flags it */
    ROW_ENABLED = 8,   /* by hand: runs although flagged */
    ROW_DISABLED = 16, /* by hand: never runs */
    ROW_OWN = 32       /* has parameters of its own */
};

#define TASK_NOT_READ (-1) /* the task that says most is looked up when the row is written */

struct row_rest {
    int64_t task;    /* TASK_NOT_READ, or 0 = none */
    int32_t attempt; /* its newest attempt */
    uint32_t frames, n_rows, n_columns;
    uint32_t reason, source; /* numbers in `words` */
    int8_t state;            /* of the task */
};

struct listing {
    struct store *store;
    int64_t project;
    size_t n, cap; /* rows, by ascending id */
    int64_t *id, *size, *changed;
    double *cor;
    float *confidence;
    int32_t *index;
    uint32_t *series, *status, *tags; /* numbers in `words` */
    uint32_t *by_name, *by_series;    /* rank of the row in that order */
    uint8_t *group, *flags;
    uint32_t *name_at; /* into `names` and `folded`, which have NULs between */
    struct row_rest *rest;
    struct str names, folded; /* as they are, and in lower case */
    bool has_upper;           /* otherwise `folded` stays empty and `names` serves for both */
    struct words words;
    /* reading */
    int64_t read_to, last; /* ids up to read_to are in; the table ends at last */
    enum { READ_ROWS, READ_NAMES, READ_SERIES, READ_DONE } phase;
    uint32_t ranked;  /* in this phase */
    char *after_name; /* keyset of the phase */
    int64_t after_index, after_id;
    bool unordered; /* rows came or changed their series: the ranks are made anew */
    int64_t *dirty;
    size_t n_dirty, cap_dirty;
    bool lost;     /* a change could not be remembered: read everything anew */
    uint8_t *fits; /* scratch of a query */
};

#endif
