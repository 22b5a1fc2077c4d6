/* Fix COR Outliers over the store: rows in, the report of DESIGN 3 out; and the report applied. */
#ifndef GANTRY_CATALOG_FIX_H
#define GANTRY_CATALOG_FIX_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* {"series": n, "selected": n, "replaced": [...], "filled": [...], "unchanged": [...]}, each row
 * {"id", "name", "series", "old", "new", "reason"} in the order of series and index. Skipped rows
 * take no part (E4). Reads only; caller owns the answer. */
json_t *fix_report(struct store *s, int64_t project, const int64_t *ids, size_t n, double max_delta,
                   struct err *err) CHECK_RESULT;
/* Write what a report says (store open for writing); the old values stay in the event table. */
bool fix_apply(struct store *s, const json_t *report, struct err *err) CHECK_RESULT;

#endif
