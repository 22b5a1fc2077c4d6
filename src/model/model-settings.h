/*
 * The form of a model: which settings its card offers, with type, default, range and words. Values
 * are checked against it by model_settings() (model-card.h) before anything is queued, and the page
 * draws its form from the same object.
 *
 * Types: number, integer, boolean, text (or string), choice (one of `choices`), labels (a list of
 * `choices`, without them of the labels of the model's output, with at least `minimum` entries, 1
 * when it is not said). A default is always there.
 */
#ifndef GANTRY_MODEL_MODEL_SETTINGS_H
#define GANTRY_MODEL_MODEL_SETTINGS_H

#include "model/model-card.h"

/* "settings" of a card that is being read; output was read already. `file` names it in messages. */
bool model_settings_parse(const json_t *root, struct model_card *c, const char *file,
                          struct err *err) CHECK_RESULT;

/* The form of Prediction Settings: what the tools can do with any model of its task (slice_first,
 * slice_last, threshold; of a segmentation also overlap, labels, ...), and the card's own settings,
 * which win. A model that a tool computes has its card's alone. New reference. */
json_t *model_form(const struct model_card *card, struct err *err) CHECK_RESULT;
/* As model_settings(), by that form. */
json_t *model_form_settings(const struct model_card *card, const json_t *given,
                            struct err *err) CHECK_RESULT;

#endif
