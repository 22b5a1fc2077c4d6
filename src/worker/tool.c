/*
 * Running a tool: a process group of its own, its output through pipes into the log with times,
 * progress lines into events.jsonl, and one poll() over output, the tool's pidfd and the worker's
 * bell. The tool is a new process, or the slot's warm one, which says on its socket that the
 * attempt has ended and stays; everything else is the same for both. The control file in the
 * attempt's folder says what a person wants (cancel, suspend, run); the bell (SIGUSR1) says look;
 * it is also looked at now and then.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "os/claim.h"
#include "os/file.h"
#include "os/proc.h"
#include "worker/attempt.h"
#include "worker/env.h"
#include "worker/warm.h"

#define LOOK_MS 1000           /* how long a lost bell may go unnoticed */
#define GRACE_US (1500 * 1000) /* between TERM and KILL */
#define LINE_MAX_BYTES 65536   /* a longer line is cut into several */
#define DRAIN_US (500 * 1000)  /* how long pipes are read after the group was killed */

struct stream {
    int fd;
    char tag; /* o or e */
    struct str line;
};

struct tool {
    struct attempt *a;
    struct warm *warm; /* its process; NULL = a new one */
    pid_t pid;
    int pidfd;
    int log_fd, events_fd;
    struct stream out, errs;
    int64_t started, active; /* monotonic us: start; last sign of life */
    int64_t kill_at;         /* when KILL follows TERM; 0 = not ending */
    int64_t paused;          /* since when suspended; 0 = running */
    double timeout_s, stall_s;
    int64_t dropped; /* log lines that could not be written */
};

static void log_line(struct tool *t, char tag, const char *text, size_t n)
{
    char when[32];
    struct str s = STR_INIT;
    clock_iso(clock_utc_us(), when, sizeof when);
    str_addf(&s, "%s\t%c\t", when, tag);
    for (size_t i = 0; i < n;) { /* invalid UTF-8 and control characters are escaped */
        unsigned char c = (unsigned char)text[i];
        size_t len = c < 0x80       ? 1
            : c >= 0xF0 && c < 0xF8 ? 4
            : c >= 0xE0 && c < 0xF0 ? 3
            : c >= 0xC2 && c < 0xE0 ? 2
                                    : 0;
        bool good = len > 0 && i + len <= n && (c >= 0x20 || c == '\t' || c == 0x1b) && c != 0x7f;
        for (size_t k = 1; good && k < len; k++) {
            good = ((unsigned char)text[i + k] & 0xC0) == 0x80;
        }
        if (good) {
            str_addn(&s, text + i, len);
            i += len;
        } else {
            str_addf(&s, "\\x%02x", c);
            i++;
        }
    }
    str_addc(&s, '\n');
    if (s.failed || write(t->log_fd, s.buf, s.len) != (ssize_t)s.len) {
        t->dropped++; /* a full disk must not stop the tool; the count is told in the result */
    }
    str_fini(&s);
}

static bool contains(const char *text, size_t n, const char *what)
{
    return text && memmem(text, n, what, strlen(what)) != NULL;
}

/* Lines that tell a cause of their own. */
static void note_line(struct attempt *a, char tag, const char *text, size_t n)
{
    static const char *const memory[] = {
        "CUDA out of memory", "CUDA_ERROR_OUT_OF_MEMORY", "OutOfMemoryError", "std::bad_alloc",
        "MemoryError",        "Cannot allocate memory",   "out of memory"};
    size_t keep = n < sizeof a->last_error - 1 ? n : sizeof a->last_error - 1;
    /* what Octave says after every error of a script is no cause */
    if (tag == 'e' && n > 0 && !contains(text, n, "exception& while preparing to exit")) {
        memcpy(a->last_error, text, keep);
        a->last_error[keep] = '\0';
    }
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) {
        if (contains(text, n, memory[i])) {
            (void)snprintf(a->oom_line, sizeof a->oom_line, "%.*s", (int)(n < 190 ? n : 190), text);
        }
    }
    if (contains(text, n, "No space left on device") || contains(text, n, "Disk quota exceeded")) {
        a->disk_full_line = true;
    }
}

