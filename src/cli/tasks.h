/* Rows of tasks, shared by ps, show and errors. */
#ifndef GANTRY_CLI_TASKS_H
#define GANTRY_CLI_TASKS_H

#include "cli/command.h"

/* Complete the rows of a task query in place: "item" becomes the name without its extension ("name"
 * keeps it), "state" a word, "seconds" how long it ran (so far), "started" and "ended" ISO times.
 * The rows have name, state (number), started_us, ended_us. */
bool tasks_complete(json_t *rows, struct err *err) CHECK_RESULT;

#endif
