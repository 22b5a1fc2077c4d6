/* Runs as rows: their counts, how far they are, how fast they go. */
#ifndef GANTRY_REPORT_RUNS_H
#define GANTRY_REPORT_RUNS_H

#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* {id, project, name, state, queued, priority, user, host, started, ended, counts: {state: n},
 * progress (0..1), rate (tasks a second), eta_s}; times in microseconds. Of a project (0: any) or
 * one run (0: all), living ones first, then the newest, `limit` of them. `within` as in causes.h.
 */
json_t *runs_rows(struct store *s, int64_t project, int64_t run, const char *within, int64_t limit,
                  struct err *err) CHECK_RESULT;

#endif
