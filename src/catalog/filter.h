/*
 * Filter bars over subjects and studies (REQUIREMENTS Q1, Q2), as one types them: never an error.
 *
 * A blank is OR, & is AND and binds tighter ("a&b c" = (a and b) or c; blanks around & do not
 * matter). Each expression has a wildcard at its end of its own accord; * and _ are as in
 * pattern.h; quotes keep blanks and &. An expression is
 *   WORD          the PID, the SID or PID#SID
 *   STAG: PTAG: FTAG:  a tag of the study, the subject, one of the study's files; nothing behind
 *                 the colon: any tag at all
 *   SDESC:        the study's description
 *   JOB:q|r|e|d   jobs of the row are queued, running, failed (e), done; nothing: any job
 * Attributes are known in either case. An empty bar lets everything through.
 */
#ifndef GANTRY_CATALOG_FILTER_H
#define GANTRY_CATALOG_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

struct filter;

struct filter_jobs {
    int queued, running, failed, done;
};
/* One row as filters see it; texts are never NULL. Tags are /a/b/. */
struct filter_row {
    const char *pid, *sid, *sdesc, *stags, *ptags;
    const char *ftags; /* of all files, /a/b//b/c/ will do; only where filter_needs says so */
    struct filter_jobs jobs;
};

/* NULL only when memory is out, or a bar has more than 200 expressions (ERR_USAGE). */
struct filter *filter_parse(const char *text, struct err *err) CHECK_RESULT;
void filter_free(struct filter *f);

enum filter_need { FILTER_FTAGS = 1, FILTER_JOBS = 2 };
/* What a row must have besides names and tags. */
int filter_needs(const struct filter *f);
bool filter_match(const struct filter *f, const struct filter_row *row);

/* The jobs of an item, asked only when a bar speaks of JOB:. */
typedef bool filter_jobs_fn(void *arg, int64_t item, struct filter_jobs *ret, struct err *err);

/* Ids of the studies (or subjects) of a project that pass all `n` bars, by subject, date and sid. A
 * subject passes when it does by itself or one of its studies does. `jobs` may be NULL: then no
 * row has any. Caller frees *ret_ids. */
bool filter_items(struct store *s, int64_t project, bool subjects, struct filter *const *bars,
                  size_t n, filter_jobs_fn *jobs, void *arg, int64_t **ret_ids, size_t *ret_n,
                  struct err *err) CHECK_RESULT;

#endif
