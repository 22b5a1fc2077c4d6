/* The command line: finds the command, parses its options, runs it, and turns its error into a
 * message and an exit status. json_setup() first. */
#ifndef GANTRY_CLI_CLI_H
#define GANTRY_CLI_CLI_H

#include <stdbool.h>
#include "base/err.h"

/* What cli/ needs of rooms beside it: main.c knows both. */
struct cli_serve {
    const char *home, *listen;
    const char *webroot; /* NULL: the embedded page */
    void (*ready)(void *arg, const char *url, int port);
    void *arg;
};
struct cli_hooks {
    bool (*serve)(const struct cli_serve *how, struct err *err);
};

/* Returns the exit status. */
int cli_main(int argc, char **argv, const struct cli_hooks *hooks);

#endif
