/*
 * What a classifier of whole volumes, or of single slices, is fed with: the series turned to the
 * card's orientation, scaled, and made the size that the model takes. predict_input_open, then
 * predict_input_tensor for each of them, predict_input_close.
 */
#ifndef GANTRY_STEPS_PREDICT_INPUT_H
#define GANTRY_STEPS_PREDICT_INPUT_H

#include "image/volume.h"
#include "infer/run.h"
#include "math/resample.h"

struct predict_input {
    struct infer *m;
    struct resample_grid grid; /* of the values */
    float *values;
    struct ort_tensor in;
    size_t size[3]; /* of a tensor: columns, rows, slices */
    bool flat;      /* a tensor is one slice */
    size_t n;       /* tensors: 1, or one a slice */
    float *room;
};

/* Where the card says a spacing, the middle is cut out (or surrounded by the least value), else the
 * whole series is made the size. */
bool predict_input_open(struct predict_input *in, struct infer *m, const struct volume *v,
                        unsigned threads, struct err *err) CHECK_RESULT;
/* Tensor `i`, borrowed until the next one. */
bool predict_input_tensor(struct predict_input *in, size_t i, struct err *err) CHECK_RESULT;
void predict_input_close(struct predict_input *in);

/* Which slice of the series slice `z` of the grid is, when slices of both lie in the same planes.
 */
bool predict_input_slice(const struct volume *v, const struct resample_grid *grid, size_t z,
                         size_t *ret);

#endif
