/* Options of a command line, driven by the command's table. Order: opts_parse, then cli_has() and
 * friends, opts_free. */
#ifndef GANTRY_CLI_OPTS_H
#define GANTRY_CLI_OPTS_H

#include "cli/command.h"

/* Options understood by every command: help, json, project. */
extern const struct opt opts_common[];

/* Parse argv[0..argc) (behind the command's word) into c->given, c->args. Values are checked by
 * kind; an unknown option is ERR_USAGE with the nearest one. "--" ends the options. */
bool opts_parse(struct cli *c, int argc, char **argv, struct err *err) CHECK_RESULT;
void opts_free(struct cli *c);

#endif
