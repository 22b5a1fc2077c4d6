/* Joining a living engine, or being it. */
#include "engine/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/op.h"
#include "os/lock.h"
#include "os/net.h"
#include "os/proc.h"

#define JOIN_WAIT_US (15 * 1000000) /* an engine that is just starting or leaving */
#define LOOK_MS 1000
#define CALL_TRIES 20 /* engines that left while we were asking them */

struct session {
    char *home;
    struct engine *engine; /* when hosting */
    int fd;                /* when joined */
    bool unread;           /* the engine went away before it had read what was sent */
    struct str in;
};

/* The session that makes this process the engine. A process has one engine at most (the lock), and
 * a short operation must not wait for the socket that it would itself have to answer. */
static struct session *own_session;

static void lock_note(char *out, size_t size)
{
    char host[256] = "", boot[40], since[32];
    (void)gethostname(host, sizeof host - 1);
    proc_boot_id(boot, sizeof boot);
    time_t now = time(NULL);
    struct tm tm;
    since[0] = '\0';
    if (localtime_r(&now, &tm)) {
        (void)strftime(since, sizeof since, "%H:%M", &tm);
    }
    (void)snprintf(out, size, "%s %s %ld %s\n", host, boot, (long)getpid(), since);
}

/* Does the lock's note speak of another machine? */
static bool elsewhere(const char *note, struct err *err)
{
    char host[256] = "", theirs[256] = "", boot[64] = "", since[32] = "";
    long pid = 0;
    (void)gethostname(host, sizeof host - 1);
    if (sscanf(note, "%255s %63s %ld %31s", theirs, boot, &pid, since) < 3 ||
        !strcmp(theirs, host)) {
        return false;
    }
    (void)err_set(
        err, ERR_UNREACHABLE,
        "the engine of this home runs on %s since %s; open http://%s:8420 or set GANTRY_URL",
        theirs, since, theirs);
    return true;
}

static bool try_open(struct session *s, bool *ret_open, struct err *err)
{
    char note[400], path[4200];
    char *holder = NULL;
    int lock = -1;
    struct err late;
    lock_note(note, sizeof note);
    (void)snprintf(path, sizeof path, "%s/lock", s->home);
    *ret_open = false;
    if (!lock_take(path, note, &lock, &holder, err)) {
        return false;
    }
    if (lock >= 0) {
        s->engine = engine_new(s->home, lock, err);
        if (!s->engine) {
            lock_drop(lock);
            return false;
        }
        own_session = s;
        *ret_open = true;
        return true;
    }
    bool other = elsewhere(holder, err);
    mem_free(holder);
    if (other) {
        return false;
    }
    *ret_open = net_connect(s->home, "engine.sock", &s->fd, &late);
    return true;
}

/* Join the living engine, or be it. */
static bool join(struct session *s, struct err *err)
{
    int64_t until = clock_mono_us() + JOIN_WAIT_US;
    bool open = false, ok = true;
    while (ok && !open) {
        ok = try_open(s, &open, err);
        if (ok && !open) {
            ok = clock_mono_us() < until ||
                err_set(err, ERR_UNREACHABLE,
                        "the engine of '%s' holds its lock but does not answer", s->home);
            (void)usleep(20000);
        }
    }
    return ok;
}

struct session *session_open(const char *home, struct err *err)
{
    struct session *s = mem_zero(sizeof *s, err);
    bool ok = s && (s->home = mem_strdup(home, err));
    if (s) {
        s->fd = -1;
    }
    if (!ok || !join(s, err)) {
        session_close(s);
        return NULL;
    }
    return s;
}

void session_close(struct session *s)
{
    if (s) {
        if (s->engine) {
            int lock = s->engine->lock_fd;
            own_session = NULL;
            engine_free(s->engine);
            lock_drop(lock);
        }
        if (s->fd >= 0) {
            (void)close(s->fd);
        }
        str_fini(&s->in);
        mem_free(s->home);
        mem_free(s);
    }
}

bool session_hosting(const struct session *s)
{
    return s->engine != NULL;
}

struct loop *session_loop(struct session *s)
{
    return s->engine ? s->engine->loop : NULL;
}

struct engine *session_engine(struct session *s)
{
    return s->engine;
}

/* ---- joined: lines through the socket ---- */

static bool put(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, data, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) {
            continue;
        }
        if (k <= 0) {
            return false;
        }
        data += k;
        n -= (size_t)k;
    }
    return true;
}

/* The next line that came, or NULL when there is none yet (or at the end: *ret_end). */
static json_t *next_line(struct session *s, bool wait, bool *ret_end)
{
    for (;;) {
        char *end = s->in.len ? memchr(s->in.buf, '\n', s->in.len) : NULL;
        if (end) {
            size_t n = (size_t)(end - s->in.buf);
            json_t *line = json_loadb(s->in.buf, n, 0, NULL);
            memmove(s->in.buf, end + 1, s->in.len - n - 1);
            s->in.len -= n + 1;
            s->in.buf[s->in.len] = '\0';
            return line;
        }
        char buf[65536];
        ssize_t n = recv(s->fd, buf, sizeof buf, wait ? 0 : MSG_DONTWAIT);
        if (n > 0) {
            str_addn(&s->in, buf, (size_t)n);
            continue;
        }
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            if (wait && errno == EINTR) {
                continue;
            }
            return NULL;
        }
        s->unread = n < 0 && errno == ECONNRESET;
        *ret_end = true;
        return NULL;
    }
}

