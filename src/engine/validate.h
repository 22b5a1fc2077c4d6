/*
 * Before anything runs: what is wrong with a batch, and which items lack which input (K8).
 *
 * An input that an earlier job of the batch writes (by its tag, or a pattern that its OUT fits) is
 * not missing. Large selections are looked at in pieces, so that the engine is free in between:
 * "complete" is false then, and "next" is to be given as "from".
 */
#ifndef GANTRY_ENGINE_VALIDATE_H
#define GANTRY_ENGINE_VALIDATE_H

#include "engine/op.h"

/* {"project", "batch", "items"? | "studies"?, "job"?, "from"?} -> {"ok", "problems": [{job, text,
 * warning?}], "items": [{id, psid, job, missing: [{arg, pattern}]}], "lacking", "checked", "total",
 * "complete", "next"?} */
op_function op_batch_validate;

/* Does an earlier job of the batch make what one of these FILE arguments means? */
bool validate_made_before(const json_t *batch, size_t job);

#endif
