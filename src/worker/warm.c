/* Starting, feeding and ending the slot's warm process. */
#include "worker/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "os/handover.h"
#include "os/pass.h"

/* Models are hundreds of megabytes at most; whoever works at a table of results pauses for less. */
#define IDLE_US ((int64_t)180 * 1000000)
/* What libraries leak a little of each time is given back now and then. */
#define ATTEMPTS_MOST 500

bool warm_fits(const struct attempt *a, const struct env *env)
{
    return a->warm && json_get_bool(a->job, "warm", false) &&
        !json_get_text(a->job, "setup", "")[0] && !json_object_get(a->job, "sandbox") &&
        !json_get_text(a->job, "gpu_uuid", "")[0] &&
        handover_fits((const char *const *)env->list, env->own);
}

static const char *program_of(const struct attempt *a)
{
    return json_get_text(a->job, "imaging", "");
}

static void forget(struct warm *w)
{
    if (w->sock >= 0) {
        (void)close(w->sock);
    }
    env_fini(&w->env);
    mem_free(w->program);
    *w = (struct warm){.sock = -1};
}

void warm_end(struct warm *w)
{
    struct proc_end end;
    if (w->pid && proc_reap(w->pid, false, &end) == 0) { /* it holds nothing to say good-bye to */
        (void)kill(-w->pid, SIGKILL);
        (void)kill(w->pid, SIGKILL);
        (void)proc_reap(w->pid, true, &end);
    }
    forget(w);
}

/* What it says before it has taken its first attempt over (a library that is missing) goes into
 * that attempt's log. */
static bool start(struct warm *w, int out, int errs, struct err *err)
{
    const struct env *env = &w->env;
    const char *argv[] = {w->program, "warm", NULL};
    int pair[2] = {-1, -1};
    char *room = handover_room(err);
    const char **list = room ? mem_array(env->n - env->own + 2, sizeof *list, err) : NULL;
    bool ok = list && pass_pair(pair, err);
    if (ok) {
        list[0] = room;
        memcpy(list + 1, env->list + env->own, (env->n - env->own) * sizeof *list);
        struct proc_spec spec = {.argv = argv,
                                 .env = list,
                                 .in = pair[1],
                                 .out = out,
                                 .errs = errs,
                                 .keep_fd = -1,
                                 .group = true};
        ok = proc_spawn(&spec, &w->pid, err);
        (void)close(pair[1]);
        w->sock = pair[0];
    }
    mem_free(list);
    mem_free(room);
    return ok;
}

/* Is it there, alive, and what this attempt wants? */
static bool usable(const struct warm *w, const struct attempt *a, const struct env *env)
{
    struct proc_end end;
    return w->pid && w->attempts < ATTEMPTS_MOST && !strcmp(w->program, program_of(a)) &&
        env_alike(&w->env, env) && proc_reap(w->pid, false, &end) == 0;
}

static bool ready(struct warm *w, const struct attempt *a, const struct env *env, int out, int errs,
                  struct err *err)
{
    if (usable(w, a, env)) {
        w->cpu_us = proc_cpu_us(w->pid);
        (void)proc_peak_reset(w->pid); /* where it cannot be, the peak is that of all its life */
        return true;
    }
    warm_end(w);
    w->program = mem_strdup(program_of(a), err);
    bool ok = w->program && env_make(a, &w->env, err) && start(w, out, errs, err);
    if (!ok) {
        forget(w);
    }
    return ok;
}

bool warm_give(struct warm *w, const struct attempt *a, const struct env *env, int out, int errs,
               pid_t *ret_pid, struct err *err)
{
    const char *cwd = json_get_text(a->job, "cwd", a->dir);
    int folder = open(cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int all[HANDOVER_FDS] = {a->claim_fd, out, errs, folder};
    bool ok = folder >= 0 || err_errno(err, errno, "cannot start '%s' in '%s'", program_of(a), cwd);
    bool given = false;
    /* One that was idle may be dying without having been told yet: then the attempt has not begun,
     * and a new one gets it. */
    for (int tries = 0; ok && !given && tries < 2; tries++) {
        ok = ready(w, a, env, out, errs, err);
        given = ok && handover_give(w->sock, (const char *const *)env->list, env->own, all, err) &&
            (w->attempts == 0 || handover_taken(w->sock));
        if (ok && !given) {
            warm_end(w);
        }
    }
    if (folder >= 0) {
        (void)close(folder);
    }
    if (given) {
        w->attempts++;
        w->busy = true;
        *ret_pid = w->pid;
    }
    return given;
}

bool warm_ended(struct warm *w, struct proc_end *ret)
{
    int64_t before = w->cpu_us;
    if (handover_told(w->sock, &ret->exit)) {
        ret->signal = 0;
        int64_t used = proc_cpu_us(w->pid);
        ret->peak_bytes = proc_peak_bytes(w->pid); /* both 0 when it has died since */
        ret->cpu_us = used > before ? used - before : 0;
        w->busy = false;
        w->idle_since = clock_mono_us();
        return true;
    }
    if (proc_reap(w->pid, false, ret) == 0) {
        return false;
    }
    ret->cpu_us -= before;
    forget(w);
    return true;
}

int warm_next(const struct warm *w)
{
    int64_t left = w->idle_since + IDLE_US - clock_mono_us();
    return !w->pid || w->busy ? -1 : left > 0 ? (int)(left / 1000 + 1) : 0;
}

void warm_rest(struct warm *w)
{
    if (warm_next(w) == 0) {
        warm_end(w);
    }
}
