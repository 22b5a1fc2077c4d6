/*
 * Finding the rotation axis of a scan: the finders of math/centre.h fed from a source. One call,
 * then axis_fini.
 */
#ifndef GANTRY_STEPS_AXIS_H
#define GANTRY_STEPS_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "math/centre.h"
#include "steps/job.h"
#include "steps/params.h"
#include "steps/source.h"

/* What a search works with. */
struct axis_means {
    struct job *job;   /* threads, home, memory, and where to say which model was asked */
    const char *tries; /* folder of try slices that a classifier looks at before any are made; NULL
                          = none */
};

/* All centres are columns of the full detector. */
struct axis_found {
    double axis;
    double confidence;  /* 0..1 */
    const char *source; /* whose the value is: "vo", "pc", "vo+pc" (their mean), "entropy", "ai" */
    bool have_vo, have_pc, have_ai;
    struct centre_result vo, pc, ai;
    struct err unasked; /* why the model was not asked where auto would have; else ERR_NONE */
    struct centre_curve
        curve;   /* of vo; of entropy or the model when those are the method; else empty */
    bool global; /* the whole detector was searched, though a seed was given */
};

/* Search slice `slice`, around `seed` +- the parameters' width, or anywhere when seed is NaN. A
 * result at the edge of the range, or one that deserves no trust, is searched for again on the
 * whole detector. Changes the source's selection. ERR_FORMAT when no finder can run on this scan
 * (too few columns or angles, less than half a turn). Method ai: ERR_NOTHING when there is no model
 * or no ONNX Runtime. */
bool axis_find(struct source *source, const struct recon_params *params, size_t slice, double seed,
               const struct axis_means *means, struct axis_found *ret_found,
               struct err *err) CHECK_RESULT;
void axis_fini(struct axis_found *found);

/* axis_find() over all slices of nsino; the most confident answer counts. Says in the job's log,
 * once, why auto did not ask the model. */
bool axis_find_all(struct source *source, const struct recon_params *params, double seed,
                   const struct axis_means *means, struct axis_found *ret_found,
                   struct err *err) CHECK_RESULT;

#endif
