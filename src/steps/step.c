/* Finding a step in the generated table, and doing what an attempt asks of it. */
#include "steps/step.h"
#include <string.h>
#include "steps/command.h"

const struct step *step_find(const char *name)
{
    for (size_t i = 0; step_table[i] != NULL; i++) {
        if (strcmp(step_table[i]->name, name) == 0) {
            return step_table[i];
        }
    }
    return NULL;
}

static bool run_job(const char *dir, struct keep *models, struct err *err)
{
    struct job job;
    const struct step *step;
    bool good;

    if (!job_load(dir, &job, err)) {
        return err_wrap(err, "%s", dir);
    }
    job.models = models;
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

int step_attempt(const char *dir, struct keep *models)
{
    struct err err = {ERR_NONE, ""};

    if (!run_job(dir, models, &err)) {
        job_failure_save(dir, &err);
        return command_fail(&err);
    }
    return 0;
}
