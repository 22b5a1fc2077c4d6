/*
 * The form of a model: which settings its card offers, with type, default, range and words. Values
 * are checked against it by model_settings() (model-card.h) before anything is queued, and the page
 * draws its form from the same object.
 *
 * Types: number, integer, boolean, text (or string), choice (one of `choices`), labels (a list of
 * `choices`, without them of the labels of the model's output). A default is always there.
 */
#ifndef GANTRY_MODEL_MODEL_SETTINGS_H
#define GANTRY_MODEL_MODEL_SETTINGS_H

#include "model/model-card.h"

/* "settings" of a card that is being read; output was read already. `file` names it in messages. */
bool model_settings_parse(const json_t *root, struct model_card *c, const char *file,
                          struct err *err) CHECK_RESULT;

#endif