/* "@gantry {...}" -> a line of events.jsonl; false when it is not one. */
static bool progress_line(struct tool *t, const char *text, size_t n)
{
    static const char mark[] = "@gantry ";
    if (n < sizeof mark || strncmp(text, mark, sizeof mark - 1) != 0) {
        return false;
    }
    json_t *said =
        json_loadb(text + sizeof mark - 1, n - (sizeof mark - 1), JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(said)) {
        json_decref(said);
        return false;
    }
    double progress = json_get_double(said, "progress", NAN);
    json_t *metrics = json_object_get(said, "metrics");
    json_t *event =
        json_pack("{s:I, s:f, s:s, s:O}", "t", (json_int_t)clock_utc_us(), "progress",
                  isfinite(progress) ? fmin(1, fmax(0, progress)) : 0.0, "message",
                  json_get_text(said, "message", ""), "metrics", metrics ? metrics : json_null());
    json_t *empty = event && !metrics ? json_object() : NULL;
    if (empty) {
        (void)json_object_set_new(event, "metrics", empty);
    }
    char *line = event ? json_text(event, err_ignore("an event is not worth failing for")) : NULL;
    if (line) {
        size_t len = strlen(line);
        line[len] = '\n';
        t->dropped += write(t->events_fd, line, len + 1) != (ssize_t)len + 1;
    }
    mem_free(line);
    json_decref(event);
    json_decref(said);
    return true;
}

static void take_line(struct tool *t, struct stream *s)
{
    if (!progress_line(t, str_text(&s->line), s->line.len)) {
        note_line(t->a, s->tag, str_text(&s->line), s->line.len);
        log_line(t, s->tag, str_text(&s->line), s->line.len);
    }
    str_clear(&s->line);
}

/* Read what is there; false at the end of the stream. A carriage return ends a line, as a newline
 * does. */
static bool drain(struct tool *t, struct stream *s)
{
    char buf[16384];
    ssize_t n = read(s->fd, buf, sizeof buf);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (buf[i] == '\n' || buf[i] == '\r' || s->line.len >= LINE_MAX_BYTES) {
            if (buf[i] == '\n' || s->line.len > 0) {
                take_line(t, s);
            }
            if (buf[i] == '\n' || buf[i] == '\r') {
                continue;
            }
        }
        str_addc(&s->line, buf[i]);
    }
    t->active = clock_mono_us();
    return n > 0;
}

static void close_stream(struct tool *t, struct stream *s)
{
    if (s->fd >= 0) {
        if (s->line.len > 0) {
            take_line(t, s);
        }
        (void)close(s->fd);
        s->fd = -1;
    }
    str_fini(&s->line);
}

/* Everything of the tool: its group, and what left the group but carries the attempt's id. */
static void signal_all(struct tool *t, int signum)
{
    char assignment[4200];
    pid_t found[256];
    (void)kill(-t->pid, signum);
    (void)snprintf(assignment, sizeof assignment, "GANTRY_ATTEMPT_DIR=%s", t->a->dir);
    size_t n = proc_find_env(assignment, found, 256);
    for (size_t i = 0; i < n; i++) {
        if (found[i] != getpid() && getpgid(found[i]) != t->pid) {
            (void)kill(found[i], signum);
        }
    }
}

static void begin_end(struct tool *t)
{
    if (!t->kill_at) {
        t->kill_at = clock_mono_us() + GRACE_US;
        signal_all(t, SIGTERM);
        signal_all(t, SIGCONT); /* a stopped process takes its TERM only when it goes on */
    }
}

/* The control file: one word, written by the engine. */
static void look_at_control(struct tool *t)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/control", t->a->dir);
    char *word = file_exists(path)
        ? file_read(path, 64, NULL, err_ignore("looked at again in a second"))
        : NULL;
    if (!word) {
        return;
    }
    if (str_starts(word, "cancel") && !t->kill_at) {
        t->a->cancelled = true;
        begin_end(t);
    } else if (str_starts(word, "suspend") && !t->paused && !t->kill_at) {
        t->paused = clock_mono_us();
        signal_all(t, SIGSTOP);
    } else if (str_starts(word, "run") && t->paused) {
        int64_t pause = clock_mono_us() - t->paused;
        t->started += pause; /* time spent suspended is not the tool's */
        t->active += pause;
        t->paused = 0;
        signal_all(t, SIGCONT);
    }
    mem_free(word);
}

