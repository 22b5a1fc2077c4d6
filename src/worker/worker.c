/* The worker's main: one attempt by folder, or the loop of a slot over its messages. */
#include "worker/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "os/file.h"
#include "os/net.h"
#include "worker/attempt.h"
#include "worker/warm.h"

#define HEADER_MAX 128
#define MESSAGE_MAX ((size_t)64 << 20)

struct slot {
    struct bell bell;
    struct warm warm;
    const char *home;
    int wake; /* towards the engine; -1 = none */
    char *body;
    size_t body_cap;
    size_t have, at; /* of the input buffer */
    char in[65536];
};

static bool bell_open(struct bell *bell, struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0,
                0); /* the tool's orphans come to us, not to init */
    bell->ending = false;
    bell->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return bell->fd >= 0 || err_errno(err, errno, "signalfd");
}

/* Does the engine take this for granted when it is not there? */
static bool as_usual(const char *key, const json_t *value)
{
    return !strcmp(key, "gantry") || !strcmp(key, "started") || !strcmp(key, "ended") ||
        (!strcmp(key, "code") && str_equal(json_string_value(value), "none")) ||
        (strcmp(key, "exit") != 0 && json_is_integer(value) && json_integer_value(value) == 0) ||
        (json_is_string(value) && json_string_length(value) == 0) ||
        (json_is_array(value) && json_array_size(value) == 0) ||
        (json_is_object(value) && json_object_size(value) == 0);
}

/* What the engine needs of a result. Caller frees; NULL: it reads the file. */
static char *essence(const json_t *result)
{
    json_t *copy = json_copy((json_t *)result), *value;
    const char *key;
    void *next;
    json_object_foreach_safe(copy, next, key, value)
    {
        if (as_usual(key, value)) {
            (void)json_object_del(copy, key);
        }
    }
    char *text = copy ? json_line(copy, err_ignore("the engine reads the file")) : NULL;
    json_decref(copy);
    return text;
}

/* Best effort: the engine also looks by itself. A short result goes along and saves it a file. */
static void wake_engine(struct slot *s, int64_t attempt, const json_t *result,
                        const struct err *failed)
{
    char text[NET_WAKE_MAX];
    char *short_result = result && !failed ? essence(result) : NULL;
    int n = failed ? snprintf(text, sizeof text, "x %" PRId64 " %s %s", attempt,
                              err_name(failed->code), failed->text)
                   : snprintf(text, sizeof text, "d %" PRId64 " %s", attempt,
                              short_result ? short_result : "");
    if (n >= (int)sizeof text) {
        n = snprintf(text, sizeof text, "d %" PRId64 " ", attempt);
    }
    mem_free(short_result);
    for (int tries = 0; tries < 2; tries++) {
        if (s->wake < 0) {
            s->wake = net_open_wake(s->home, "wake.sock");
        }
        if (s->wake < 0 || send(s->wake, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            return;
        }
        if (errno == EAGAIN) {
            return; /* its queue is full: it is awake */
        }
        (void)close(s->wake); /* another engine took its place */
        s->wake = -1;
    }
}

/* Waits for input; false at its end or when asked to end. Meanwhile a warm process may be let go.
 */
static bool more_input(struct slot *s)
{
    for (;;) {
        struct pollfd p[2] = {{0, POLLIN, 0}, {s->bell.fd, POLLIN, 0}};
        if (poll(p, 2, warm_next(&s->warm)) < 0 && errno != EINTR) {
            return false;
        }
        warm_rest(&s->warm);
        if (p[1].revents) {
            struct signalfd_siginfo si;
            while (read(s->bell.fd, &si, sizeof si) == (ssize_t)sizeof si) {
                s->bell.ending = s->bell.ending || si.ssi_signo != SIGUSR1;
            }
            if (s->bell.ending) {
                return false;
            }
        }
        if (p[0].revents) {
            ssize_t n = read(0, s->in, sizeof s->in);
            if (n < 0 && errno == EINTR) {
                continue;
            }
            s->at = 0;
            s->have = n > 0 ? (size_t)n : 0;
            return n > 0;
        }
    }
}

static bool read_bytes(struct slot *s, char *out, size_t n)
{
    while (n > 0) {
        if (s->at == s->have && !more_input(s)) {
            return false;
        }
        size_t k = s->have - s->at < n ? s->have - s->at : n;
        memcpy(out, s->in + s->at, k);
        s->at += k;
        out += k;
        n -= k;
    }
    return true;
}

static bool read_header(struct slot *s, char *out, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (!read_bytes(s, out + i, 1)) {
            return false;
        }
        if (out[i] == '\n') {
            out[i] = '\0';
            return true;
        }
    }
    return false;
}

