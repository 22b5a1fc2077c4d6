/*
 * Settings of a prediction (argument `settings`, a JSON object). What the model's card knows is
 * checked by its rules, and gets its default when it is not given; the names below are understood
 * for every model, whatever its card says.
 */
#ifndef GANTRY_STEPS_PREDICT_SETTINGS_H
#define GANTRY_STEPS_PREDICT_SETTINGS_H

#include <stdint.h>
#include "image/volume.h"
#include "model/model-card.h"

struct predict_settings {
    json_t *all;        /* every setting with its value */
    double overlap;     /* of patches, 0 to 0.9 */
    double threshold;   /* the card's when it is not a setting */
    bool threshold_set; /* it is a setting */
    size_t batch;       /* patches a run */
    size_t first, last; /* slices of the series, from 0; SIZE_MAX: to the end */
    /* By label, 0 is the background: only these stay, only their largest part stays, parts of fewer
     * voxels go. */
    bool keep[MODEL_MAX_LABELS];
    bool largest[MODEL_MAX_LABELS];
    size_t min_voxels;
};

/* `text` "" is {}. ERR_USAGE names what is wrong. */
bool predict_settings_read(const struct model_card *card, const char *text,
                           struct predict_settings *ret, struct err *err) CHECK_RESULT;
void predict_settings_fini(struct predict_settings *s);

/* The slices that they choose of a volume: a view that borrows its voxels. What is behind the last
 * slice is left out; ERR_USAGE when nothing is left. */
bool predict_slices(const struct volume *in, const struct predict_settings *s,
                    struct volume *ret_view, struct err *err) CHECK_RESULT;

#endif
