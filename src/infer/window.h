/*
 * Patches of a volume: how large they are, where they may begin, and one cut out. Shared by
 * sliding.c (segmentation) and patches.c (detection).
 */
#ifndef GANTRY_INFER_WINDOW_H
#define GANTRY_INFER_WINDOW_H

#include "infer/run.h"

#define WINDOW_AXES 3 /* columns, rows, slices; of a model of slices a patch is one slice thick */

struct window {
    size_t n[WINDOW_AXES]; /* of the volume */
    size_t patch[WINDOW_AXES];
    size_t channels, voxels; /* of a patch */
    struct ort_tensor in;    /* what the model takes; n[0] is the batch when `batched` */
    bool batched;            /* it has a batch dimension ... */
    size_t batch;            /* ... of so many, 0: any number */
};

/* ERR_UNSUPPORTED when the model takes neither volumes nor slices. */
bool window_measure(struct window *w, const struct infer *m, const size_t n[3],
                    struct err *err) CHECK_RESULT;
/* How many patches an axis takes when they begin `stride` apart; the last lies at the end. */
size_t window_steps(size_t n, size_t patch, size_t stride);
/* One patch of `volume` ([channels][n[2]][n[1]][n[0]]) that begins at `at`; beyond the volume its
 * nearest voxels go on. */
void window_cut(const struct window *w, const float *volume, const size_t at[WINDOW_AXES],
                float *ret);

#endif
