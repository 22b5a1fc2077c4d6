/* One row of the catalog as an object: what `gantry ls --json` prints and GET /items answers. */
#ifndef GANTRY_REPORT_ITEMS_H
#define GANTRY_REPORT_ITEMS_H

#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* With the keys of DESIGN 3 (`ls`) and more; `root` is the project's folder. ERR_NOTHING when there
 * is no such row. */
json_t *items_row(struct store *s, int64_t id, const char *root, struct err *err) CHECK_RESULT;
/* The same with what a list that is looked at shows besides: group, confidence, task, place,
 * progress. */
json_t *items_live_row(struct store *s, int64_t id, const char *root, struct err *err) CHECK_RESULT;
/* Earlier values of its rotation centre, oldest first. */
json_t *items_history(struct store *s, int64_t id, struct err *err) CHECK_RESULT;
/* What tasks have published for it, newest task of each output. */
json_t *items_outputs(struct store *s, int64_t id, struct err *err) CHECK_RESULT;
/* The tags of a project: [{tag, files}]. */
json_t *items_tags(struct store *s, int64_t project, struct err *err) CHECK_RESULT;

#endif
