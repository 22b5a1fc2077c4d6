/*
 * One attempt from claim to result. The order matters and is the same everywhere: claim, job.json,
 * finish what an earlier attempt had begun to publish, make staging, run the tool, judge, publish,
 * result.json (renamed into place).
 */
#include "worker/attempt.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "os/claim.h"
#include "os/file.h"
#include "os/lock.h"
#include "os/proc.h"
#include "worker/container.h"
#include "worker/sandbox.h"

#define RESULT_RETRY_US 500000 /* a full disk: how often the result is tried again */

static json_t *new_result(const struct attempt *a, struct err *err)
{
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    json_t *r = json_pack(
        "{s:i, s:I, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:{}, s:[], s:s}", "gantry", 1,
        "attempt", (json_int_t)a->id, "status", "done", "code", "none", "message", "", "exit",
        a->exit, "signal", a->signal, "started", (json_int_t)a->started_us, "ended",
        (json_int_t)clock_utc_us(), "peak_bytes", (json_int_t)a->peak_bytes, "cpu_us",
        (json_int_t)a->cpu_us, "values", "outputs", "host", host);
    if (!r) {
        (void)err_set(err, ERR_NOMEM, "out of memory while writing the result");
    }
    return r;
}

static bool set_status(json_t *result, const char *status, const struct err *why)
{
    return json_object_set_new(result, "status", json_string(status)) == 0 &&
        json_object_set_new(result, "code", json_string(err_name(why->code))) == 0 &&
        json_object_set_new(result, "message", json_string(why->text)) == 0;
}

/* failure.json of a step: {"code","message"} */
static bool own_words(const struct attempt *a, struct err *ret)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/failure.json", a->dir);
    json_t *said =
        file_exists(path) ? json_read(path, err_ignore("then the exit status speaks")) : NULL;
    const char *message = json_get_text(said, "message", NULL);
    if (message) {
        (void)err_set(ret, err_code_of(json_get_text(said, "code", "failed")), "%s", message);
    }
    json_decref(said);
    return message != NULL;
}

static void say_killed(const struct attempt *a, struct err *ret)
{
    char peak[24];
    int64_t oom = proc_oom_kills();
    num_show_bytes(a->peak_bytes, peak, sizeof peak);
    bool by_kill =
        a->signal == 9 || a->exit == 137; /* a shell passes on a child's KILL as 128 + 9 */
    if (!by_kill) {
        (void)err_set(ret, ERR_FAILED, "killed by signal %d (%s)%s%s", a->signal,
                      strsignal(a->signal), a->last_error[0] ? ": " : "", a->last_error);
    } else if (oom >= 0 && a->oom_before >= 0) {
        (void)(oom > a->oom_before ? err_set(ret, ERR_NOMEM, "out of memory (peak %s)", peak)
                                   : err_set(ret, ERR_UNREACHABLE,
                                             "killed from outside (signal 9, peak %s)", peak));
    } else {
        (void)err_set(ret, ERR_NOMEM,
                      "probably out of memory: killed, and nobody asked for it (peak %s)", peak);
    }
}

/* Why the tool did not succeed; false when it did. */
static bool tool_failed(const struct attempt *a, struct err *ret)
{
    char span[40];
    if (a->cancelled) {
        (void)err_set(ret, ERR_CANCELLED, "cancelled");
    } else if (a->timed_out) {
        clock_span(json_get_double(a->job, "timeout", 0), span, sizeof span);
        (void)err_set(ret, ERR_TIMEOUT, "timed out after %s", span);
    } else if (a->stalled) {
        clock_span(json_get_double(a->job, "stall", 0), span, sizeof span);
        (void)err_set(ret, ERR_TIMEOUT, "no progress and no output for %s: stopped as hung", span);
    } else if (a->exit == 0) {
        return false;
    } else if (own_words(a, ret)) {
        return true;
    } else if (a->disk_full_line) {
        (void)err_set(ret, ERR_DISKFULL, "disk full: %s", a->last_error);
    } else if (a->oom_line[0]) {
        (void)err_set(ret, ERR_NOMEM, "out of memory: %s", a->oom_line);
    } else if (a->signal || a->exit == 137) {
        say_killed(a, ret);
    } else if (a->exit == 127) {
        (void)err_set(ret, ERR_FAILED, "exit 127 (command not found): %s", a->last_error);
    } else {
        (void)err_set(ret, ERR_FAILED, "exit %d%s%s", a->exit, a->last_error[0] ? ": " : "",
                      a->last_error);
    }
    return true;
}

/* values.json of a tool goes into the result. */
static bool take_values(const struct attempt *a, json_t *result, struct err *err)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/values.json", a->dir);
    if (!file_exists(path)) {
        return true;
    }
    json_t *values = json_read(path, err);
    if (!json_is_object(values)) {
        json_decref(values);
        return err_set(err, ERR_FORMAT, "the tool's values.json is not an object");
    }
    return json_put(result, "values", values, err);
}

/* An earlier attempt of this task may have died while publishing: then its work is taken, not done
 * again. */
