/* What the store knows of models: which are archived, and which predictions used them. */
#ifndef GANTRY_REPORT_MODELS_H
#define GANTRY_REPORT_MODELS_H

#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* To each row (with its "name") of model_list(): archived, used (predictions), last_used (when the
 * newest was submitted, null: never). */
bool models_put_use(struct store *s, json_t *rows, struct err *err) CHECK_RESULT;
bool models_archived(struct store *s, const char *name, bool *ret, struct err *err) CHECK_RESULT;

#endif
