/* What the commands on the catalog have in common: the project, brought up to date, and the rows
 * that selectors name. */
#ifndef GANTRY_CLI_ROWS_H
#define GANTRY_CLI_ROWS_H

#include "catalog/project.h"
#include "catalog/selector.h"
#include "cli/command.h"
#include "engine/refresh.h"

struct rows {
    struct project project;
    int64_t *ids; /* in the order of series, index and name */
    size_t n;
};

/* The project (registered when the folder is none yet), refreshed, and the rows that the selectors
 * name (scope: enum selector_scope). A data folder that cannot be read now is said, and the rows
 * known from before are used. The store is open and fresh afterwards. rows_fini() in any case. */
bool rows_select(struct cli *c, char *const *selectors, size_t n, int scope, struct rows *ret,
                 struct err *err) CHECK_RESULT;
void rows_fini(struct rows *r);
/* The project alone, refreshed; no row is selected. */
bool rows_open(struct cli *c, struct rows *ret, struct err *err) CHECK_RESULT;
/* Studies (subjects: subjects) of an opened project that NORA's subject selectors name, or their
 * folders, or id:17; each once, in the selectors' order. Nothing given means all. A selector that
 * finds nothing is ERR_NOTHING and named. */
bool rows_studies(struct cli *c, bool subjects, char *const *selectors, size_t n, struct rows *ret,
                  struct err *err) CHECK_RESULT;
/* ERR_NOTHING "No files selected." when there is none. */
bool rows_need(const struct rows *r, struct err *err) CHECK_RESULT;
/* {"project", "items"}: the start of an operation's arguments. Caller owns it. */
json_t *rows_args(const struct rows *r, struct err *err) CHECK_RESULT;
/* Run an operation, with its warnings to stderr. The answer is a new reference. */
json_t *rows_call(struct cli *c, const char *op, const json_t *args, struct err *err) CHECK_RESULT;

/* One refresh with a counter on a terminal; `session` may be NULL. Takes nothing; the report is
 * freed with refresh_report_fini(). */
bool rows_refresh(struct cli *c, struct session *session, int64_t project, int64_t pct, bool all,
                  struct refresh_report *ret, struct err *err) CHECK_RESULT;
/* Lines of an array of texts to stderr, a long list cut. */
void rows_say(const struct cli *c, const json_t *lines);

#endif
