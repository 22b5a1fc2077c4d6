/*
 * The process that a slot keeps between attempts, so that what a step loads once (a model, the
 * runtime) serves the next attempt too: `gantry-imaging warm`, given attempt after attempt
 * (os/handover.h). Only jobs that ask for it ("warm" in job.json) run in it; it is one process at
 * most, and it is replaced whenever the environment or the program that the next one wants differ
 * from what it was started with (another home, other GPUs, other threads).
 *
 * It is ended, not reused, after anything that is meant to end a tool (cancel, timeout, stall), and
 * when it was idle for some minutes. A tool that has a GPU is not kept: the machine's lock of a GPU
 * is held while its tool runs, and memory of the GPU must not stay taken without it.
 */
#ifndef GANTRY_WORKER_WARM_H
#define GANTRY_WORKER_WARM_H

#include <stdbool.h>
#include "os/proc.h"
#include "worker/env.h"

struct warm {
    pid_t pid; /* 0 = there is none */
    int sock;
    bool busy;
    struct env env; /* that it was started with; its `own` first are those of its first attempt */
    char *program;
    int64_t cpu_us;     /* used by earlier attempts */
    int64_t idle_since; /* monotonic */
    int attempts;
};

/* Should this attempt run in it? */
bool warm_fits(const struct attempt *a, const struct env *env);
/* Give the attempt, with its standard output and error, to the process that is there, or to a new
 * one. Afterwards it is the attempt's tool: signals go to its group *ret_pid, and it ends by
 * warm_ended. */
bool warm_give(struct warm *w, const struct attempt *a, const struct env *env, int out, int errs,
               pid_t *ret_pid, struct err *err) CHECK_RESULT;
/* Has the attempt ended, by saying so or by death? Fills figures of this attempt alone. */
bool warm_ended(struct warm *w, struct proc_end *ret);
/* Milliseconds until warm_rest may have something to do; -1 = nothing. */
int warm_next(const struct warm *w);
/* End a process that nobody has used for long: its memory is worth more than its model. */
void warm_rest(struct warm *w);
void warm_end(struct warm *w);

#endif
