/*
 * The list of one project's scans, kept in memory while somebody looks at it: any filter with any
 * order answers in milliseconds over a million rows, with exact counts, and no index has to be
 * kept up to date while the engine writes. SQLite stays the truth: a listing is read from it in
 * steps, a row that changed is read again, and a listing nobody asks for is thrown away.
 *
 * Order: listing_new, listing_touch for every row of item or task that changes from then on (inside
 * a transaction or not: it is read later), listing_step until complete, listing_find,
 * listing_columns / listing_objects, listing_page_fini.
 */
#ifndef GANTRY_REPORT_LISTING_H
#define GANTRY_REPORT_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "model/group.h"
#include "store/store.h"

struct listing;

struct listing *listing_new(struct store *s, int64_t project, struct err *err) CHECK_RESULT;
void listing_free(struct listing *l);

/* Read on; a call costs a few milliseconds. *ret_done: listing_find may be called. */
bool listing_step(struct listing *l, bool *ret_done, struct err *err) CHECK_RESULT;
/* Rows of item and task that changed. Cheap; what is read again is read by listing_step. */
void listing_touch_item(struct listing *l, int64_t item);
void listing_touch_task(struct listing *l, int64_t task);

enum listing_sort {
    SORT_SERIES, /* series, index: as `gantry ls` */
    SORT_NAME,
    SORT_INDEX,
    SORT_SIZE,
    SORT_COR,
    SORT_CONFIDENCE,
    SORT_STATUS,
    SORT_CHANGED,
    SORT_ID,
    SORT_COUNT
};
/* SORT_COUNT when there is no such column. */
enum listing_sort listing_sort_named(const char *name);

struct listing_query {
    const char *text;     /* in the name, whatever the letter case; NULL or "" = any */
    enum row_group group; /* GROUP_COUNT = any */
    const char *status;   /* the whole word; NULL = any */
    const char *series, *tag;
    int skipped; /* 1, 0, -1 = either */
    enum listing_sort sort;
    bool descending; /* rows without a value come last either way; ties are ordered by id */
    size_t offset, limit;
};
struct listing_page {
    size_t total;               /* rows that fit */
    size_t counts[GROUP_COUNT]; /* by group, over the rows that fit all but `group` */
    uint32_t *rows;             /* the page, as positions */
    size_t n;
};
bool listing_find(struct listing *l, const struct listing_query *q, struct listing_page *ret,
                  struct err *err) CHECK_RESULT;
void listing_page_fini(struct listing_page *page);

/* Append the page as {"id":[...],"name":[...],...}, written from memory. */
bool listing_columns(struct listing *l, const struct listing_page *page, struct str *out,
                     struct err *err) CHECK_RESULT;
/* Id of a position. */
int64_t listing_id(const struct listing *l, uint32_t row);
/* Bytes in use, for the bench. */
size_t listing_bytes(const struct listing *l);

#endif
