/*
 * libmicrohttpd in the loop.
 *
 * A request's life: uri_came (its first line; struct exchange is made) -> handle, first call
 * (headers are there: who, which route, may he; a refusal is sent at once, without its body) ->
 * handle with pieces of the body -> handle, last call (body parsed and checked, route run, reply
 * sent or awaited) -> completed.
 */
#include "api/http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "api/access.h"
#include "api/assets.h"
#include "api/http-exchange.h"
#include "api/jupyter.h"
#include "api/router.h"
#include "api/upload.h"
#include "base/mem.h"
#include "base/num.h"
#include "engine/engine.h"

#define BODY_MAX ((size_t)8 << 20)
#define NOTEBOOK_MAX ((size_t)64 << 20) /* Jupyter saves a notebook with all its pictures */
#define POOL_BYTES \
    ((size_t)32 << 10) /* of a connection: bounds its headers, and a stream's piece */
#define QUIET_S 75u    /* nothing moves in either direction */

/* --- the loop */

static void pump(void *arg)
{
    struct http *h = arg;
    MHD_UNSIGNED_LONG_LONG ms;
    (void)mhd.run(h->daemon);
    if (mhd.get_timeout(h->daemon, &ms) == MHD_YES) {
        loop_timer_start(h->timer, ms, 0);
    } else {
        loop_timer_stop(h->timer);
    }
}

static void readable(void *arg, int fd)
{
    (void)fd;
    pump(arg);
}

void http_kick(struct http *h)
{
    loop_timer_start(h->timer, 0, 0);
}

/* --- a request */

static void *uri_came(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct http *h = arg;
    struct err *quiet = err_ignore("the request is refused");
    struct exchange *x = mem_zero(sizeof *x, quiet);
    const union MHD_ConnectionInfo *info =
        mhd.get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (!x) {
        return NULL;
    }
    *x = (struct exchange){.http = h, .connection = connection, .q = {.api = h->api}};
    x->conn = info ? info->socket_context : NULL;
    conns_phase(x->conn, CONN_HEAD, 0);
    reply_init(&x->r);
    x->later.of = x;
    x->r.later = &x->later;
    x->in.header = http_header;
    x->in.arg = x;
    x->q.in = &x->in;
    x->uri = mem_strdup(uri, quiet);
    return x;
}

static void completed(void *arg, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode how)
{
    struct exchange *x = *context;
    (void)arg;
    (void)connection;
    (void)how;
    *context = NULL;
    if (!x) {
        return;
    }
    http_give_up(x);
    http_stream_end(x->stream);
    http_unsent(x);
    http_unrest(x);
    if (x->conn) {
        x->conn->request = NULL;
    }
    conns_phase(x->conn, CONN_IDLE, 0);
    upload_free(x->q.upload);
    request_fini(&x->q);
    reply_fini(&x->r);
    str_fini(&x->body);
    mem_free(x->uri);
    mem_free(x->method);
    mem_free(x);
}

