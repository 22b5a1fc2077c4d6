/* `gantry help [COMMAND]` */
#include <string.h>
#include "cli/command.h"
#include "cli/help.h"
#include "model/options.h"

static const struct opt options[] = {
    {0, "all", OPT_FLAG, NULL, "the help of every command, and the options of config.ini", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* Everything there is to read, in one text. */
static void print_all(struct cli *c)
{
    help_overview(c);
    for (size_t i = 0; command_table[i]; i++) {
        if (!command_table[i]->hidden) {
            cli_print(c, "\n%s--- gantry %s%s\n\n", cli_paint(c, "bold"), command_table[i]->name,
                      cli_paint(c, NULL));
            help_command(c, command_table[i]);
        }
    }
    cli_print(c, "\n%s--- config.ini%s\n\n", cli_paint(c, "bold"), cli_paint(c, NULL));
    for (const struct option_info *o = option_table; o->key; o++) {
        cli_print(c, "  %-20s %s (default: %s)\n", o->key, o->help,
                  *o->fallback ? o->fallback : "none");
    }
}

static bool run(struct cli *c, struct err *err)
{
    if (cli_has(c, "all")) {
        print_all(c);
        return true;
    }
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
    .usage = "[COMMAND] [--all]",
    .options = options,
    .max_args = 1,
    .no_home = true,
    .run = run,
};
