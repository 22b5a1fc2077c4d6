/*
 * Live acquisitions that are being followed ("Sync Acquisition", REQUIREMENTS H): one child
 * `gantry scan --watch` for each. The store's row of a watch says that it is on; so it outlives
 * page reloads, and a server that starts takes up what the last one followed.
 */
#ifndef GANTRY_API_WATCHES_H
#define GANTRY_API_WATCHES_H

#include "api/route.h"
#include "base/err.h"

/* What is followed of a project: {project, on, since, batch, lines: [{name, n, total, state,
 * text}], error?, watches: [...]}. New reference. */
json_t *watches_state(struct api *api, int64_t project, struct err *err) CHECK_RESULT;
/* Begin to follow; `batch` "" = only list what comes. `words`: further words of `gantry scan`
 * (NULL-terminated, may be NULL). ERR_EXISTS when it is followed already. */
bool watches_start(struct api *api, int64_t project, const char *batch, const char *const *words,
                   struct err *err) CHECK_RESULT;
/* End all of a project's, or the one of `batch` when it is not NULL. ERR_NOTHING: none was on. */
bool watches_stop(struct api *api, int64_t project, const char *batch,
                  struct err *err) CHECK_RESULT;
/* A server has started: go on with what stands in the store. */
bool watches_take_up(struct api *api, struct err *err) CHECK_RESULT;

#endif
