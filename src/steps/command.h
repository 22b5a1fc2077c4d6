/*
 * A command of gantry-imaging: one file cmd-<name>.c with one const struct. The table is written by
 * Meson from the list in meson.build.
 */
#ifndef GANTRY_STEPS_COMMAND_H
#define GANTRY_STEPS_COMMAND_H

#include <stdbool.h>
#include "base/err.h"

struct command {
    const char *name;
    const char *usage; /* arguments, one line */
    const char *help;
    bool helps; /* answers --help itself */
    /* argv[0] is the first word behind the command's name. Returns the exit status; prints its own
     * errors. */
    int (*run)(int argc, char **argv);
};

extern const struct command *const command_table[];

/* NULL when there is none. */
const struct command *command_find(const char *name);

/* "error: <text>" on stderr, and the exit status that belongs to it. */
int command_fail(const struct err *err);

#endif
