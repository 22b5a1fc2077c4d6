/* gantry-imaging run ATTEMPT_DIR: the step that job.json names, on behalf of the worker. */
#include "steps/command.h"
#include "steps/step.h"

extern const struct command command_word_run;

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};

    if (argc != 1) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging run ATTEMPT_DIR");
        return command_fail(&err);
    }
    return step_attempt(argv[0], NULL);
}

const struct command command_word_run = {
    .name = "run",
    .usage = "ATTEMPT_DIR",
    .help = "do the work of ATTEMPT_DIR/job.json",
    .run = run,
};
