/* Help texts, made from the commands' own structs. */
#ifndef GANTRY_CLI_HELP_H
#define GANTRY_CLI_HELP_H

#include "cli/command.h"

/* All commands by group. */
void help_overview(struct cli *c);
/* Usage, paragraphs and options of one command. */
void help_command(struct cli *c, const struct command *command);
/* The first line of the usage. Points to a static buffer of the calling thread. */
const char *help_usage_line(const struct command *command);

#endif
