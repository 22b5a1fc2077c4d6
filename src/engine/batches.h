/* Batches by name: the saved one wins over the one that ships. */
#ifndef GANTRY_ENGINE_BATCHES_H
#define GANTRY_ENGINE_BATCHES_H

#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* [{name, level, jobs, from ("saved" or "shipped"), description, starred, group}], starred ones
 * first. `s` may be NULL: a home without a database. */
json_t *batches_list(struct store *s, struct err *err) CHECK_RESULT;
/* One as it was saved, else as it ships; unchecked. ERR_USAGE when there is neither. */
json_t *batches_find(struct store *s, const char *name, struct err *err) CHECK_RESULT;

#endif
