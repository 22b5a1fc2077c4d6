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

#endif
