/* `gantry resume`: suspended tasks go on; without an argument, what an engine left unfinished is
 * taken up. */
#include "cli/command.h"
#include "cli/launch.h"
#include "cli/signal.h"

static const char *const aliases[] = {"unsuspend", NULL};

static const struct opt options[] = {
    {0, "detach", OPT_FLAG, NULL, "in the background (without arguments)", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool run(struct cli *c, struct err *err)
{
    return c->n_args ? signal_tasks(c, "resume", err) : launch_resume(c, cli_has(c, "detach"), err);
}

const struct command command_resume = {
    .name = "resume",
    .group = GROUP_RUNS,
    .summary = "Let suspended tasks go on; alone: take up unfinished runs",
    .usage = "[TASK|RUN...]",
    .help = signal_help,
    .options = options,
    .aliases = aliases,
    .max_args = -1,
    .run = run,
};
