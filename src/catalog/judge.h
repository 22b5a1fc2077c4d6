/* What follows from the rows as they are: which scans the undersized rule skips, and each row's
 * status word. Reads only; the answer goes to scan.apply. */
#ifndef GANTRY_CATALOG_JUDGE_H
#define GANTRY_CATALOG_JUDGE_H

#include <stdint.h>
#include "base/err.h"
#include "catalog/project.h"
#include "codec/json.h"
#include "store/store.h"

#define STATUS_READY "Ready"
#define STATUS_SKIPPED "Skipped"               /* by hand */
#define STATUS_SKIPPED_SMALL "Skipped (small)" /* by the rule */

/* Rows to change: [{"id", "skip": bool, "reason": "...", "status": "..."}]. pct as in
 * series_verdict. `only`: just these n ids are answered (the rule still sees everything); NULL =
 * all. Caller owns it. */
json_t *judge_rows(struct store *s, const struct project *p, int64_t pct, const int64_t *only,
                   size_t n_only, struct err *err) CHECK_RESULT;

/* The limit in force: `given`, else the project's, else the default. Negative = not given. */
int64_t judge_pct(const struct project *p, int64_t given);

#endif
