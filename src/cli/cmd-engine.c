/* `gantry engine --drain`: the background engine of --detach. Not for people. */
#include "cli/command.h"
#include "cli/launch.h"

static const struct opt options[] = {
    {0, "drain", OPT_FLAG, NULL, "end when nothing is queued or running", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool run(struct cli *c, struct err *err)
{
    return launch_engine(c, err);
}

const struct command command_engine = {
    .name = "engine",
    .group = GROUP_RUNS,
    .summary = "The engine in the background, started by --detach",
    .usage = "--drain",
    .options = options,
    .hidden = true,
    .run = run,
};
