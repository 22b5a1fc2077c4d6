/* Does a series fit what a model takes? Looked at before anything is queued. */
#ifndef GANTRY_MODEL_MODEL_FIT_H
#define GANTRY_MODEL_MODEL_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/model-card.h"

/* What the catalog knows of a series; texts are "" and numbers 0 where it does not know. */
struct series_facts {
    const char *modality, *problem;
    int64_t columns, rows, slices, times;
};

/* False: `reason` says why in so few words that equal reasons can be counted: "MR", "with 12
 * slices", "of 120 time points", "unreadable". What is not known is no reason. */
bool model_fits(const struct model_card *card, const struct series_facts *facts, char *reason,
                size_t size);

#endif