static json_t *ask(struct session *s, const char *op, const json_t *args, bool *ret_gone,
                   struct err *err)
{
    json_t *request = json_pack("{s:s, s:O*}", "op", op, "args", args), *line = NULL,
           *answer = NULL;
    char *text = request ? json_text(request, err) : NULL;
    bool end = false;
    *ret_gone = false;
    s->unread = false;
    json_decref(request);
    if (!text) {
        return NULL;
    }
    size_t n = strlen(text);
    text[n] = '\n';
    bool sent = put(s->fd, text, n + 1);
    mem_free(text);
    while (sent && !end &&
           (!line || !json_object_get(line, "ok"))) { /* notices of changes may come first */
        json_decref(line);
        line = next_line(s, true, &end);
    }
    if (!sent || end || !line) {
        *ret_gone = !sent || s->unread;
        (void)err_set(err, ERR_UNREACHABLE,
                      "the engine left before it answered: look what came of it (gantry status)");
    } else if (json_get_bool(line, "ok", false)) {
        answer = json_incref(json_object_get(line, "answer"));
    } else {
        (void)err_set(err, err_code_of(json_get_text(line, "code", "failed")), "%s",
                      json_get_text(line, "text", "failed"));
    }
    json_decref(line);
    return answer;
}

json_t *session_call(struct session *s, const char *op, const json_t *args, struct err *err)
{
    json_t *answer = NULL;
    bool gone = false;
    for (int tries = 0; tries < CALL_TRIES; tries++) {
        if (s->engine) {
            return op_call(s->engine, s->engine->store, op, args, &answer, err) ? answer : NULL;
        }
        answer = ask(s, op, args, &gone, err);
        if (answer || !gone) {
            return answer;
        }
        /* An engine that left without reading it has not run it: a new one, or we ourselves, will.
         */
        (void)close(s->fd);
        s->fd = -1;
        str_clear(&s->in);
        if (!join(s, err)) {
            return NULL;
        }
    }
    return NULL;
}

json_t *session_once(const char *home, const char *op, const json_t *args, struct err *err)
{
    if (own_session && !strcmp(own_session->home, home)) {
        return session_call(own_session, op, args, err);
    }
    struct session *s = session_open(home, err);
    json_t *answer = s ? session_call(s, op, args, err) : NULL;
    session_close(s);
    return answer;
}

bool session_engine_alive(const char *home, char **ret_note)
{
    char path[4200];
    char *holder = NULL;
    int fd = -1;
    (void)snprintf(path, sizeof path, "%s/lock", home);
    if (!lock_take(path, "", &fd, &holder, err_ignore("then nobody lives there"))) {
        return false;
    }
    lock_drop(fd);
    if (ret_note) {
        *ret_note = holder;
    } else {
        mem_free(holder);
    }
    return fd < 0;
}

/* ---- following ---- */

struct follower {
    struct session *s;
    const struct follow *how;
    bool done, interrupted, detached, stuck, cancelling;
    struct loop_signal *signals[3];
    struct loop_timer *tick;
};

static void check(struct follower *f)
{
    struct engine *e = f->s->engine;
    const char *text;
    if (e->broken.code != ERR_NONE && e->stopping) {
        f->done = true;
    } else if (f->cancelling) {
        f->done = !e->lives && e->n_changes == 0;
    } else if (!f->how->forever) {
        bool over = f->how->run != 0 && engine_run_over(e, f->how->run);
        bool stuck = engine_stuck(e, &text);
        /* what others' runs wait for is not this one's trouble */
        f->done = (engine_idle(e) && (f->how->run == 0 || over)) || (over && stuck);
        f->stuck = stuck && !f->done;
    }
    if (f->done || f->stuck) {
        loop_stop(e->loop);
    }
}

static void host_changed(void *arg)
{
    struct follower *f = arg;
    if (f->how->changed && !f->detached) {
        f->how->changed(f->how->arg);
    }
    check(f);
}

static void host_signal(void *arg, int signum)
{
    struct follower *f = arg;
    if (signum == SIGHUP) { /* the terminal went away: the work goes on without it */
        f->detached = true;
        return;
    }
    f->interrupted = true;
    if (!f->cancelling) {
        f->cancelling = true;
        engine_interrupt(f->s->engine, 0);
    } else {
        loop_stop(f->s->engine->loop); /* asked twice: what still runs is adopted later */
        f->done = true;
    }
    check(f);
}

