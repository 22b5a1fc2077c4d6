/* Finding a command, and how one ends badly. */
#include "steps/command.h"
#include <stdio.h>
#include <string.h>

const struct command *command_find(const char *name)
{
    for (size_t i = 0; command_table[i] != NULL; i++) {
        if (strcmp(command_table[i]->name, name) == 0) {
            return command_table[i];
        }
    }
    return NULL;
}

int command_fail(const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "error: %s\n", err->text);
    return err_exit_status(err->code);
}
