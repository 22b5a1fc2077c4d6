/*
 * Scores in the model's grid become labels in the series' own, slice by slice as they are complete.
 *
 * Scores are interpolated (linear) and then decided on, instead of deciding first and taking the
 * nearest label: where the model's voxels are coarser than the series', the border runs where the
 * scores say, not along the model's voxels. Where the two grids' voxels coincide (also turned or
 * flipped) nothing is interpolated.
 */
#ifndef GANTRY_STEPS_SEGMENT_BACK_H
#define GANTRY_STEPS_SEGMENT_BACK_H

#include <stdint.h>
#include "math/resample.h"
#include "steps/predict-settings.h"

struct segment_back {
    const struct model_card *card;
    const struct predict_settings *settings;
    size_t n[3];     /* of the series */
    size_t grid[3];  /* of the model's grid */
    double m[3][4];  /* voxels of the series to voxels of the grid */
    bool same;       /* they are the same voxels in the same order */
    uint8_t *labels; /* [n[2]][n[1]][n[0]], zeros at first; the caller's */
    float *before;   /* the slice before this one */
    size_t classes;
};

bool segment_back_open(struct segment_back *b, const struct model_card *card,
                       const struct predict_settings *settings, const struct resample_grid *own,
                       const struct resample_grid *grid, uint8_t *labels,
                       struct err *err) CHECK_RESULT;
/* For infer_sliding(). */
bool segment_back_slice(void *back, size_t z, const float *scores, size_t classes, struct err *err);
void segment_back_fini(struct segment_back *b);

#endif
