/* Where models are: a registry is a folder with a folder for each model, and there may be several
 * (the home's own, and the one that ships), the first winning. */
#ifndef GANTRY_MODEL_MODEL_FIND_H
#define GANTRY_MODEL_MODEL_FIND_H

#include "base/err.h"
#include "codec/json.h"
#include "model/model-card.h"

/* Where models are looked for: the home's, then those beside the program. */
struct model_places {
    char *own, *ships;
    const char *registries[3];
};
/* `home` NULL: only those that ship. */
bool model_places_init(struct model_places *ret, const char *home, struct err *err) CHECK_RESULT;
void model_places_fini(struct model_places *places);

/* The folder of the model that `word` means: a path (with a slash in it) to a model's folder or to
 * its card (made absolute), else a name in one of `registries` (NULL-terminated). Caller frees.
 * ERR_NOTHING when there is none, naming those there are. */
char *model_find(const char *const *registries, const char *word, struct err *err) CHECK_RESULT;
/* Does it judge a CT series by slices of it? */
bool model_judges_ct(const struct model_card *card);
/* The folder of the first such model: a site's own before one that ships, a real one before a
 * demonstration. Caller frees. ERR_NOTHING says what to do when there is none. */
char *model_ct_classifier(const char *const *registries, struct err *err) CHECK_RESULT;
/* [{name, version, task, modality, bytes, registry: index, folder, description, demonstration,
 * hidden: another one wins, problem: "" or what is wrong with the card}] by name. */
json_t *model_list(const char *const *registries, struct err *err) CHECK_RESULT;

#endif
