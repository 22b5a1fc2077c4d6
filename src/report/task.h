/* Rows of tasks as people read them, and everything about one. */
#ifndef GANTRY_REPORT_TASK_H
#define GANTRY_REPORT_TASK_H

#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* Complete the rows of a task query in place: "item" becomes the name without its extension ("name"
 * keeps it), "state" a word, "seconds" how long it ran (so far), "started" and "ended" ISO times.
 * The rows have name, state (number), started_us, ended_us. */
bool task_complete(json_t *rows, struct err *err) CHECK_RESULT;

/* What `gantry show --json` prints: the task with its attempts, their files, its outputs and their
 * provenance. ERR_NOTHING when there is no such task. */
json_t *task_document(struct store *s, int64_t task, struct err *err) CHECK_RESULT;

#endif