static bool host_follow(struct session *s, const struct follow *how, enum follow_end *ret,
                        struct err *err)
{
    static const int signums[3] = {SIGINT, SIGTERM, SIGHUP};
    struct follower f = {.s = s, .how = how};
    bool ok = true;
    const char *text = "";
    for (int i = 0; ok && i < 3; i++) {
        f.signals[i] = loop_signal_new(s->engine->loop, signums[i], host_signal, &f, err);
        ok = f.signals[i] != NULL;
    }
    ok = ok && (f.tick = loop_timer_new(s->engine->loop, host_changed, &f, err));
    if (ok) {
        s->engine->stuck_since = 0; /* whoever follows again gives it another while */
        s->engine->changed = host_changed;
        s->engine->changed_arg = &f;
        if (!how->forever) {
            loop_timer_start(f.tick, LOOK_MS, LOOK_MS);
        }
        engine_schedule_flush(s->engine);
        while (!f.done && !f.stuck) {
            loop_run(s->engine->loop);
            check(&f);
        }
        s->engine->changed = NULL;
    }
    for (int i = 0; i < 3; i++) {
        loop_signal_free(f.signals[i]);
    }
    if (f.tick) {
        loop_timer_free(f.tick);
    }
    if (ok && s->engine->broken.code != ERR_NONE && s->engine->stopping) {
        *err = s->engine->broken;
        return err_wrap(err, "the engine stopped (nothing is lost: `gantry run --resume` goes on)");
    }
    if (ok && f.stuck) {
        (void)engine_stuck(s->engine, &text);
        (void)err_set(err, s->engine->stuck_text[0] ? ERR_DISKFULL : ERR_UNREACHABLE, "%s", text);
    }
    *ret = f.stuck      ? FOLLOW_STUCK
        : f.interrupted ? FOLLOW_INTERRUPTED
        : f.detached    ? FOLLOW_DETACHED
                        : FOLLOW_ENDED;
    return ok;
}

static volatile sig_atomic_t joined_signal;

static void on_signal(int signum)
{
    joined_signal = signum;
}

/* Is the followed run over, by our own look at the store? */
static bool joined_over(const struct session *s, int64_t run)
{
    struct err *quiet = err_ignore("looked at again");
    struct store *st = store_open(s->home, STORE_READ, quiet);
    int64_t open = 1;
    bool ok = st &&
        (run ? store_int(st, 1, &open, quiet,
                         "SELECT state='active' AND (queued=1 OR EXISTS(SELECT 1 FROM task WHERE "
                         "run_id=?1 AND "
                         "task.state IN (3,4,10))) FROM run WHERE id=?1",
                         "i", run)
             : store_int(st, 1, &open, quiet,
                         "SELECT count(*) FROM run WHERE state='active' AND queued=1", ""));
    store_close(st);
    return ok && open == 0;
}

static bool joined_follow(struct session *s, const struct follow *how, enum follow_end *ret,
                          struct err *err)
{
    struct sigaction act = {.sa_handler = on_signal}, old[3];
    static const int signums[3] = {SIGINT, SIGTERM, SIGHUP};
    bool gone = false, end = false;
    json_t *answer = ask(s, "follow", NULL, &gone, err);
    if (!answer) {
        return false;
    }
    json_decref(answer);
    joined_signal = 0;
    for (int i = 0; i < 3; i++) {
        (void)sigaction(signums[i], &act, &old[i]);
    }
    bool over = !how->forever && joined_over(s, how->run);
    while (!over && !end && !joined_signal) {
        struct pollfd p = {s->fd, POLLIN, 0};
        int ready = poll(&p, 1, LOOK_MS);
        json_t *line;
        bool changed = ready == 0;
        while (ready > 0 && (line = next_line(s, false, &end))) {
            changed = changed || json_object_get(line, "changed");
            json_decref(line);
        }
        if (changed && how->changed) {
            how->changed(how->arg);
        }
        over = !how->forever && (changed || end) && joined_over(s, how->run);
    }
    for (int i = 0; i < 3; i++) {
        (void)sigaction(signums[i], &old[i], NULL);
    }
    if (joined_signal && joined_signal != SIGHUP && how->cancel_on_interrupt && how->run) {
        json_t *args = json_pack("{s:I}", "run", (json_int_t)how->run);
        answer = ask(s, "run.interrupt", args, &gone, err);
        json_decref(args);
        json_decref(answer);
    }
    if (how->changed) {
        how->changed(how->arg);
    }
    *ret = over ? FOLLOW_ENDED : joined_signal == SIGHUP ? FOLLOW_DETACHED : FOLLOW_INTERRUPTED;
    if (!over && end && !joined_signal) {
        return err_set(err, ERR_UNREACHABLE,
                       "the engine left; `gantry run --resume` goes on with what it left");
    }
    return true;
}

bool session_follow(struct session *s, const struct follow *how, enum follow_end *ret,
                    struct err *err)
{
    return s->engine ? host_follow(s, how, ret, err) : joined_follow(s, how, ret, err);
}
