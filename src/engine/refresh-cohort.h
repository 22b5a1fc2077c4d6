/* The part of a refresh that goes over a cohort's studies: walk (discover/), compare (catalog/),
 * apply in pieces through the operation "cohort.apply". Only engine/refresh.c calls this. */
#ifndef GANTRY_ENGINE_REFRESH_COHORT_H
#define GANTRY_ENGINE_REFRESH_COHORT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "catalog/cohort-scan.h"
#include "catalog/project.h"
#include "codec/json.h"
#include "model/found.h"

struct session;
struct store;
struct cohort_refresh;

struct cohort_refresh_args {
    const char *home;
    struct session *session; /* NULL: one is opened when something is to be written */
    struct store *store;     /* for reading */
    const struct project *project;
    json_t *warnings;
};

/* Which layout holds now: the project's own, or, where that is auto and nothing was found yet, what
 * `found` (the usual walk's list) looks like. *ret_new: it is to be remembered. `ret` is a text of
 * model/layout.h. */
const char *cohort_refresh_layout(const struct project *project, const struct found_list *found,
                                  bool *ret_new);
/* Remember it (as project.layout_found), in `project` too. */
bool cohort_refresh_remember(const struct cohort_refresh_args *how, struct project *project,
                             const char *layout, struct err *err) CHECK_RESULT;

/* `how` and `items` are borrowed; the acquisitions that are met anywhere go to `items`. Layout
 * scans: nothing is walked, and studies known from before are gone. */
struct cohort_refresh *cohort_refresh_begin(const struct cohort_refresh_args *how,
                                            struct found_list *items, struct err *err) CHECK_RESULT;
/* Work for about so long (0: to the end). */
bool cohort_refresh_step(struct cohort_refresh *r, int64_t for_us, bool *ret_done,
                         struct err *err) CHECK_RESULT;
void cohort_refresh_report(const struct cohort_refresh *r, struct cohort_scan_report *ret);
void cohort_refresh_end(struct cohort_refresh *r);

#endif
