/* Failures that nobody has dealt with yet, grouped by cause, with what usually helps. */
#ifndef GANTRY_REPORT_CAUSES_H
#define GANTRY_REPORT_CAUSES_H

#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* Of one run, or (run 0) of a project (0: of all) what no later run has made good; without what was
 * cleared. `within`: only of these projects, as the text of a JSON array; NULL = any. Most frequent
 * first; each row: id, code, signature, count, example, first_us, last_us, advice, tasks (ids),
 * items (names), item_ids, runs (ids), members (ITEM/JOB). */
json_t *causes_rows(struct store *s, int64_t project, int64_t run, const char *within,
                    struct err *err) CHECK_RESULT;

#endif