static void read_bell(struct tool *t)
{
    struct signalfd_siginfo si;
    while (read(t->a->bell->fd, &si, sizeof si) == (ssize_t)sizeof si) {
        if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT) {
            t->a->bell->ending = true;
            t->a->cancelled = true;
            begin_end(t);
        }
    }
    look_at_control(t);
}

static void check_limits(struct tool *t)
{
    int64_t now = clock_mono_us();
    if (t->kill_at && now >= t->kill_at) {
        signal_all(t, SIGKILL);
        t->kill_at = now + GRACE_US;
    } else if (!t->kill_at && !t->paused) {
        if (t->timeout_s > 0 && (double)(now - t->started) > t->timeout_s * 1e6) {
            t->a->timed_out = true;
            begin_end(t);
        } else if (t->stall_s > 0 && (double)(now - t->active) > t->stall_s * 1e6) {
            t->a->stalled = true;
            begin_end(t);
        }
    }
}

/* Milliseconds until something may have to be done without being told. */
static int next_look(const struct tool *t)
{
    int64_t now = clock_mono_us(), at = now + LOOK_MS * 1000;
    if (t->kill_at) {
        at = t->kill_at < at ? t->kill_at : at;
    } else if (!t->paused) {
        int64_t limit = t->started + (int64_t)(t->timeout_s * 1e6);
        at = t->timeout_s > 0 && limit < at ? limit : at;
        limit = t->active + (int64_t)(t->stall_s * 1e6);
        at = t->stall_s > 0 && limit < at ? limit : at;
    }
    return at > now ? (int)((at - now) / 1000 + 1) : 1;
}

/* The tool's end, noticed once. */
static bool has_ended(struct tool *t, struct proc_end *ret)
{
    if (t->warm) {
        return warm_ended(t->warm, ret);
    }
    if (proc_reap(t->pid, false, ret) == 0) {
        return false;
    }
    /* What the tool left running in the background has become ours (we are a subreaper). A search
     * through all processes of the machine is not for every task; a step leaves nothing behind. */
    if (proc_has_children(t->a->warm ? t->a->warm->pid : 0)) {
        signal_all(t, SIGKILL);
    }
    return true;
}

static void supervise(struct tool *t)
{
    struct proc_end end = {-1, 0, 0, 0};
    bool ended = false;
    int64_t drain_until = INT64_MAX;
    look_at_control(t); /* what was asked before the tool started */
    while (!ended || ((t->out.fd >= 0 || t->errs.fd >= 0) && clock_mono_us() < drain_until)) {
        struct pollfd p[5] = {{t->a->bell->fd, POLLIN, 0},
                              {ended ? -1 : t->pidfd, POLLIN, 0},
                              {t->out.fd, POLLIN, 0},
                              {t->errs.fd, POLLIN, 0},
                              {ended || !t->warm ? -1 : t->warm->sock, POLLIN, 0}};
        (void)poll(p, 5, ended ? 50 : t->pidfd < 0 ? 20 : next_look(t));
        if ((p[2].revents && !drain(t, &t->out)) || (ended && t->out.fd >= 0 && !p[2].revents)) {
            close_stream(t, &t->out);
        }
        if ((p[3].revents && !drain(t, &t->errs)) || (ended && t->errs.fd >= 0 && !p[3].revents)) {
            close_stream(t, &t->errs);
        }
        if (p[0].revents) {
            read_bell(t);
        } else if (!ended) {
            look_at_control(t);
        }
        if (!ended && has_ended(t, &end)) {
            ended = true;
            drain_until = clock_mono_us() + DRAIN_US;
        }
        if (!ended) {
            check_limits(t);
        }
        if (t->a->warm) {
            warm_rest(t->a->warm);
        }
    }
    t->a->exit = end.exit;
    t->a->signal = end.signal;
    t->a->peak_bytes = end.peak_bytes;
    t->a->cpu_us = end.cpu_us;
}

/* Children that outlived the tool became ours (we are a subreaper): reap them, so that they do not
 * stay as zombies. */
static void reap_strays(void)
{
    struct proc_end end;
    while (proc_reap(-1, false, &end) == 1) {
    }
}

