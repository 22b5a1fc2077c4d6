/* `gantry release` */
#include "cli/command.h"
#include "cli/signal.h"

static const char *const aliases[] = {"unhold", NULL};

static bool run(struct cli *c, struct err *err)
{
    return signal_tasks(c, "release", err);
}

const struct command command_release = {
    .name = "release",
    .group = GROUP_RUNS,
    .summary = "Let held tasks be started again",
    .usage = "TASK|RUN...",
    .help = signal_help,
    .aliases = aliases,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
