/*
 * A series through a classifier of bags of slices: slices spread over it, windowed, made one size
 * (math/mil-input.h), scaled as the card says.
 */
#ifndef GANTRY_STEPS_MODEL_BAG_H
#define GANTRY_STEPS_MODEL_BAG_H

#include "infer/run.h"
#include "math/mil-input.h"

/* `series` says columns, rows, slices, threads, and how a slice is read. `range`: values that are
 * beyond are cut off, where the card has no window of its own. `ret_attention` may be NULL; it has
 * one weight a slice of the bag (mil_slices says which those are). */
bool model_bag_run(struct infer *m, const struct mil_job *series, const double range[2],
                   struct infer_bag_result *ret, float *ret_attention,
                   struct err *err) CHECK_RESULT;

#endif
