/* Looking at a run's output and judging it ("look and judge"): what there is to look at, and what
 * was said. */
#ifndef GANTRY_REPORT_VERDICTS_H
#define GANTRY_REPORT_VERDICTS_H

#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* The items of a run in the order of their names: [{item, psid, state, failed, good, comment,
 * user}]; state of the task that says most of it in this run, good null when nobody has judged. */
json_t *verdicts_rows(struct store *s, int64_t run, struct err *err) CHECK_RESULT;

/* What one item's jobs of a run read and wrote: {"inputs": [{job, arg, path, file}], "outputs":
 * the same} (arg of an input is not known: ""); file is the id in the catalog, null when it is not
 * there (any more).
 */
json_t *verdicts_files(struct store *s, int64_t run, int64_t item, struct err *err) CHECK_RESULT;

#endif