static bool read_body(struct slot *s, size_t n, struct err *err)
{
    if (n + 2 > s->body_cap) {
        char *grown = n < MESSAGE_MAX ? mem_resize(s->body, n + 2, 1, err) : NULL;
        if (!grown) {
            return err_set(err, ERR_NOMEM, "a message of %zu bytes", n);
        }
        s->body = grown;
        s->body_cap = n + 2;
    }
    s->body[n] = s->body[n + 1] = '\0';
    return read_bytes(s, s->body, n) || err_set(err, ERR_CANCELLED, "input ended");
}

static bool run_message(struct slot *s, size_t dir_length, size_t job_length, struct err *err)
{
    if (!read_body(s, dir_length + job_length, err)) {
        return false;
    }
    json_t *job = json_parse(s->body + dir_length, job_length, "job", err);
    int64_t attempt = json_get_int(job, "attempt", 0);
    char *dir = job ? mem_strndup(s->body, dir_length, err) : NULL;
    json_t *result = NULL;
    bool ok = dir && attempt_run(dir, job, s->body + dir_length, &s->bell, &s->warm, &result, err);
    bool fenced = !ok && err->code == ERR_EXISTS; /* not ours to run: an engine decided otherwise */
    wake_engine(s, attempt, result, ok ? NULL : err);
    json_decref(job);
    json_decref(result);
    mem_free(dir);
    return ok || fenced;
}

static void each_folder(const char *list, size_t n, bool pack)
{
    for (size_t at = 0; at < n; at += strlen(list + at) + 1) {
        struct err err;
        if (!pack) {
            sweep_attempt(list + at);
        } else if (!pack_attempt(list + at, &err)) {
            (void)fprintf(stderr, "gantry worker: %s\n",
                          err.text); /* the unpacked folder stays and is as good */
        }
    }
}

/* The list lies in a file, which goes away; one that cannot be read leaves folders unpacked. */
static bool list_message(struct slot *s, size_t length, bool pack, struct err *err)
{
    struct err why;
    size_t n = 0;
    if (!read_body(s, length, err)) {
        return false;
    }
    char *path = mem_strndup(s->body, length, err);
    char *list = path ? file_read(path, 0, &n, &why) : NULL;
    if (path) {
        (void)unlink(path);
    }
    if (list) {
        each_folder(list, n, pack);
    }
    mem_free(list);
    mem_free(path);
    return path != NULL;
}

static bool one_message(struct slot *s, struct err *err)
{
    char header[HEADER_MAX];
    size_t a, b;
    if (!read_header(s, header, sizeof header)) {
        return err_set(err, ERR_CANCELLED, "input ended");
    }
    if (sscanf(header, "run %zu %zu", &a, &b) == 2 && a < MESSAGE_MAX && b < MESSAGE_MAX) {
        return run_message(s, a, b, err);
    }
    if (sscanf(header, "pack %zu", &a) == 1 || sscanf(header, "sweep %zu", &a) == 1) {
        if (!read_body(s, a, err)) {
            return false;
        }
        each_folder(s->body, a, header[0] == 'p');
        return true;
    }
    if ((sscanf(header, "pack-list %zu", &a) == 1 || sscanf(header, "sweep-list %zu", &a) == 1) &&
        a < MESSAGE_MAX) {
        return list_message(s, a, header[0] == 'p', err);
    }
    return err_set(err, ERR_USAGE, "message '%s' is not understood", header);
}

static int slot_main(const char *home)
{
    struct err err = {ERR_NONE, ""};
    struct slot *s = mem_zero(sizeof *s, &err);
    if (!s || !bell_open(&s->bell, &err)) {
        (void)fprintf(stderr, "gantry worker: %s\n", err.text);
        mem_free(s);
        return 1;
    }
    s->home = home;
    s->wake = -1;
    s->warm.sock = -1;
    while (!s->bell.ending && one_message(s, &err)) {
    }
    int status = err.code == ERR_CANCELLED || s->bell.ending ? 0 : err_exit_status(err.code);
    if (status) {
        (void)fprintf(stderr, "gantry worker: %s\n", err.text);
    }
    warm_end(&s->warm);
    mem_free(s->body);
    mem_free(s);
    return status;
}

static int folder_main(const char *dir)
{
    struct err err = {ERR_NONE, ""};
    struct bell bell;
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/job.json", dir);
    json_t *job = json_read(path, &err);
    json_t *result = NULL; /* job.json is there already: its text is not written again */
    bool ok =
        job && bell_open(&bell, &err) && attempt_run(dir, job, "", &bell, NULL, &result, &err);
    json_decref(result);
    if (!ok) {
        (void)fprintf(stderr, "gantry worker: %s\n", err.text);
    }
    json_decref(job);
    return ok ? 0 : err_exit_status(err.code);
}

int worker_main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--slot")) {
        return slot_main(argv[2]);
    }
    if (argc == 2 && argv[1][0] != '-') {
        return folder_main(argv[1]);
    }
    (void)fprintf(stderr, "usage: gantry worker ATTEMPT_DIR | gantry worker --slot HOME\n");
    return 2;
}
