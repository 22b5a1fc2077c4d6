/* Batches: the JSON of DESIGN section 4, read, checked, and cut to the phases that were asked for.
 */
#ifndef GANTRY_PLAN_BATCH_H
#define GANTRY_PLAN_BATCH_H

#include <stdbool.h>
#include "base/err.h"
#include "codec/json.h"
#include "plan/tool.h"

/* Check shape, keys, tools, arguments. The message says which job and what is wrong. */
bool batch_check(const json_t *batch, const struct tools *tools, struct err *err) CHECK_RESULT;
/* A copy with only the jobs whose id or phase is in `phases` (array of texts; NULL or empty = all
 * but those that are "off"). ERR_USAGE when a phase is unknown or none is left. */
json_t *batch_phases(const json_t *batch, const json_t *phases, const struct tools *tools,
                     struct err *err) CHECK_RESULT;
/* Every key of `params` must be a parameter of a tool of the batch, with a fitting value, and pairs
 * in order. */
bool batch_check_params(const json_t *batch, const json_t *params, const struct tools *tools,
                        struct err *err) CHECK_RESULT;
/* Are pairs of parameters (start_row, end_row) in order for every job, once `params` are laid over
 * the job's own? */
bool batch_check_order(const json_t *batch, const json_t *params, const struct tools *tools,
                       struct err *err) CHECK_RESULT;
/* Index of the first job that collects all items into one task; they come last. The number of jobs
 * when there is none. */
size_t batch_collect_from(const json_t *batch);
/* The tool of a job. */
const struct tool *batch_tool(const json_t *job, const struct tools *tools);

#endif
