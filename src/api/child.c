/*
 * stdout comes through a socket on the loop, stderr into a nameless file (its last line is the
 * error), the end by a pidfd. The child has a process group of its own, so that ending it ends what
 * it started. Those that wait for their turn are in the same list, without a process.
 */
#include "api/child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "engine/engine.h"
#include "os/loop.h"
#include "os/proc.h"

#define MOST_ARGS 62
#define OUT_MAX ((size_t)64 << 20)
#define ERRS_TAIL 2000

struct api_child {
    struct api *api;
    struct child_hooks hooks;
    pid_t pid;
    int64_t pid_start;
    int out, errs, pidfd;
    struct loop_fd *out_watch, *end_watch;
    struct str text;
    char *args[MOST_ARGS + 1];
    bool waiting; /* not begun: the others come first */
    bool out_ended, ended, dropped;
    struct proc_end end;
    struct api_child *next;
};

static enum err_code code_of_exit(int status)
{
    for (int code = ERR_FAILED; code < ERR_CODE_COUNT; code++) {
        if (err_exit_status((enum err_code)code) == status) {
            return (enum err_code)code;
        }
    }
    return ERR_FAILED;
}

static void free_child(struct api_child *c)
{
    for (struct api_child **p = &c->api->children; *p; p = &(*p)->next) {
        if (*p == c) {
            *p = c->next;
            break;
        }
    }
    loop_fd_free(c->out_watch);
    loop_fd_free(c->end_watch);
    int fds[] = {c->out, c->errs, c->pidfd};
    for (size_t i = 0; i < 3; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    for (size_t i = 0; i < MOST_ARGS; i++) {
        mem_free(c->args[i]);
    }
    str_fini(&c->text);
    mem_free(c);
}

/* The last line of what it said on stderr, without "gantry: ". */
static void last_words(const struct api_child *c, struct err *err)
{
    char text[ERRS_TAIL + 1];
    off_t size = c->errs >= 0 ? lseek(c->errs, 0, SEEK_END) : 0;
    off_t from = size > ERRS_TAIL ? size - ERRS_TAIL : 0;
    ssize_t n = pread(c->errs, text, ERRS_TAIL, from);
    n = n > 0 ? n : 0;
    while (n > 0 && text[n - 1] == '\n') {
        n--;
    }
    text[n] = '\0';
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    line += str_starts(line, "gantry: ") ? strlen("gantry: ") : 0;
    line += str_starts(line, "error: ") ? strlen("error: ") : 0;
    if (c->end.signal) {
        (void)err_set(err, ERR_CANCELLED, "it was ended by signal %d", c->end.signal);
    } else {
        (void)err_set(err, code_of_exit(c->end.exit), "%s", *line ? line : "it failed");
    }
}

static void begin_next(
    struct api *api); /* an end is the next one's beginning, and that one ends here too */

static void finish(struct api_child *c)
{
    struct api *api = c->api;
    struct err err = {ERR_NONE, ""};
    json_t *answer = NULL;
    if (!c->ended || !c->out_ended) {
        return;
    }
    bool fine = !c->end.signal && (c->end.exit == 0 || c->end.exit == 1);
    if (fine && !c->hooks.line) {
        struct err why = {ERR_NONE, ""};
        answer =
            c->text.failed ? NULL : json_parse(str_text(&c->text), c->text.len, "its answer", &why);
        if (!answer && c->end.exit == 0) {
            err = why;
        }
        fine = answer != NULL;
    }
    if (!fine && err.code == ERR_NONE) {
        last_words(c, &err);
    }
    if (!c->dropped) {
        c->hooks.done(c->hooks.arg, answer, &err);
    }
    json_decref(answer);
    free_child(c);
    begin_next(api);
}

static void say_lines(struct api_child *c)
{
    char *end;
    while (c->text.len && (end = memchr(c->text.buf, '\n', c->text.len))) {
        size_t n = (size_t)(end - c->text.buf);
        *end = '\0';
        if (!c->dropped) {
            c->hooks.line(c->hooks.arg, c->text.buf);
        }
        memmove(c->text.buf, end + 1, c->text.len - n - 1);
        c->text.len -= n + 1;
        c->text.buf[c->text.len] = '\0';
    }
}

static void out_came(void *arg, int fd)
{
    struct api_child *c = arg;
    char block[65536];
    ssize_t n = recv(fd, block, sizeof block, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n > 0) {
        str_addn(&c->text, block, (size_t)n);
        if (c->hooks.line) {
            say_lines(c);
        }
        return;
    }
    loop_fd_free(c->out_watch);
    c->out_watch = NULL;
    c->out_ended = true;
    finish(c);
}

static void process_ended(void *arg, int fd)
{
    struct api_child *c = arg;
    (void)fd;
    if (proc_reap(c->pid, false, &c->end) == 0) {
        return;
    }
    loop_fd_free(c->end_watch);
    c->end_watch = NULL;
    c->ended = true;
    /* Something it started may still hold its stdout. */
    (void)shutdown(c->out, SHUT_RD);
    finish(c);
}

/* --- its life: it may wait for its turn first */

static bool keep_args(struct api_child *c, const char *const *args, struct err *err)
{
    size_t n = 0;
    while (n < MOST_ARGS && args[n]) {
        if (!(c->args[n] = mem_strdup(args[n], err))) {
            return false;
        }
        n++;
    }
    return !args[n] || err_bug(err, "too many words for a child");
}

static bool spawn(struct api_child *c, int out, struct err *err)
{
    const struct engine *e = c->api->engine;
    const char *argv[MOST_ARGS + 2] = {c->hooks.imaging ? e->imaging : e->program};
    for (size_t i = 0; i < MOST_ARGS; i++) {
        argv[i + 1] = c->args[i];
    }
    struct proc_spec spec = {.argv = argv,
                             .cwd = "/",
                             .in = PROC_NULL,
                             .out = out,
                             .errs = c->errs,
                             .keep_fd = -1,
                             .group = true};
    if (!proc_spawn(&spec, &c->pid, err)) {
        return false;
    }
    c->pidfd = proc_pidfd(c->pid);
    return true;
}

static bool begin(struct api_child *c, struct err *err)
{
    int ends[2] = {-1, -1};
    c->errs = memfd_create("errors", MFD_CLOEXEC);
    bool ok = c->errs >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0;
    if (!ok) {
        (void)err_errno(err, errno, "making room for a child");
    }
    c->out = ends[0];
    ok = ok && spawn(c, ends[1], err);
    if (ends[1] >= 0) {
        (void)close(ends[1]);
    }
    ok = ok && (c->out_watch = loop_fd_new(c->api->loop, c->out, out_came, c, err)) &&
        (c->end_watch = loop_fd_new(c->api->loop, c->pidfd, process_ended, c, err));
    if (!ok && c->pid) {
        (void)kill(-c->pid, SIGKILL);
        (void)proc_reap(c->pid, true, &c->end);
    }
    c->ended = !ok;
    return ok;
}

/* How many run and how many wait, and the one that has waited longest. */
static struct api_child *count(const struct api *api, size_t *ret_running, size_t *ret_waiting)
{
    struct api_child *oldest = NULL;
    *ret_running = *ret_waiting = 0;
    for (struct api_child *c = api->children; c; c = c->next) {
        if (c->waiting) {
            (*ret_waiting)++;
            oldest = c; /* the list has the newest first */
        } else {
            *ret_running += !c->ended && !c->hooks.stays;
        }
    }
    return oldest;
}

static void begin_next(struct api *api)
{
    struct api_child *c;
    size_t running, waiting;
    while ((c = count(api, &running, &waiting)) && running < CHILDREN_AT_ONCE) {
        struct err err = {ERR_NONE, ""};
        c->waiting = false;
        if (!begin(c, &err)) {
            c->hooks.done(c->hooks.arg, NULL, &err);
            free_child(c);
        }
    }
}

struct api_child *child_start(struct api *api, const char *const *args,
                              const struct child_hooks *hooks, struct err *err)
{
    size_t running, waiting;
    (void)count(api, &running, &waiting);
    bool turn = hooks->stays || (running < CHILDREN_AT_ONCE && !waiting);
    if (!turn && waiting >= CHILDREN_WAITING) {
        (void)err_set(err, ERR_UNREACHABLE,
                      "the server is busy, %zu requests wait already: try again in a moment",
                      waiting);
        return NULL;
    }
    struct api_child *c = mem_zero(sizeof *c, err);
    if (!c) {
        return NULL;
    }
    c->api = api;
    c->hooks = *hooks;
    c->out = c->errs = c->pidfd = -1;
    c->waiting = !turn;
    c->text.max = OUT_MAX;
    if (!keep_args(c, args, err) || (turn && !begin(c, err))) {
        free_child(c);
        return NULL;
    }
    c->next = api->children;
    api->children = c;
    return c;
}

void child_end(struct api_child *c)
{
    if (c->waiting) {
        c->waiting = false;
        c->ended = c->out_ended = true;
        c->end.signal = SIGTERM;
        finish(c);
    } else if (!c->ended) {
        (void)kill(-c->pid, SIGTERM); /* not reaped yet: the number is still its own */
    }
}

void child_kill(struct api_child *c)
{
    if (c && c->waiting) {
        free_child(c);
    } else if (c) {
        c->dropped = true;
        if (!c->ended) {
            (void)kill(-c->pid, SIGKILL);
        }
    }
}

void child_drop(struct api_child *c)
{
    if (c && c->waiting) {
        free_child(c); /* nobody waits for it any more */
    } else if (c) {
        c->dropped = true;
        child_end(c);
    }
}

void child_end_all(struct api *api)
{
    while (api->children) {
        if (!api->children->waiting) {
            child_end(api->children);
        }
        free_child(api->children); /* nobody waits for it: this process ends */
    }
}

/* --- one request, one child */

struct answering {
    struct later *later;
    struct api_child *child;
};

static void answer_done(void *arg, const json_t *answer, const struct err *err)
{
    struct answering *a = arg;
    struct err late = *err;
    if (err->code == ERR_NONE &&
        reply_json(later_reply(a->later), 200, json_incref((json_t *)answer), &late)) {
        later_done(a->later);
    } else {
        later_fail(a->later, &late);
    }
    mem_free(a);
}

static void answer_gone(void *arg)
{
    struct answering *a = arg;
    child_drop(a->child);
    mem_free(a);
}

bool child_answer(struct request *q, struct reply *r, const char *const *args, struct err *err)
{
    struct answering *a = mem_zero(sizeof *a, err);
    struct child_hooks hooks = {.done = answer_done, .arg = a};
    if (!a || !(a->child = child_start(q->api, args, &hooks, err))) {
        mem_free(a);
        return false;
    }
    a->later = reply_later(r, answer_gone, a, err);
    return true;
}
