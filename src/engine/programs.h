/* Are the programs there that a batch needs? Asked before a launch and when a batch is validated,
 * so that a thousand tasks need not fail with "command not found". Where set-up lines (module load,
 * conda activate) come first, they may bring the program: nothing is said then. */
#ifndef GANTRY_ENGINE_PROGRAMS_H
#define GANTRY_ENGINE_PROGRAMS_H

#include "engine/engine.h"

/* ERR_USAGE names the job, the program and what to do. */
bool programs_check_job(const struct engine *e, const json_t *batch, const json_t *job,
                        struct err *err) CHECK_RESULT;
bool programs_check(const struct engine *e, const json_t *batch, struct err *err) CHECK_RESULT;

#endif
