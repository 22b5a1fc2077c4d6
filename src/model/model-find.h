/* Where models are: a registry is a folder with a folder for each model, and there may be several
 * (the home's own, and the one that ships), the first winning. */
#ifndef GANTRY_MODEL_MODEL_FIND_H
#define GANTRY_MODEL_MODEL_FIND_H

#include "base/err.h"
#include "codec/json.h"

/* The folder of the model that `word` means: a path (with a slash in it) to a model's folder or to
 * its card, else a name in one of `registries` (NULL-terminated). Caller frees. ERR_NOTHING when
 * there is none, naming those there are. */
char *model_find(const char *const *registries, const char *word, struct err *err) CHECK_RESULT;
/* [{name, version, task, modality, bytes, registry: index, folder, description, demonstration,
 * hidden: another one wins, problem: "" or what is wrong with the card}] by name. */
json_t *model_list(const char *const *registries, struct err *err) CHECK_RESULT;

#endif
