/* kill, suspend, resume, hold, release: one operation, five words. */
#ifndef GANTRY_CLI_SIGNAL_H
#define GANTRY_CLI_SIGNAL_H

#include "cli/command.h"

/* Send `action` to the tasks and runs named in c->args, and say how many changed. */
bool signal_tasks(struct cli *c, const char *action, struct err *err) CHECK_RESULT;

extern const char signal_help[];

#endif
