/* gantry-imaging run ATTEMPT_DIR: the step that job.json names, on behalf of the worker. */
#include <stdio.h>
#include <string.h>
#include "steps/command.h"
#include "steps/job.h"
#include "steps/step.h"

extern const struct command command_word_run;

static bool run_job(const char *dir, struct err *err)
{
    struct job job;
    const struct step *step;
    bool good;

    if (!job_load(dir, &job, err)) {
        return err_wrap(err, "%s", dir);
    }
    step = step_find(job.tool);
    if (step == NULL) {
        good = err_set(err, ERR_USAGE, "there is no step '%s'", job.tool);
    } else {
        good = step->run(&job, err) && job_values_save(&job, err);
        if (!good) { /* what was found out until then is kept beside the failure */
            err_waive(job_values_save(&job, err_ignore("the failure is told")));
        }
    }
    job_fini(&job);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};

    if (argc != 1) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging run ATTEMPT_DIR");
        return command_fail(&err);
    }
    if (!run_job(argv[0], &err)) {
        job_failure_save(argv[0], &err);
        return command_fail(&err);
    }
    return 0;
}

const struct command command_word_run = {
    .name = "run",
    .usage = "ATTEMPT_DIR",
    .help = "do the work of ATTEMPT_DIR/job.json",
    .run = run,
};
