/*
 * A job opened in a notebook: the batch becomes one job of the tool jupyter.notebook, whose program
 * (share/jupyter/start) writes the notebook and holds Jupyter until it is killed. The job's FILE
 * arguments stay what they are, so that they are resolved as for the job itself; its outputs become
 * files of the notebook's own folder.
 */
#ifndef GANTRY_ENGINE_NOTEBOOK_H
#define GANTRY_ENGINE_NOTEBOOK_H

#include "base/err.h"
#include "codec/json.h"
#include "engine/engine.h"

/* Which job: the only one, or the one that args "phases" names. A script as it was written, or the
 * command-line of an external tool as a script; ERR_USAGE for a built-in step, and when Jupyter is
 * not installed. */
bool notebook_open(const struct engine *e, const json_t *args, json_t *batch,
                   struct err *err) CHECK_RESULT;
bool notebook_is(const json_t *batch);

#endif
