/* `gantry hold` */
#include "cli/command.h"
#include "cli/signal.h"

static bool run(struct cli *c, struct err *err)
{
    return signal_tasks(c, "hold", err);
}

const struct command command_hold = {
    .name = "hold",
    .group = GROUP_RUNS,
    .summary = "Keep waiting tasks from being started",
    .usage = "TASK|RUN...",
    .help = signal_help,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
