/*
 * The pool of helpers and the questions that wait. All of it on the engine's thread: a helper's
 * socket and its pidfd are watched by the loop, nothing here waits.
 */
#include "api/look.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "api/access.h"
#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "os/loop.h"
#include "os/pass.h"
#include "os/proc.h"

#define HELPERS 2
#define IDLE_US ((int64_t)60 * 1000 * 1000)
/* A helper that is silent for so long hangs (a file server that is gone, say). */
#define HUNG_US ((int64_t)60 * 1000 * 1000)
/* How often idle and hung ones are looked for, while there are any. */
#define LOOK_MS 5000
/* Questions that may wait; the oldest is refused when there are more. */
#define WAITING_MAX 512
/* Tries before a question that kills helpers is given up. */
#define TRIES 2

/* Killed ones to be reaped: one that hangs in a file server's hands dies when that answers. */
#define DYING_MAX 16

#define DIED "died (a damaged file can do that)"

/* One question. */
struct wait {
    struct look_pool *pool;
    struct later *later; /* NULL: its client went away while it was being answered */
    int64_t id, item;
    char *line;
    int tries;
    struct wait *next, *previous; /* towards older, towards newer */
};

struct helper {
    struct look_pool *pool;
    pid_t pid; /* 0: not running */
    int pidfd, sock;
    struct loop_fd *watch, *end_watch;
    struct wait *now; /* what it is on */
    int64_t item;     /* of its last question: it has that one's slices at hand */
    int64_t since_us; /* monotonic: of the last question or answer */
};

struct look_pool {
    struct api *api;
    struct helper helper[HELPERS];
    struct wait *newest, *oldest;
    size_t waiting;
    pid_t dying[DYING_MAX]; /* killed and not reaped yet; 0: free place */
    int64_t next_id;
    struct loop_timer *timer;
    char *buffer; /* PASS_MAX */
};

static void pump(struct look_pool *p);

/* ---- questions ---- */

static void unlink_wait(struct wait *w)
{
    struct look_pool *p = w->pool;
    *(w->previous ? &w->previous->next : &p->newest) = w->next;
    *(w->next ? &w->next->previous : &p->oldest) = w->previous;
    w->next = w->previous = NULL;
    p->waiting--;
}

static void push_wait(struct look_pool *p, struct wait *w)
{
    w->next = p->newest;
    *(p->newest ? &p->newest->previous : &p->oldest) = w;
    p->newest = w;
    p->waiting++;
}

static void free_wait(struct wait *w)
{
    mem_free(w->line);
    mem_free(w);
}

static void fail_wait(struct wait *w, const struct err *err)
{
    if (w->later) {
        later_fail(w->later, err);
    }
    free_wait(w);
}

/* The client went away. */
static void gone(void *arg)
{
    struct wait *w = arg;
    for (size_t i = 0; i < HELPERS; i++) {
        if (w->pool->helper[i].now == w) {
            w->later = NULL; /* its answer is thrown away when it comes */
            return;
        }
    }
    unlink_wait(w);
    free_wait(w);
}

/* ---- helpers ---- */

/* True when some are left. */
static bool reap_dying(struct look_pool *p)
{
    struct proc_end end;
    bool left = false;
    for (size_t i = 0; i < DYING_MAX; i++) {
        if (p->dying[i] && proc_reap(p->dying[i], false, &end) != 0) {
            p->dying[i] = 0;
        }
        left = left || p->dying[i];
    }
    return left;
}

static void bury(struct look_pool *p, pid_t pid)
{
    struct proc_end end;
    (void)kill(pid, SIGKILL); /* not reaped yet: the number is still its own */
    if (proc_reap(pid, false, &end) != 0) {
        return;
    }
    for (size_t i = 0; i < DYING_MAX; i++) {
        if (!p->dying[i]) {
            p->dying[i] = pid;
            return;
        }
    }
}

