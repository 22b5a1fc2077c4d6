/*
 * A segmentation model over one volume: turned to the card's orientation, resampled to its spacing,
 * scaled, cut into patches, and the labels brought back into the volume's own grid. segment_volume,
 * then segment_picture for people.
 */
#ifndef GANTRY_STEPS_SEGMENT_H
#define GANTRY_STEPS_SEGMENT_H

#include "image/volume.h"
#include "infer/run.h"

struct segment_options {
    double overlap; /* of patches, 0 to 0.9 */
    unsigned threads;
    bool (*progress)(void *arg, double fraction, struct err *err); /* may be NULL */
    void *arg;
};

/* *ret_labels is one byte a voxel in the grid of `in` (3-D). ERR_UNSUPPORTED when the model takes
 * more than one channel. */
bool segment_volume(struct infer *m, const struct volume *in, const struct segment_options *options,
                    struct volume *ret_labels, struct err *err) CHECK_RESULT;

/* The three planes through the middle of what was found (of the volume when nothing was), labels in
 * colours over grey. */
bool segment_picture(const struct volume *in, const struct volume *labels, const char *path,
                     struct err *err) CHECK_RESULT;

#endif
