/*
 * A detector over one volume: every patch gets a score (infer_patches), patches with one become
 * boxes in voxels of the volume, and of those that overlap the best stays. detect_run, then
 * detect_fini.
 */
#ifndef GANTRY_STEPS_DETECT_H
#define GANTRY_STEPS_DETECT_H

#include "image/volume.h"
#include "infer/run.h"
#include "math/box.h"

/* Settings of a detector that say nothing else (DESIGN 10). */
#define DETECT_STRIDE 32.0
#define DETECT_IOU 0.3

struct detect_how {
    size_t stride; /* voxels of the model's space, from patch to patch */
    double least;  /* score of a finding */
    double iou_max;
    bool all_classes; /* each class but the background; else the last score alone */
    unsigned threads;
    bool (*progress)(void *arg, double fraction, struct err *err); /* may be NULL */
    void *arg;
};

/* The best first. Edges in voxels of the volume, so that the first column is from 0 to 1. */
struct detect_found {
    struct box *box;
    size_t *label; /* of each: which of the model's scores */
    size_t n;
    size_t classes; /* scores that the model gives; 0 when nothing was found */
};

/* May the stride be so? Between 1 and the patch's least size, or some voxels would not be looked
 * at. ERR_FORMAT says so. */
bool detect_stride(const struct model_card *card, double stride, struct err *err) CHECK_RESULT;
bool detect_run(struct infer *m, const struct volume *v, const struct detect_how *how,
                struct detect_found *ret, struct err *err) CHECK_RESULT;
void detect_fini(struct detect_found *found);

#endif
