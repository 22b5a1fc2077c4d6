/* `gantry backup`: a consistent copy of the state, also while an engine works. */
#include "cli/command.h"

static bool run(struct cli *c, struct err *err)
{
    if (!cli_store(c, err) || !store_backup(c->store, c->args[0], err)) {
        return false;
    }
    cli_note(c,
             "the state was copied to %s; put it back as gantry.db in a home where no engine runs",
             c->args[0]);
    return true;
}

const struct command command_backup = {
    .name = "backup",
    .group = GROUP_SETUP,
    .summary = "A consistent copy of the state while it runs",
    .usage = "FILE",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
