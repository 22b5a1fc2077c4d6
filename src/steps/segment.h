/*
 * A segmentation model over one volume: turned to the card's orientation, resampled to its spacing,
 * scaled, cut into patches, and the labels brought back into the volume's own grid. segment_volume,
 * then segment_picture for people.
 */
#ifndef GANTRY_STEPS_SEGMENT_H
#define GANTRY_STEPS_SEGMENT_H

#include "image/volume.h"
#include "infer/run.h"
#include "steps/predict-settings.h"

struct segment_options {
    const struct predict_settings *settings;
    unsigned threads;
    const size_t *order; /* of patches (infer/run.h); NULL: the usual one */
    bool (*progress)(void *arg, double fraction, struct err *err); /* may be NULL */
    void *arg;
};

struct segment_done {
    size_t labels; /* 0 .. labels - 1 may be in the mask; 0 is the background */
    size_t patches;
    double seconds_model; /* in the model alone */
};

/* *ret_labels is one byte a voxel in the grid of `in` (3-D); slices that the settings leave out are
 * background. ERR_UNSUPPORTED when the model takes more than one channel. */
bool segment_volume(struct infer *m, const struct volume *in, const struct segment_options *options,
                    struct volume *ret_labels, struct segment_done *ret_done,
                    struct err *err) CHECK_RESULT;

struct label_palette {
    uint8_t colour[MODEL_MAX_LABELS][3];
};
/* Colours of the card (output.colours, "#rrggbb" a label), and label_colour() where it has none. */
void segment_palette(const struct model_card *card, struct label_palette *ret);

/* The three planes through the middle of what was found (of the volume when nothing was), labels in
 * colours over grey. */
bool segment_picture(const struct volume *in, const struct volume *labels,
                     const struct label_palette *palette, const char *path,
                     struct err *err) CHECK_RESULT;

#endif