static void connection_changed(void *arg, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode what)
{
    struct http *h = arg;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        conns_remove(*context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *fd =
        mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int number = fd ? fd->connect_fd : -1;
    const union MHD_ConnectionInfo *from =
        mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *context = conns_add(h->conns, number, from ? from->client_addr : NULL);
}

static enum MHD_Result may_connect(void *arg, const struct sockaddr *from, socklen_t length)
{
    struct http *h = arg;
    (void)length;
    return conns_allow(h->conns, from) ? MHD_YES : MHD_NO;
}

static bool is_api(const char *path)
{
    return str_starts(path, "/api/") || !strcmp(path, "/api") || !strcmp(path, "/metrics");
}

static size_t body_max(const struct exchange *x)
{
    return x->passed_on ? NOTEBOOK_MAX : BODY_MAX;
}

static bool too_large(struct exchange *x, struct err *err)
{
    reply_status(&x->r, 413);
    return err_set(err, ERR_USAGE, "the request is too large (the most is %zu MiB)",
                   body_max(x) >> 20);
}

static bool is_page(struct exchange *x, struct err *err)
{
    if (http_reading(x)) {
        return true;
    }
    reply_status(&x->r, 405);
    return reply_header(&x->r, "Allow", "GET, HEAD", err) &&
        err_set(err, ERR_USAGE, "a page is only read");
}

/* Who, which route, may he. `bytes` as announced, -1 when nothing was. */
static bool admit(struct exchange *x, int64_t bytes, struct err *err)
{
    char allow[64] = "";
    if (!access_who(&x->q, &x->r, x->conn ? x->conn->ip : "", err)) {
        return false;
    }
    if (x->passed_on) {
        return jupyter_may(&x->q, &x->r, err);
    }
    if (!is_api(x->q.path)) {
        return is_page(x, err);
    }
    if (!router_find(&x->q, &x->r, allow, err)) {
        if (allow[0]) {
            err_waive(reply_header(&x->r, "Allow", allow, err_ignore("only a hint")));
        }
        return false;
    }
    return access_may(&x->q, &x->r, err) &&
        (!(x->q.route->rules & ROUTE_RAW) || upload_begin(&x->q, &x->r, bytes, err));
}

/* Headers are there. False: refused, with err (and the reply's status). */
static bool begin(struct exchange *x, struct err *err)
{
    const char *announced = http_header(x, "Content-Length");
    int64_t bytes = -1;
    char *query = strchr(x->uri, '?');
    if (query) {
        *query++ = '\0';
    }
    x->q.path = x->uri;
    x->passed_on = jupyter_is(x->q.path);
    x->body.max = body_max(x) + 1;
    if (announced && !num_int64(announced, &bytes)) {
        bytes = -1;
    }
    if (!query_parse(query ? query : "", &x->in.fields, err)) {
        return false;
    }
    x->in.query = query ? query : "";
    bool ok = admit(x, bytes, err);
    bool raw = x->q.route && x->q.route->rules & ROUTE_RAW;
    if (!raw && bytes > (int64_t)body_max(x)) {
        return too_large(x, err);
    }
    if (!ok) {
        return false;
    }
    conns_phase(x->conn, CONN_BODY, bytes > 0 ? bytes : 0);
    return true;
}

static bool whole_body(struct exchange *x, struct err *err)
{
    if (x->too_large) {
        return too_large(x, err);
    }
    return str_ok(&x->body, err);
}

static bool parse_body(struct exchange *x, struct err *err)
{
    if (!whole_body(x, err)) {
        return false;
    }
    const char *type = http_header(x, "Content-Type");
    if (x->body.len > 0 && type && strncmp(type, "application/json", 16) != 0) {
        reply_status(&x->r, 415);
        return err_set(err, ERR_USAGE, "the request must be application/json, not '%.60s'", type);
    }
    x->q.body =
        x->body.len > 0 ? json_parse(x->body.buf, x->body.len, "the request", err) : json_object();
    if (json_is_object(x->q.body)) {
        return true;
    }
    reply_status(&x->r, 400);
    return x->q.body      ? err_set(err, ERR_USAGE, "the request must be a JSON object")
        : x->body.len > 0 ? false
                          : err_set(err, ERR_NOMEM, "out of memory");
}

static enum MHD_Result run(struct exchange *x)
{
    struct err err = {ERR_NONE, ""};
    bool done = false, ok;
    if (x->passed_on) {
        x->in.raw = x->body.buf;
        x->in.n_raw = x->body.len;
        ok = whole_body(x, &err) && jupyter_answer(&x->q, &x->r, &err);
    } else if (x->q.route) {
        ok = parse_body(x, &err) && router_check(x->q.route, &x->in.fields, x->q.body, &err) &&
            x->q.route->run(&x->q, &x->r, &err);
    } else {
        ok = access_page(&x->q, &x->r, &done, &err) && (done || assets_answer(&x->q, &x->r, &err));
    }
    if (!ok) {
        return http_send_problem(x, &err);
    }
    if (x->r.kind == REPLY_LATER || x->later.state != LATE_NO) {
        http_rest(x);
        return http_await(x);
    }
    return http_send(x);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data, size_t *n,
                              void **context)
{
    struct exchange *x = *context;
    struct err err = {ERR_NONE, ""};
    (void)arg;
    (void)connection;
    (void)url;
    (void)version;
    /* While the server ends, nothing new begins: its answer would come after the end. */
    if (!x || !x->uri || (x->http->ending && x->later.state == LATE_NO)) {
        return MHD_NO;
    }
    if (!x->begun) {
        x->begun = true;
        x->method = mem_strdup(method, &err);
        x->q.method = x->method ? x->method : "";
        return x->method && begin(x, &err) ? MHD_YES : http_send_problem(x, &err);
    }
    if (*n > 0 && x->q.upload) {
        upload_piece(x->q.upload, data, *n);
        *n = 0;
        return MHD_YES;
    }
    if (*n > 0) {
        x->came += *n;
        if (x->came > 2 * body_max(x)) {
            return MHD_NO; /* in pieces without a length: it would go on for ever */
        }
        x->too_large = x->came > body_max(x);
        if (!x->too_large) {
            str_addn(&x->body, data, *n);
        }
        *n = 0;
        return MHD_YES;
    }
    if (x->sent) {
        return MHD_YES;
    }
    return x->later.state == LATE_NO ? run(x) : http_await(x);
}

/* --- life */

static int listen_on(const char *text, const char *host, int port, struct err *err)
{
    char service[8];
    struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    static const int one = 1;
    (void)snprintf(service, sizeof service, "%d", port);
    int rc = getaddrinfo(host[0] ? host : "0.0.0.0", service, &hints, &list);
    if (rc != 0) {
        (void)err_set(err, ERR_USAGE, "cannot listen on '%s': %s", text, gai_strerror(rc));
        return -1;
    }
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    }
    if (fd < 0 || bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, 256) != 0) {
        int why = errno;
        if (why == EADDRINUSE) {
            (void)err_set(err, ERR_EXISTS,
                          "port %d is taken by another program: choose another with --listen "
                          "127.0.0.1:PORT (0: any free one)",
                          port);
        } else {
            (void)err_errno(err, why, "cannot listen on '%s'", text);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

static int bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = {.v6 = {0}};
    socklen_t n = sizeof name;
    if (getsockname(fd, &name.any, &n) != 0) {
        return 0;
    }
    return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

static struct MHD_Daemon *start(struct http *h, int fd, struct err *err)
{
    struct MHD_Daemon *d = mhd.start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE, 0, may_connect, h, handle, h,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_TIMEOUT, QUIET_S,
        MHD_OPTION_CONNECTION_LIMIT, conns_most(), MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, uri_came, h, MHD_OPTION_NOTIFY_COMPLETED, completed, h,
        MHD_OPTION_NOTIFY_CONNECTION, connection_changed, h, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (!d) {
        (void)err_set(err, ERR_IO, "the HTTP server did not start");
    }
    return d;
}

struct http *http_new(struct api *api, const struct http_setup *setup, struct err *err)
{
    char host[64];
    int port, fd = -1;
    struct http *h = mem_zero(sizeof *h, err);
    bool ok = h && mhd_open(err) && query_listen(setup->listen, host, &port, err);
    if (ok) {
        h->api = api;
        h->timer = loop_timer_new(api->loop, pump, h, err);
        h->conns = h->timer ? conns_new(api->loop, http_conn_gone, err) : NULL;
        fd = h->conns ? listen_on(setup->listen, host, port, err) : -1;
        h->port = fd >= 0 ? bound_port(fd) : 0;
        h->daemon = fd >= 0 ? start(h, fd, err) : NULL;
        ok = h->daemon != NULL;
        if (fd >= 0 && !ok) {
            (void)close(fd);
        }
    }
    if (ok) {
        const union MHD_DaemonInfo *info = mhd.get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        h->watch = loop_fd_new(api->loop, info->epoll_fd, readable, h, err);
        ok = h->watch != NULL;
    }
    if (!ok) {
        http_free(h);
        return NULL;
    }
    return h;
}

void http_free(struct http *h)
{
    if (!h) {
        return;
    }
    loop_fd_free(h->watch);
    if (h->daemon) {
        http_end_resting(h);
        http_end_upgraded(h);
        mhd.stop_daemon(h->daemon);
    }
    conns_free(h->conns);
    loop_timer_free(h->timer);
    mem_free(h);
}

int http_port(const struct http *h)
{
    return h->port;
}

unsigned http_connections(const struct http *h)
{
    return conns_count(h->conns);
}

bool http_is_loopback(const char *listen)
{
    char host[64];
    int port;
    return query_listen(listen, host, &port, err_ignore("then it is none")) &&
        (str_starts(host, "127.") || !strcmp(host, "::1") || !strcmp(host, "localhost"));
}