/* Let go of one that is dead or shall be. What it was on waits again, or fails. */
static void drop_helper(struct helper *h, const char *how)
{
    struct wait *w = h->now;
    if (h->pid) {
        bury(h->pool, h->pid);
    }
    loop_fd_free(h->watch);
    loop_fd_free(h->end_watch);
    if (h->sock >= 0) {
        (void)close(h->sock);
    }
    if (h->pidfd >= 0) {
        (void)close(h->pidfd);
    }
    *h = (struct helper){.pool = h->pool, .pidfd = -1, .sock = -1};
    if (w && w->later && w->tries < TRIES) {
        push_wait(w->pool, w);
    } else if (w) {
        struct err err;
        (void)err_set(&err, ERR_FAILED, "the picture cannot be made: its helper %s", how);
        fail_wait(w, &err);
    }
}

static void helper_ended(void *arg, int fd)
{
    struct helper *h = arg;
    struct look_pool *p = h->pool;
    (void)fd;
    drop_helper(h, DIED);
    pump(p);
}

static bool add_number(struct reply *r, const char *name, const json_t *facts, const char *key,
                       struct err *err)
{
    const json_t *value = json_object_get(facts, key);
    char text[40];
    if (!json_is_number(value)) {
        return !json_is_true(value) || reply_header(r, name, "1", err);
    }
    if (json_is_integer(value)) {
        (void)snprintf(text, sizeof text, "%" PRId64, (int64_t)json_integer_value(value));
    } else {
        (void)snprintf(text, sizeof text, "%.9g", json_real_value(value));
    }
    return reply_header(r, name, text, err);
}

/* Facts as headers, bytes as the body; takes *fd. */
static bool fill_reply(struct reply *r, const json_t *facts, int *fd, struct err *err)
{
    static const char *const headers[][2] = {
        {"X-Width", "width"},
        {"X-Height", "height"},
        {"X-Full-Width", "full_width"},
        {"X-Full-Height", "full_height"},
        {"X-Lo", "lo"},
        {"X-Hi", "hi"},
        {"X-Index", "index"},
        {"X-Centre", "centre"},
        {"X-Row", "row"},
        {"X-Count", "count"},
        {"X-Growing", "growing"},
    };
    const char *etag = json_get_text(facts, "etag", NULL);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        if (!add_number(r, headers[i][0], facts, headers[i][1], err)) {
            return false;
        }
    }
    if (json_get_bool(facts, "unchanged", false)) { /* the same tag: becomes a 304 */
        return reply_static(r, "application/octet-stream", "", 0, etag, err);
    }
    if (*fd < 0) {
        return err_bug(err, "the picture helper answered without bytes");
    }
    int mine = *fd;
    *fd = -1;
    return reply_fd(r, json_get_text(facts, "type", "application/octet-stream"), mine, 0,
                    json_get_int(facts, "length", 0), etag, err);
}

/* An answer to the question it is on. False: it talks nonsense. */
static bool take_answer(struct helper *h, const char *text, size_t n, int *fd)
{
    struct wait *w = h->now;
    struct err err = {ERR_NONE, ""};
    json_t *facts = json_parse(text, n, "the picture helper's answer", &err);
    if (!facts || !w || json_get_int(facts, "id", -1) != w->id) {
        json_decref(facts);
        return false;
    }
    h->now = NULL;
    h->since_us = clock_mono_us();
    if (!json_get_bool(facts, "ok", false)) {
        (void)err_set(&err, err_code_of(json_get_text(facts, "code", "")), "%s",
                      json_get_text(facts, "text", "no reason given"));
        fail_wait(w, &err);
    } else if (w->later && !fill_reply(later_reply(w->later), facts, fd, &err)) {
        fail_wait(w, &err);
    } else {
        if (w->later) {
            later_done(w->later);
        }
        free_wait(w);
    }
    json_decref(facts);
    return true;
}

static void answer_came(void *arg, int sock)
{
    struct helper *h = arg;
    struct look_pool *p = h->pool;
    int fd = -1;
    ssize_t n = pass_receive(sock, p->buffer, PASS_MAX, &fd);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0 || !take_answer(h, p->buffer, (size_t)n, &fd)) {
        drop_helper(h, n <= 0 ? DIED : "does not make sense");
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    pump(p);
}

