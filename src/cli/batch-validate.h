/* `gantry batch validate`: the batch by itself, and in a project which items lack which input. */
#ifndef GANTRY_CLI_BATCH_VALIDATE_H
#define GANTRY_CLI_BATCH_VALIDATE_H

#include "cli/command.h"

/* `word`: a saved batch's name, or a file. The options subjects (-s) and job are read from `c`.
 * Problems make the exit status 1. */
bool batch_validate(struct cli *c, const char *word, struct err *err) CHECK_RESULT;

#endif
