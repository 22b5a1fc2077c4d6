/* Why tasks wait, as the living engine knows it: for status and ps. */
#ifndef GANTRY_CLI_WAITING_H
#define GANTRY_CLI_WAITING_H

#include <stdbool.h>
#include "base/err.h"
#include "cli/command.h"

/* A note on stderr when something is passed over (a full disk, no GPU, ...); for GPUs also how much
 * memory other programs hold there. Nothing without an engine. */
bool waiting_say(struct cli *c, struct err *err) CHECK_RESULT;

#endif