static bool start_helper(struct look_pool *p, struct helper *h, struct err *err)
{
    const char *const argv[] = {p->api->engine->imaging, "look", NULL};
    int pair[2] = {-1, -1};
    if (!pass_pair(pair, err)) {
        return false;
    }
    struct proc_spec spec = {.argv = argv,
                             .cwd = "/",
                             .in = pair[1],
                             .out = PROC_NULL,
                             .errs = PROC_INHERIT,
                             .keep_fd = -1,
                             .group = true};
    bool ok = proc_spawn(&spec, &h->pid, err);
    (void)close(pair[1]);
    h->sock = pair[0];
    h->since_us = clock_mono_us();
    h->pidfd = ok ? proc_pidfd(h->pid) : -1;
    ok = ok && (h->watch = loop_fd_new(p->api->loop, h->sock, answer_came, h, err)) &&
        (h->end_watch = loop_fd_new(p->api->loop, h->pidfd, helper_ended, h, err));
    if (!ok) {
        drop_helper(h, "did not start");
        return err_wrap(err, "starting the picture helper");
    }
    if (!loop_timer_active(p->timer)) {
        loop_timer_start(p->timer, LOOK_MS, LOOK_MS);
    }
    return true;
}

/* Idle ones end, hung ones are ended. */
static void look_after(void *arg)
{
    struct look_pool *p = arg;
    int64_t now = clock_mono_us();
    bool any = reap_dying(p);
    for (size_t i = 0; i < HELPERS; i++) {
        struct helper *h = &p->helper[i];
        if (h->pid && h->now && now - h->since_us > HUNG_US) {
            h->now->tries = TRIES;
            drop_helper(h, "did not answer for a minute");
            any = true;
        } else if (h->pid && !h->now && now - h->since_us > IDLE_US) {
            drop_helper(h, "was idle");
            any = true; /* it is to be reaped */
        }
        any = any || h->pid;
    }
    if (!any) {
        loop_timer_stop(p->timer);
    }
    pump(p);
}

/* ---- who answers what ---- */

/* An idle helper for a question: best one that knows the item, then any, then a new one. */
static struct helper *choose(struct look_pool *p, const struct wait *w)
{
    struct helper *idle = NULL, *none = NULL;
    for (size_t i = 0; i < HELPERS; i++) {
        struct helper *h = &p->helper[i];
        if (!h->pid) {
            none = none ? none : h;
        } else if (!h->now && h->item == w->item) {
            return h;
        } else if (!h->now) {
            idle = idle ? idle : h;
        }
    }
    return idle ? idle : none;
}

static void pump(struct look_pool *p)
{
    struct helper *h;
    struct wait *w;
    while ((w = p->newest) && (h = choose(p, w))) {
        struct err err = {ERR_NONE, ""};
        unlink_wait(w);
        if (!h->pid && !start_helper(p, h, &err)) {
            fail_wait(w, &err);
            continue;
        }
        w->tries++;
        h->now = w;
        h->item = w->item;
        h->since_us = clock_mono_us();
        if (!pass_send(h->sock, w->line, strlen(w->line), -1, &err)) {
            drop_helper(h, DIED);
        }
    }
}

static void pool_end(void *arg)
{
    struct look_pool *p = arg;
    struct err err;
    (void)err_set(&err, ERR_UNREACHABLE, "the server is stopping");
    for (size_t i = 0; i < HELPERS; i++) {
        if (p->helper[i].now) {
            p->helper[i].now->tries = TRIES;
        }
        drop_helper(&p->helper[i], "ended with the server");
    }
    while (p->newest) {
        struct wait *w = p->newest;
        unlink_wait(w);
        fail_wait(w, &err);
    }
    (void)reap_dying(p); /* the rest is the system's when we end */
    loop_timer_free(p->timer);
    p->api->look = NULL;
    mem_free(p->buffer);
    mem_free(p);
}

