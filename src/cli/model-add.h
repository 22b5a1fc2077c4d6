/* `gantry model add`: from a folder, a ZIP, or a card and a network, into the home's registry. */
#ifndef GANTRY_CLI_MODEL_ADD_H
#define GANTRY_CLI_MODEL_ADD_H

#include "cli/command.h"
#include "model/model-card.h"
#include "model/model-find.h"

/* What the arguments of `c` name. */
bool model_add(struct cli *c, const struct model_places *p, struct err *err) CHECK_RESULT;
/* The card of the detector that `card` names, in the same folder. */
bool model_read_detector(const struct model_card *card, struct model_card *ret,
                         struct err *err) CHECK_RESULT;

#endif