static bool take_over(const struct attempt *a, json_t **ret_result, struct err *err)
{
    size_t i;
    json_t *dir;
    *ret_result = NULL;
    json_array_foreach(json_object_get(a->job, "previous"), i, dir)
    {
        json_t *result = NULL;
        if (!json_is_string(dir) || !publish_recover(a, json_string_value(dir), &result, err)) {
            return false;
        }
        if (result) {
            json_decref(*ret_result);
            *ret_result = result;
        }
    }
    return !*ret_result ||
        (json_put(*ret_result, "attempt", json_integer(a->id), err) &&
         json_put(*ret_result, "recovered", json_true(), err));
}

/* A GPU is taken under the machine's lock for as long as the tool runs. */
static bool take_gpu(const struct attempt *a, int *ret_lock, struct err *err)
{
    const char *uuid = json_get_text(a->job, "gpu_uuid", "");
    if (!uuid[0]) {
        return true;
    }
    if (!lock_gpu(uuid, ret_lock, err)) {
        return false;
    }
    return *ret_lock >= 0 ||
        err_set(err, ERR_UNREACHABLE, "GPU %s is taken by another program of this machine", uuid);
}

static bool run_tool(struct attempt *a, struct err *err)
{
    const char *kind = json_get_text(a->job, "kind", "command");
    if (!strcmp(kind, "noop")) {
        a->exit = 0;
        return true;
    }
    int gpu_lock = -1;
    bool ok = take_gpu(a, &gpu_lock, err) && staging_make(a, err) &&
        (strcmp(kind, "script") != 0 || script_prepare(a, err)) && container_wrap(a, err) &&
        sandbox_wrap(a, err) && tool_run(a, err);
    lock_drop(gpu_lock);
    return ok;
}

/* Publishing had begun: what is staged is whole, and the next attempt finishes it. */
static bool journalled(const struct attempt *a)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/publish.json", a->dir);
    return file_exists(path);
}

/* The whole attempt but for writing the result; always gives a result unless memory is out. */
static json_t *do_attempt(struct attempt *a, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    json_t *result = NULL;
    bool ok = take_over(a, &result, &why);
    if (ok && result) {
        return result;
    }
    ok = ok && run_tool(a, &why);
    bool failed = ok && tool_failed(a, &why);
    result = new_result(a, err);
    if (!result) {
        return NULL;
    }
    if (failed) { /* what a step found out before it gave up: which series it refused */
        err_waive(take_values(a, result, err_ignore("the failure is told")));
    }
    ok = ok && !failed && take_values(a, result, &why);
    ok = ok && publish(a, result, &why);
    if (!ok) {
        if (!journalled(a)) {
            staging_remove(a->job);
        }
        if (!set_status(result, why.code == ERR_CANCELLED ? "cancelled" : "failed", &why)) {
            (void)err_set(err, ERR_NOMEM, "out of memory while writing the result");
        }
    }
    return result;
}

static bool write_result(const struct attempt *a, const json_t *result, struct err *err)
{
    char path[4200];
    char *text = json_line(result, err);
    (void)snprintf(path, sizeof path, "%s/result.json", a->dir);
    bool ok = text != NULL;
    while (ok && !file_write(path, text, strlen(text), false, err)) {
        struct signalfd_siginfo si;
        while (read(a->bell->fd, &si, sizeof si) == (ssize_t)sizeof si) {
            a->bell->ending = a->bell->ending || si.ssi_signo != SIGUSR1;
        }
        ok = err->code == ERR_DISKFULL &&
            !a->bell->ending; /* the slot waits: the queue is paused anyway */
        (void)usleep(RESULT_RETRY_US);
    }
    mem_free(text);
    return ok;
}

static bool write_job(const struct attempt *a, const char *text, struct err *err)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/job.json", a->dir);
    return file_exists(path) /* a cluster's attempt comes with it */ ||
        file_put(path, text, strlen(text), err);
}

bool attempt_run(const char *dir, json_t *job, const char *text, struct bell *bell,
                 struct warm *warm, json_t **ret_result, struct err *err)
{
    *ret_result = NULL;
    struct attempt a = {.dir = dir,
                        .job = job,
                        .id = json_get_int(job, "attempt", 0),
                        .claim_fd = -1,
                        .bell = bell,
                        .warm = warm,
                        .exit = -1,
                        .started_us = clock_utc_us(),
                        .oom_before = -1};
    if (mkdir(dir, 0777) != 0 && errno != EEXIST && !file_mkdirs(dir, 0777, err)) {
        return false;
    }
    if (!claim_take(dir, &a.claim_fd, err)) {
        return false;
    }
    if (strcmp(json_get_text(job, "kind", ""), "noop") != 0) {
        a.oom_before = proc_oom_kills();
    }
    bool ok = write_job(&a, text, err);
    json_t *result = ok ? do_attempt(&a, err) : NULL;
    ok = result && write_result(&a, result, err);
    *ret_result = result;
    (void)close(a.claim_fd);
    return ok;
}