static struct look_pool *pool_of(struct api *api, struct err *err)
{
    if (api->look) {
        return api->look;
    }
    struct look_pool *p = mem_zero(sizeof *p, err);
    if (!p) {
        return NULL;
    }
    p->api = api;
    for (size_t i = 0; i < HELPERS; i++) {
        p->helper[i] = (struct helper){.pool = p, .pidfd = -1, .sock = -1};
    }
    p->buffer = mem_zero(PASS_MAX, err);
    p->timer = p->buffer ? loop_timer_new(api->loop, look_after, p, err) : NULL;
    if (!p->timer || !api_at_end(api, pool_end, p, err)) {
        loop_timer_free(p->timer);
        mem_free(p->buffer);
        mem_free(p);
        return NULL;
    }
    return api->look = p;
}

/* ---- asking ---- */

/* Where the item is, and the staging folders of what is being made of it, into the question. */
static bool put_place(struct request *q, int64_t item, json_t *question, struct err *err)
{
    json_t *rows = store_rows(
        q->api->store, err,
        "SELECT i.name, i.project_id AS project, p.root, p.rec, (SELECT "
        "json_group_array('.gantry-' || id) FROM (SELECT a.id FROM attempt a JOIN task t ON "
        "t.id=a.task_id WHERE a.state<2 AND t.item_id=i.id ORDER BY a.id DESC LIMIT 16)) AS "
        "staging_json FROM item i JOIN project p ON p.id=i.project_id WHERE i.id=?1",
        "i", item);
    const json_t *row = json_array_get(rows, 0);
    bool ok = rows != NULL;
    if (ok && (!row || !access_sees(&q->who, json_get_int(row, "project", 0)))) {
        ok = err_set(err, ERR_NOTHING, "there is no item %" PRId64, item);
    }
    static const char *const keys[] = {"name", "root", "rec", "staging"};
    for (size_t i = 0; ok && i < sizeof keys / sizeof *keys; i++) {
        ok = json_put(question, keys[i], json_incref(json_object_get(row, keys[i])), err);
    }
    json_decref(rows);
    return ok;
}

/* The tag the client has, without quotes, when it is just one. */
static bool put_etag(struct request *q, json_t *question, struct err *err)
{
    const char *have = request_header(q, "If-None-Match");
    const char *from = have ? strchr(have, '"') : NULL;
    const char *to = from ? strchr(from + 1, '"') : NULL;
    if (!to || to[1] != '\0') {
        return true;
    }
    return json_put(question, "etag", json_stringn(from + 1, (size_t)(to - from - 1)), err);
}

static bool enqueue(struct look_pool *p, struct reply *r, int64_t item, json_t *question,
                    struct err *err)
{
    struct wait *w = mem_zero(sizeof *w, err);
    if (!w) {
        return false;
    }
    *w = (struct wait){.pool = p, .id = ++p->next_id, .item = item};
    if (!json_put(question, "id", json_integer(w->id), err) ||
        !(w->line = json_line(question, err)) || !(w->later = reply_later(r, gone, w, err))) {
        free_wait(w);
        return false;
    }
    if (p->waiting >= WAITING_MAX) {
        struct wait *old = p->oldest;
        struct err busy;
        (void)err_set(&busy, ERR_UNREACHABLE, "too many pictures are waiting: ask again");
        unlink_wait(old);
        fail_wait(old, &busy);
    }
    push_wait(p, w);
    pump(p);
    return true;
}

bool look_ask(struct request *q, struct reply *r, int64_t item, json_t *question, struct err *err)
{
    struct look_pool *p = question ? pool_of(q->api, err) : NULL;
    bool ok = question || err_set(err, ERR_NOMEM, "out of memory");
    ok = ok && p && put_place(q, item, question, err) && put_etag(q, question, err) &&
        enqueue(p, r, item, question, err);
    json_decref(question);
    return ok;
}
