/* A password asked of a person: on a terminal without echo, else a line of standard input. */
#ifndef GANTRY_CLI_ASK_H
#define GANTRY_CLI_ASK_H

#include "cli/command.h"

#define ASK_PASSWORD_MIN 10
#define ASK_PASSWORD_MAX 1024

/* A new password for `name`: asked twice on a terminal, read once when piped; checked for its
 * length. The caller wipes (secret_wipe) and frees it. */
char *ask_new_password(struct cli *c, const char *name, struct err *err) CHECK_RESULT;

#endif
