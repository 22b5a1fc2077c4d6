/*
 * A volume as a model with a card sees it: turned to the card's orientation, resampled to its
 * spacing. model_space, then model_space_values; what the model finds there goes back by the two
 * grids.
 */
#ifndef GANTRY_STEPS_MODEL_SPACE_H
#define GANTRY_STEPS_MODEL_SPACE_H

#include "image/volume.h"
#include "math/resample.h"
#include "model/model-card.h"

/* The volume's own grid. */
void model_space_own(const struct volume *v, struct resample_grid *ret);
/* The grid in which the model sees the volume. *ret_same: it is the volume's own. ERR_FORMAT when
 * the card wants an orientation that the volume does not say. */
bool model_space(const struct model_card *card, const struct volume *v, struct resample_grid *ret,
                 bool *ret_same, struct err *err) CHECK_RESULT;
/* Values of the volume in `grid` (mem_free); its least value beyond the volume, and in place of
 * what is no number. */
float *model_space_values(const struct volume *v, const struct resample_grid *grid, bool same,
                          unsigned threads, struct err *err) CHECK_RESULT;

#endif
