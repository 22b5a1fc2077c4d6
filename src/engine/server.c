/* Commands and wake-ups through the home's sockets. */
#include "engine/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/op.h"
#include "os/net.h"

#define REQUEST_MAX ((size_t)64 << 20)
#define DRAIN_MS 10
#define DRAIN_TRIES 1000 /* 10 s without a byte taken */
#define LAST_TRIES 200   /* of 1 ms, when the server ends */

struct client {
    struct server *server;
    int fd;
    struct loop_fd *watch;
    struct str in, out;
    size_t out_at; /* bytes of `out` that were taken */
    int tries;     /* since the last of them */
    bool follows;
    struct client *next;
};

struct server {
    struct engine *engine;
    int listen_fd, wake_fd;
    struct loop_fd *listen_watch, *wake_watch;
    struct loop_timer *drain;
    struct client *clients;
};

static void drop_client(struct client *c)
{
    for (struct client **p = &c->server->clients; *p; p = &(*p)->next) {
        if (*p == c) {
            *p = c->next;
            break;
        }
    }
    loop_fd_free(c->watch);
    (void)close(c->fd);
    str_fini(&c->in);
    str_fini(&c->out);
    mem_free(c);
}

/* What the socket takes now. False: the client is gone. */
static bool flush(struct client *c)
{
    while (c->out_at < c->out.len) {
        ssize_t k = send(c->fd, c->out.buf + c->out_at, c->out.len - c->out_at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k > 0) {
            c->out_at += (size_t)k;
            c->tries = 0;
        } else if (errno != EINTR) {
            return errno == EAGAIN;
        }
    }
    str_clear(&c->out);
    c->out_at = 0;
    return true;
}

/* A client that does not take its answer is tried again while the engine goes on, then cut: it asks
 * again. */
static void drain_due(void *arg)
{
    struct server *s = arg;
    bool any = false;
    for (struct client *c = s->clients, *next; c; c = next) {
        next = c->next;
        if (c->out.len > 0 && (!flush(c) || ++c->tries > DRAIN_TRIES)) {
            drop_client(c);
        } else {
            any = any || c->out.len > 0;
        }
    }
    if (!any) {
        loop_timer_stop(s->drain);
    }
}

static bool queue(struct client *c, const char *text)
{
    str_add(&c->out, text);
    bool ok = !c->out.failed && flush(c);
    if (ok && c->out.len > 0 && !loop_timer_active(c->server->drain)) {
        loop_timer_start(c->server->drain, DRAIN_MS, DRAIN_MS);
    }
    return ok;
}

static bool say(struct client *c, json_t *line)
{
    char *text = line ? json_text(line, err_ignore("the client is cut")) : NULL;
    str_add(&c->out, text ? text : "");
    bool ok = text && queue(c, "\n");
    mem_free(text);
    json_decref(line);
    return ok;
}

static bool handle(struct client *c, const char *text, size_t n)
{
    struct err err = {ERR_NONE, ""};
    struct engine *e = c->server->engine;
    json_t *request = json_parse(text, n, "request", &err), *answer = NULL;
    const char *op = json_get_text(request, "op", "");
    bool ok = request != NULL;
    if (ok && !strcmp(op, "follow")) {
        c->follows = true;
        answer = json_object();
    } else if (ok) {
        ok = op_call(e, e->store, op, json_object_get(request, "args"), &answer, &err);
    }
    json_t *line = ok
        ? json_pack("{s:b, s:o}", "ok", 1, "answer", answer ? answer : json_object())
        : json_pack("{s:b, s:s, s:s}", "ok", 0, "code", err_name(err.code), "text", err.text);
    json_decref(request);
    return say(c, line);
}

static void client_ready(void *arg, int fd)
{
    struct client *c = arg;
    char buf[65536];
    ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    bool ok = n > 0 && c->in.len + (size_t)n < REQUEST_MAX;
    if (ok) {
        str_addn(&c->in, buf, (size_t)n);
    }
    char *end;
    while (ok && c->in.len > 0 && (end = memchr(c->in.buf, '\n', c->in.len))) {
        size_t line = (size_t)(end - c->in.buf);
        ok = handle(c, c->in.buf, line);
        memmove(c->in.buf, end + 1, c->in.len - line - 1);
        c->in.len -= line + 1;
        c->in.buf[c->in.len] = '\0';
    }
    if (!ok || c->in.failed) {
        drop_client(c);
    }
}

static void client_comes(void *arg, int fd)
{
    struct server *s = arg;
    struct err err;
    int got = net_accept(fd);
    struct client *c = got >= 0 ? mem_zero(sizeof *c, &err) : NULL;
    if (!c) {
        if (got >= 0) {
            (void)close(got);
        }
        return;
    }
    c->server = s;
    c->fd = got;
    c->in = c->out = (struct str)STR_INIT;
    c->watch = loop_fd_new(s->engine->loop, got, client_ready, c, &err);
    if (!c->watch) {
        (void)close(got);
        mem_free(c);
        return;
    }
    c->next = s->clients;
    s->clients = c;
}

static void woken(void *arg, int fd)
{
    struct server *s = arg;
    char text[NET_WAKE_MAX];
    ssize_t n;
    for (int i = 0; i < 64 && (n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT)) >= 0; i++) {
        text[n] = '\0';
        engine_woken(s->engine, text);
    }
    engine_dispatch(s->engine);
}

struct server *server_new(struct engine *e, struct err *err)
{
    struct server *s = mem_zero(sizeof *s, err);
    if (!s) {
        return NULL;
    }
    s->engine = e;
    s->listen_fd = s->wake_fd = -1;
    bool ok = (s->drain = loop_timer_new(e->loop, drain_due, s, err)) &&
        net_bind_wake(e->home, "wake.sock", &s->wake_fd, err) &&
        net_listen(e->home, "engine.sock", &s->listen_fd, err);
    ok = ok && (s->wake_watch = loop_fd_new(e->loop, s->wake_fd, woken, s, err));
    ok = ok && (s->listen_watch = loop_fd_new(e->loop, s->listen_fd, client_comes, s, err));
    if (!ok) {
        server_free(s);
        s = NULL;
    }
    return s;
}

void server_free(struct server *s)
{
    if (!s) {
        return;
    }
    while (s->clients) {
        if (s->clients->follows) {
            (void)say(s->clients, json_pack("{s:b}", "ended", 1));
        }
        for (int i = 0; i < LAST_TRIES && s->clients->out.len > 0 && flush(s->clients); i++) {
            (void)usleep(1000);
        }
        drop_client(s->clients);
    }
    loop_timer_free(s->drain);
    loop_fd_free(s->listen_watch);
    loop_fd_free(s->wake_watch);
    if (s->listen_fd >= 0) {
        (void)close(s->listen_fd);
    }
    if (s->wake_fd >= 0) {
        (void)close(s->wake_fd);
    }
    mem_free(s);
}

void server_changed(struct server *s)
{
    for (struct client *c = s ? s->clients : NULL, *next; c; c = next) {
        next = c->next;
        if (c->follows && c->out.len == 0 && !queue(c, "{\"changed\":true}\n")) {
            drop_client(c); /* who lags hears of the next one */
        }
    }
}
