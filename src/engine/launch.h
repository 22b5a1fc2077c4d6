/* The words of a launch (how to find the centre, the mode, what config.ini says of runs) made into
 * what the queue works with. The command line and the API send the words; the rules are here. */
#ifndef GANTRY_ENGINE_LAUNCH_H
#define GANTRY_ENGINE_LAUNCH_H

#include "base/err.h"
#include "codec/json.h"
#include "engine/engine.h"

/* args "mode": the batch's own option, changed for this run. Before batch_check. */
bool launch_mode(const json_t *args, json_t *batch, struct err *err) CHECK_RESULT;
/* `options` gets what config.ini says of timeout, stall and overwrite and nobody said otherwise;
 * with args "cor" = "auto" `params` gets rotation_axis_auto, unless a job of the batch finds the
 * centre for the others. ERR_USAGE for an option that is none. */
bool launch_words(const struct engine *e, const json_t *args, const json_t *batch, json_t *params,
                  json_t *options, struct err *err) CHECK_RESULT;

#endif
