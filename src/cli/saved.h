/* Batches by name, for the commands that show or launch them. */
#ifndef GANTRY_CLI_SAVED_H
#define GANTRY_CLI_SAVED_H

#include "cli/command.h"

/* The saved batch, else the one that ships. ERR_USAGE when there is neither. A new reference. */
json_t *saved_batch_find(struct cli *c, const char *name, struct err *err) CHECK_RESULT;

/* The JSON of a file that was named on the command line: what is wrong in it is bad usage. */
json_t *saved_file(const char *path, struct err *err) CHECK_RESULT;

#endif
