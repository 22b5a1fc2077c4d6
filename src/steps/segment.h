/*
 * A segmentation model over one volume: turned to the card's orientation, resampled to its spacing,
 * scaled, cut into patches, and the labels brought back into the volume's own grid. segment_volume,
 * then segment_picture for people.
 */
#ifndef GANTRY_STEPS_SEGMENT_H
#define GANTRY_STEPS_SEGMENT_H

#include "image/volume.h"
#include "infer/run.h"
#include "math/box.h"
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

/* Three planes of a volume for people: axial, coronal, sagittal, in pixels as large as the finest
 * voxel is. */
struct segment_view {
    const struct volume *in;
    const uint8_t *labels;               /* on its voxels; may be NULL ... */
    const struct label_palette *palette; /* ... and then this too */
    const struct box *box;               /* drawn as frames */
    size_t boxes;
    size_t at[3];     /* the voxel through which the planes go */
    double low, high; /* black and white; both 0: as the volume's range has it */
};
/* The card's window, where it has one. */
void segment_window(const struct model_card *card, struct segment_view *view);
bool segment_planes(const struct segment_view *view, const char *path,
                    struct err *err) CHECK_RESULT;
/* The planes through the middle of what was found (of the volume when nothing was). */
bool segment_picture(const struct model_card *card, const struct volume *in,
                     const struct volume *labels, const char *path, struct err *err) CHECK_RESULT;

#endif