static bool make_argv(const struct attempt *a, const char ***ret, struct err *err)
{
    json_t *command = json_object_get(a->job, "command");
    const char *setup = json_get_text(a->job, "setup", "");
    size_t n = json_array_size(command), at = 0;
    const char **argv = mem_array(n + 5, sizeof *argv, err);
    if (!argv) {
        return false;
    }
    if (setup[0]) { /* module load, conda activate: then the command takes the shell's place */
        argv[at++] = "bash";
        argv[at++] = "-c";
        argv[at++] = setup;
        argv[at++] = "gantry-setup";
    }
    for (size_t i = 0; i < n; i++) {
        argv[at++] = json_string_value(json_array_get(command, i));
        if (!argv[at - 1]) {
            mem_free(argv);
            return err_set(err, ERR_FORMAT, "job.json: 'command' must be a list of texts");
        }
    }
    *ret = argv;
    return at > 0 || err_set(err, ERR_FORMAT, "job.json: no 'command'");
}

static bool open_files(struct tool *t, int out_pipe[2], int err_pipe[2], struct err *err)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/log", t->a->dir);
    t->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    (void)snprintf(path, sizeof path, "%s/events.jsonl", t->a->dir);
    t->events_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (t->log_fd < 0 || t->events_fd < 0 || pipe2(out_pipe, O_CLOEXEC) != 0 ||
        pipe2(err_pipe, O_CLOEXEC) != 0) {
        return err_errno(err, errno, "cannot prepare '%s'", t->a->dir);
    }
    (void)fcntl(out_pipe[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(err_pipe[0], F_SETFL, O_NONBLOCK);
    return true;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* The process at work, its output towards these descriptors. */
static bool start(struct tool *t, int out, int errs, struct err *err)
{
    struct attempt *a = t->a;
    struct env env = {0};
    const char **argv = NULL;
    bool ok = env_make(a, &env, err) && make_argv(a, &argv, err);
    if (ok && warm_fits(a, &env)) {
        ok = warm_give(a->warm, a, &env, out, errs, &t->pid, err);
        t->warm = ok ? a->warm : NULL;
    } else if (ok) {
        struct proc_spec spec = {.argv = argv,
                                 .env = (const char *const *)env.list,
                                 .cwd = json_get_text(a->job, "cwd", a->dir),
                                 .in = PROC_NULL,
                                 .out = out,
                                 .errs = errs,
                                 .keep_fd = a->claim_fd,
                                 .group = true};
        ok = proc_spawn(&spec, &t->pid, err);
    }
    mem_free(argv);
    env_fini(&env);
    return ok;
}

/* From its start to its end. */
static void stay(struct tool *t)
{
    struct err err;
    t->pidfd = proc_pidfd(t->pid);
    t->started = t->active = clock_mono_us();
    t->timeout_s = json_get_double(t->a->job, "timeout", 0);
    t->stall_s = json_get_double(t->a->job, "stall", 0);
    if (!claim_note_tool(t->a->claim_fd, t->pid, &err)) {
        log_line(t, 'e', err.text, strlen(err.text)); /* the lock and the environment still tell */
    }
    supervise(t);
    if (t->warm && (t->kill_at || t->paused)) {
        warm_end(t->warm); /* a signal was on its way when the attempt ended */
    }
    reap_strays();
    if (t->dropped) {
        log_line(t, 'e', "gantry: lines of this log could not be written", 46);
    }
}

bool tool_run(struct attempt *a, struct err *err)
{
    struct tool t = {.a = a,
                     .pid = -1,
                     .pidfd = -1,
                     .log_fd = -1,
                     .events_fd = -1,
                     .out = {-1, 'o', STR_INIT},
                     .errs = {-1, 'e', STR_INIT}};
    int out_pipe[2] = {-1, -1}, err_pipe[2] = {-1, -1};
    bool ok = open_files(&t, out_pipe, err_pipe, err) && start(&t, out_pipe[1], err_pipe[1], err);
    t.out.fd = out_pipe[0];
    t.errs.fd = err_pipe[0];
    close_fd(&out_pipe[1]);
    close_fd(&err_pipe[1]);
    if (ok) {
        stay(&t);
    }
    close_stream(&t, &t.out);
    close_stream(&t, &t.errs);
    close_fd(&t.pidfd);
    close_fd(&t.log_fd);
    close_fd(&t.events_fd);
    return ok;
}
