/*
 * Scores of overlapping patches become scores of a volume, slice by slice. Sums are whole numbers,
 * so that they are the same in whatever order patches come. Only slices that some patch has still
 * to add to are held: a slab as thick as a patch, when patches come slice by slice.
 *
 * blend_plan (weights, how fine the sums are), blend_room once the number of classes is known,
 * blend_add for each patch, blend_slice for each slice that is complete, in their order;
 * blend_fini.
 */
#ifndef GANTRY_INFER_BLEND_H
#define GANTRY_INFER_BLEND_H

#include <stdint.h>
#include "infer/window.h"

struct blend {
    const struct window *w;
    enum model_activation activation;
    size_t classes, plane;
    size_t height;     /* slices held at once */
    size_t complete;   /* slices given out */
    uint32_t one;      /* what a score of 1 is in the sums; a power of two */
    float low, factor; /* raw scores: (score - low) x factor lies between 0 and 1 */
    uint8_t *weight;   /* of the voxels of a patch, 1 to 255 */
    uint32_t *sum;     /* [height][classes + 1][plane]; behind the classes the weights */
    float *row;        /* [classes + 2][columns of a patch] */
    float *slice;      /* [classes][plane]: the one given out */
};

/* `stride` of patches along the three axes, and how many there are. */
bool blend_plan(struct blend *b, const struct window *w, enum model_activation activation,
                size_t *const begins[WINDOW_AXES], const size_t steps[WINDOW_AXES],
                struct err *err) CHECK_RESULT;
bool blend_room(struct blend *b, size_t classes, size_t height, struct err *err) CHECK_RESULT;
/* Scores of the patch at `at`, [classes][its voxels]. False when one of them is no number. */
bool blend_add(struct blend *b, const float *scores, const size_t at[WINDOW_AXES]) CHECK_RESULT;
/* The next slice: its scores, [classes][rows][columns], borrowed until the next call. */
const float *blend_slice(struct blend *b);
void blend_fini(struct blend *b);

#endif
