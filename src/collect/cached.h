/* Is this work done already? A task with the same fingerprint whose every recorded output lies
 * there unchanged. */
#ifndef GANTRY_COLLECT_CACHED_H
#define GANTRY_COLLECT_CACHED_H

#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

/* *ret_task = the task of this project whose outputs can be taken, 0 = none. */
bool cached_find(struct store *s, int64_t project, const char *fingerprint, int64_t *ret_task,
                 struct err *err) CHECK_RESULT;
/* Are all recorded outputs of a task in place? *ret_why (may be NULL, caller frees) names the first
 * that is not. */
bool cached_outputs_intact(struct store *s, int64_t task, bool *ret_intact, char **ret_why,
                           struct err *err) CHECK_RESULT;
/* Does the table of outputs know this path (Gantry made it)? Unknown on error: false. */
bool cached_path_known(struct store *s, const char *path);

#endif
