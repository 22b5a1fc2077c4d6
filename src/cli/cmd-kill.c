/* `gantry kill` */
#include "cli/command.h"
#include "cli/signal.h"

static bool run(struct cli *c, struct err *err)
{
    return signal_tasks(c, "kill", err);
}

const struct command command_kill = {
    .name = "kill",
    .group = GROUP_RUNS,
    .summary = "End tasks; what waited is cancelled",
    .usage = "TASK|RUN...",
    .help = signal_help,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
