/*
 * A proxied request's life: the socket is connected at once (it is of this machine) -> the request
 * is written as the socket takes it -> the head of the answer comes -> either the rest is read by
 * the HTTP server's stream, whenever the client takes more, or (101) the client's socket is given
 * to us and bytes go both ways.
 */
#include "api/proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "api/access.h"
#include "api/http.h"
#include "api/upstream.h"
#include "base/mem.h"
#include "os/loop.h"
#include "os/net.h"

#define PIPE_BYTES ((size_t)64 << 10)
#define ASK_MS 15000 /* are the rights still there? */

/* One direction of an upgraded connection. */
struct lane {
    char *buf;
    size_t at, n;
    bool ended; /* no more comes */
};

struct proxy {
    struct later *later; /* until the head has come */
    struct http *http;
    struct loop *loop;
    int fd; /* of the program behind */
    struct loop_fd *watch;
    struct str request;
    size_t sent;
    struct str answer; /* the head, and what came with it */
    struct upstream_head head;
    char *prefix;
    bool upgrade;
    /* a stream */
    struct stream *stream;
    size_t given;   /* of `answer` */
    int64_t passed; /* bytes of the body */
    /* an upgraded connection */
    struct upgraded *client;
    int client_fd;
    struct loop_fd *client_watch;
    struct loop_timer *ask;
    struct request as; /* who it is for, and his rights when it began */
    struct lane up, down;
};

static void proxy_free(struct proxy *p)
{
    loop_fd_free(p->watch);
    loop_fd_free(p->client_watch);
    loop_timer_free(p->ask);
    if (p->fd >= 0) {
        (void)close(p->fd);
    }
    str_fini(&p->request);
    str_fini(&p->answer);
    mem_free(p->prefix);
    mem_free(p->as.who.projects);
    mem_free(p->up.buf);
    mem_free(p->down.buf);
    mem_free(p);
}

/* --- both ways */

static void end_both(void *arg)
{
    struct proxy *p = arg;
    struct upgraded *client = p->client;
    proxy_free(p); /* its watches go before the socket does */
    upgraded_close(client);
}

/* Read what there is room for. False: an error. */
static bool fill(struct lane *l, int fd)
{
    while (!l->ended && l->n == 0) {
        ssize_t n = recv(fd, l->buf, PIPE_BYTES, MSG_DONTWAIT);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        l->ended = n == 0;
        l->at = 0;
        l->n = (size_t)n;
    }
    return true;
}

