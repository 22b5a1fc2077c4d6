/*
 * The rows of `gantry predict`: one a ZIP, in input order, filled as tasks of the run settle; what
 * stands in the result file.
 *
 * Order: triage_rows_load, triage_rows_leave_out, triage_rows_update as often as something changed,
 * triage_rows_table / _csv, triage_rows_fini.
 */
#ifndef GANTRY_CLI_TRIAGE_ROWS_H
#define GANTRY_CLI_TRIAGE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"
#include "model/found.h"
#include "store/store.h"

enum triage_state {
    TRIAGE_OPEN,    /* not finished (yet) */
    TRIAGE_SUCCESS, /* classified */
    TRIAGE_FAILURE  /* not readable, no chest CT, or the work failed: `reason` says which */
};

struct triage_row {
    int64_t item, task;
    char *name; /* the ZIP below the folder: what path_to_study says */
    enum triage_state state;
    bool damaged;   /* found out before the work began: it has no task */
    bool earlier;   /* taken from an earlier run */
    bool told;      /* shown on the console */
    int truth;      /* 0, 1, or -1 = not known */
    double seconds; /* of this study */
    json_t *values; /* what the step found; NULL = nothing */
    char *reason;   /* of a failure */
};

struct triage_rows {
    struct triage_row *row;
    size_t n;
    size_t finished;
    bool has_truth;
};

/* The ZIPs of a project below `folder` (relative to its root, "" = all of it), sorted by name.
 * Names are shown relative to that folder. Those that cannot be opened are failures at once. */
bool triage_rows_load(struct store *s, int64_t project, const char *folder, struct triage_rows *ret,
                      struct err *err) CHECK_RESULT;
/* ZIPs there that cannot be items (found_list.left): failures too, in their places. */
bool triage_rows_leave_out(struct triage_rows *rows, const struct found_list *found,
                           struct err *err) CHECK_RESULT;
void triage_rows_fini(struct triage_rows *rows);
/* Take over what has settled since the last call; *ret_new counts it. */
bool triage_rows_update(struct triage_rows *rows, struct store *s, int64_t run, size_t *ret_new,
                        struct err *err) CHECK_RESULT;

/* Of a finished row; NAN and -1 without one. */
double triage_probability(const struct triage_row *row);
int triage_pathology(const struct triage_row *row);

/* {"title","columns","rows"} of what is finished, as `gantry-imaging table` takes it. */
json_t *triage_rows_table(const struct triage_rows *rows, struct err *err) CHECK_RESULT;
/* The same rows as an array of objects (for --json). */
json_t *triage_rows_json(const struct triage_rows *rows, struct err *err) CHECK_RESULT;
/* The same as RFC 4180; numbers have the decimals of the console. Caller frees. */
char *triage_rows_csv(const struct triage_rows *rows, struct err *err) CHECK_RESULT;
/* Heading and one row of it, for the journal. */
void triage_csv_heading(struct str *out);
void triage_csv_row(struct str *out, const struct triage_row *row);

#endif
