/* `gantry help [COMMAND]` */
#include <string.h>
#include "cli/command.h"
#include "cli/help.h"

static bool run(struct cli *c, struct err *err)
{
    if (!c->n_args) {
        help_overview(c);
        return true;
    }
    for (size_t i = 0; command_table[i]; i++) {
        const struct command *command = command_table[i];
        bool wanted = !strcmp(command->name, c->args[0]);
        for (size_t k = 0; command->aliases && command->aliases[k]; k++) {
            wanted = wanted || !strcmp(command->aliases[k], c->args[0]);
        }
        if (wanted) {
            help_command(c, command);
            return true;
        }
    }
    return err_set(err, ERR_USAGE, "there is no command '%s' (gantry help lists them)", c->args[0]);
}

const struct command command_help = {
    .name = "help",
    .group = GROUP_SETUP,
    .summary = "The commands, or all about one",
    .usage = "[COMMAND]",
    .max_args = 1,
    .no_home = true,
    .run = run,
};