static bool drain(struct lane *l, int fd)
{
    while (l->n > 0) {
        ssize_t n = send(fd, l->buf + l->at, l->n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        l->at += (size_t)n;
        l->n -= (size_t)n;
    }
    return true;
}

static void shovel(void *arg, int fd)
{
    struct proxy *p = arg;
    (void)fd;
    bool ok = drain(&p->up, p->fd) && fill(&p->up, p->client_fd) && drain(&p->up, p->fd) &&
        drain(&p->down, p->client_fd) && fill(&p->down, p->fd) && drain(&p->down, p->client_fd);
    if (!ok || (p->up.ended && p->up.n == 0) || (p->down.ended && p->down.n == 0)) {
        end_both(p);
        return;
    }
    loop_fd_want(p->watch, p->down.n == 0 && !p->down.ended, p->up.n > 0);
    loop_fd_want(p->client_watch, p->up.n == 0 && !p->up.ended, p->down.n > 0);
}

static void ask_again(void *arg)
{
    struct proxy *p = arg;
    if (!access_still(&p->as)) {
        end_both(p);
    }
}

static bool begin_both(struct proxy *p, const void *early, size_t n, struct err *err)
{
    static const int one = 1;
    size_t rest = p->answer.len - p->head.bytes;
    if (n > PIPE_BYTES || rest > PIPE_BYTES) {
        return err_set(err, ERR_IO, "more came than fits");
    }
    p->up.buf = mem_array(PIPE_BYTES, 1, err);
    p->down.buf = p->up.buf ? mem_array(PIPE_BYTES, 1, err) : NULL;
    p->ask = p->down.buf ? loop_timer_new(p->loop, ask_again, p, err) : NULL;
    p->watch = p->ask ? loop_fd_new(p->loop, p->fd, shovel, p, err) : NULL;
    p->client_watch = p->watch ? loop_fd_new(p->loop, p->client_fd, shovel, p, err) : NULL;
    if (!p->client_watch) {
        return false;
    }
    memcpy(p->up.buf, early, n);
    p->up.n = n;
    memcpy(p->down.buf, p->answer.buf + p->head.bytes, rest);
    p->down.n = rest;
    (void)setsockopt(p->client_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    loop_timer_start(p->ask, ASK_MS, ASK_MS);
    return true;
}

static void client_came(void *arg, struct upgraded *u, int fd, const void *early, size_t n)
{
    struct proxy *p = arg;
    if (!u) {
        proxy_free(p);
        return;
    }
    p->client = u;
    p->client_fd = fd;
    if (begin_both(p, early, n, err_ignore("the connection is closed"))) {
        shovel(p, fd);
    } else {
        end_both(p);
    }
}

/* Its rights are looked at again while it lasts. */
static bool remember_who(struct proxy *p, const struct request *q, struct err *err)
{
    p->as = (struct request){.api = q->api, .who = q->who};
    p->as.who.projects = mem_array(q->who.n_projects + 1, sizeof *q->who.projects, err);
    if (p->as.who.projects && q->who.n_projects) {
        memcpy(p->as.who.projects, q->who.projects, q->who.n_projects * sizeof *q->who.projects);
    }
    return p->as.who.projects != NULL;
}

/* --- a stream */

static void stream_ready(void *arg, int fd)
{
    struct proxy *p = arg;
    (void)fd;
    loop_fd_want(p->watch, false, false);
    stream_wake(p->stream);
    http_kick(p->http);
}

static int64_t stream_take(void *arg, char *buf, size_t max)
{
    struct proxy *p = arg;
    size_t kept = p->answer.len - p->given;
    ssize_t n;
    if (kept > 0) {
        n = (ssize_t)(kept < max ? kept : max);
        memcpy(buf, p->answer.buf + p->given, (size_t)n);
        p->given += (size_t)n;
    } else {
        n = recv(p->fd, buf, max, MSG_DONTWAIT);
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        loop_fd_want(p->watch, true, false);
        return 0;
    }
    if (n <= 0) {
        if (p->head.length >= 0 && p->passed < p->head.length) {
            stream_cut(p->stream); /* half of it must not look like all of it */
        }
        return -1;
    }
    p->passed += n;
    return n;
}

static void stream_gone(void *arg)
{
    proxy_free(arg);
}

/* --- the answer's head */

static bool pass_headers(const struct proxy *p, struct reply *r, struct err *err)
{
    static const char *const passed[] = {
        "ETag", "Last-Modified", "Cache-Control", "Content-Disposition", "Content-Security-Policy",
        NULL};
    static const char *const socket[] = {"Upgrade", "Sec-WebSocket-Accept",
                                         "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol",
                                         NULL};
    const char *const *names = p->head.status == 101 ? socket : passed;
    const char *location = upstream_get(&p->head, "Location");
    bool ok = true;
    for (size_t i = 0; ok && names[i]; i++) {
        const char *value = upstream_get(&p->head, names[i]);
        ok = !value || reply_header(r, names[i], value, err);
    }
    if (ok && location && str_starts(location, p->prefix)) {
        ok = reply_header(r, "Location", location, err);
    }
    if (ok && p->head.status != 101 && !upstream_get(&p->head, "Content-Security-Policy")) {
        ok = reply_header(r, "Content-Security-Policy", "frame-ancestors 'self'", err);
    }
    return ok;
}

/* Fills the reply. *ret_kept: the proxy lives on as its source. */
static bool give_reply(struct proxy *p, bool *ret_kept, struct err *err)
{
    struct request *q = later_request(p->later);
    struct reply *r = later_reply(p->later);
    const char *type = upstream_get(&p->head, "Content-Type");
    int status = p->head.status;
    if (status == 101 && !p->upgrade) {
        return err_set(err, ERR_IO, "the notebook wants to change the protocol unasked");
    }
    if (!pass_headers(p, r, err)) {
        return false;
    }
    loop_fd_free(p->watch);
    p->watch = NULL;
    if (status == 101) {
        *ret_kept = remember_who(p, q, err);
        if (*ret_kept) {
            reply_upgrade(r, &(struct upgrade_source){client_came, end_both, p});
        }
        return *ret_kept;
    }
    reply_status(r, status);
    if (status == 204 || status == 304 || p->head.length == 0 || !strcmp(q->method, "HEAD")) {
        return reply_static(r, type ? type : "", "", 0, NULL, err);
    }
    p->watch = loop_fd_new(p->loop, p->fd, stream_ready, p, err);
    if (p->watch) {
        loop_fd_want(p->watch, false, false);
        p->given = p->head.bytes;
        *ret_kept =
            reply_stream(r, type ? type : "application/octet-stream",
                         &(struct stream_source){stream_take, stream_gone, p}, &p->stream, err);
    }
    return *ret_kept;
}

static void fail(struct proxy *p, const struct err *why)
{
    struct later *later = p->later;
    proxy_free(p);
    later_fail(later, why);
}

static void head_came(struct proxy *p)
{
    struct later *later = p->later;
    struct err err = {ERR_NONE, ""};
    bool kept = false;
    if (!give_reply(p, &kept, &err)) {
        fail(p, &err);
        return;
    }
    if (!kept) {
        proxy_free(p);
    } else {
        p->later = NULL;
    }
    later_done(later);
}

/* --- until the head is there */

static bool write_on(struct proxy *p, struct err *err)
{
    while (p->sent < p->request.len) {
        ssize_t n = send(p->fd, p->request.buf + p->sent, p->request.len - p->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR ||
                err_set(err, ERR_UNREACHABLE, "the notebook has hung up");
        }
        p->sent += (size_t)n;
    }
    return true;
}

static bool read_on(struct proxy *p, enum upstream_state *ret, struct err *err)
{
    char buf[8192];
    ssize_t n = 1;
    *ret = UPSTREAM_MORE;
    while (*ret == UPSTREAM_MORE && (n = recv(p->fd, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
        str_addn(&p->answer, buf, (size_t)n);
        if (!str_ok(&p->answer, err)) {
            return false;
        }
        *ret = upstream_parse(p->answer.buf, p->answer.len, &p->head);
    }
    if (*ret == UPSTREAM_BAD) {
        return err_set(err, ERR_IO, "the notebook's answer is not HTTP");
    }
    return n > 0 || *ret == UPSTREAM_WHOLE || (n < 0 && (errno == EAGAIN || errno == EINTR)) ||
        err_set(err, ERR_UNREACHABLE, "the notebook has hung up");
}

static void step(void *arg, int fd)
{
    struct proxy *p = arg;
    struct err err = {ERR_NONE, ""};
    enum upstream_state state;
    (void)fd;
    if (!write_on(p, &err) || !read_on(p, &state, &err)) {
        fail(p, &err);
    } else if (state == UPSTREAM_WHOLE) {
        head_came(p);
    } else {
        loop_fd_want(p->watch, true, p->sent < p->request.len);
    }
}

static void client_gone(void *arg)
{
    proxy_free(arg);
}

bool proxy_answer(struct request *q, struct reply *r, const struct proxy_target *t,
                  struct str *request, struct err *err)
{
    struct proxy *p = str_ok(request, err) ? mem_zero(sizeof *p, err) : NULL;
    if (!p) {
        return false;
    }
    *p = (struct proxy){.http = q->api->http,
                        .loop = q->api->loop,
                        .fd = -1,
                        .client_fd = -1,
                        .upgrade = t->upgrade,
                        .request = *request,
                        .answer = STR_INIT};
    *request = (struct str)STR_INIT;
    struct err why;
    bool ok = (p->prefix = mem_strdup(t->prefix, err)) != NULL;
    if (ok && !net_connect_now(t->folder, t->socket, &p->fd, &why)) {
        ok = err_set(err, ERR_UNREACHABLE, "the notebook does not answer");
    }
    ok = ok && (p->watch = loop_fd_new(p->loop, p->fd, step, p, err)) &&
        (p->later = reply_later(r, client_gone, p, err));
    if (!ok) {
        proxy_free(p);
        return false;
    }
    loop_fd_want(p->watch, true, true);
    return true;
}
