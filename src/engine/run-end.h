/* The end of a run, told outside: the options run_end_command and run_end_url get it as JSON. */
#ifndef GANTRY_ENGINE_RUN_END_H
#define GANTRY_ENGINE_RUN_END_H

#include "engine/engine.h"

/* Starts what the options say and does not wait for it; what it says goes to <home>/run-end.log.
 * That it could not be started is an event of the run, no failure. */
bool run_end_tell(struct engine *e, const struct active *run, struct err *err) CHECK_RESULT;

#endif
