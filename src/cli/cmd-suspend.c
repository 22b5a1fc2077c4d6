/* `gantry suspend` */
#include "cli/command.h"
#include "cli/signal.h"

static bool run(struct cli *c, struct err *err)
{
    return signal_tasks(c, "suspend", err);
}

const struct command command_suspend = {
    .name = "suspend",
    .group = GROUP_RUNS,
    .summary = "Stop running tasks where they are",
    .usage = "TASK|RUN...",
    .help = signal_help,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
