/* What axis-ai.c and axis-ai-search.c share. */
#ifndef GANTRY_STEPS_AXIS_AI_OWN_H
#define GANTRY_STEPS_AXIS_AI_OWN_H

#include "infer/keep.h"
#include "steps/axis-ai.h"

struct axis_ai {
    struct keep *keep;      /* of the job */
    struct keep_model kept; /* whose it is */
    struct infer *model;    /* the same, shorter */
    json_t *settings;
    size_t window; /* side of what the model looks at, in pixels */
};

/* Bytes of slices held at once. */
#define AXIS_AI_BYTES ((size_t)256 << 20)

/* How many slices of n x n are reconstructed at once: even, because they are computed in pairs. */
static inline size_t axis_ai_batch(size_t n, size_t wanted)
{
    size_t batch = AXIS_AI_BYTES / (n * n * sizeof(float)) & ~(size_t)1;

    batch = batch < 2 ? 2 : batch;
    return batch > wanted ? wanted : batch;
}

#endif
