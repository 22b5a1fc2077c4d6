/* Connections that rest: streams without news, and answers that are being made. */
#include "api/http-exchange.h"

#include <sys/socket.h>
#include "base/mem.h"

#define STREAM_PIECE ((size_t)16 << 10)

void http_rest(struct exchange *x)
{
    struct http *h = x->http;
    x->next_resting = h->resting;
    if (h->resting) {
        h->resting->previous_resting = x;
    }
    h->resting = x;
}

void http_unrest(struct exchange *x)
{
    if (x->previous_resting || x->http->resting == x) {
        *(x->previous_resting ? &x->previous_resting->next_resting : &x->http->resting) =
            x->next_resting;
        if (x->next_resting) {
            x->next_resting->previous_resting = x->previous_resting;
        }
        x->next_resting = x->previous_resting = NULL;
    }
}

static void resume(struct exchange *x)
{
    if (x->suspended) {
        x->suspended = false;
        mhd.resume_connection(x->connection);
    }
}

static void suspend(struct exchange *x)
{
    x->suspended = true;
    mhd.suspend_connection(x->connection);
}

/* --- streams */

static ssize_t stream_read(void *arg, uint64_t at, char *buf, size_t max)
{
    struct stream *s = arg;
    (void)at;
    int64_t n = !s->of || s->of->http->ending ? -1 : s->source.read(s->source.arg, buf, max);
    if (n == 0) {
        suspend(s->of);
    }
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

/* The source is told first (the request has ended); the library lets go of the stream later. */
void http_stream_end(struct stream *s)
{
    if (s && s->of) {
        s->of->stream = NULL;
        s->of = NULL;
        s->source.closed(s->source.arg);
    }
}

static void stream_closed(void *arg)
{
    http_stream_end(arg);
    mem_free(arg);
}

void stream_wake(struct stream *s)
{
    if (s->of) {
        resume(s->of);
    }
}

void stream_cut(struct stream *s)
{
    if (s->of) {
        if (s->of->conn) {
            (void)shutdown(s->of->conn->fd, SHUT_RDWR);
        }
        resume(s->of);
    }
}

struct MHD_Response *http_stream_response(struct exchange *x)
{
    struct stream *s = mem_zero(sizeof *s, err_ignore("the connection is closed"));
    struct MHD_Response *m = s ? mhd.create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_PIECE,
                                                                   stream_read, s, stream_closed)
                               : NULL;
    if (!m) {
        mem_free(s);
        x->r.source.closed(x->r.source.arg);
        x->r.kind = REPLY_NOTHING;
        return NULL;
    }
    *s = (struct stream){.of = x, .source = x->r.source};
    x->stream = s;
    if (x->r.ret_stream) {
        *x->r.ret_stream = s;
    }
    http_rest(x);
    (void)mhd.add_response_header(m, "X-Accel-Buffering", "no"); /* nginx: pass it on at once */
    return m;
}

/* --- answers that come later */

struct later *reply_later(struct reply *r, void (*gone)(void *arg), void *arg, struct err *err)
{
    (void)err;
    struct later *l = r->later;
    *l = (struct later){.of = l->of, .gone = gone, .arg = arg, .state = LATE_WAITING};
    r->kind = REPLY_LATER;
    return l;
}

struct request *later_request(struct later *l)
{
    return &l->of->q;
}

struct reply *later_reply(struct later *l)
{
    return &l->of->r;
}

void later_done(struct later *l)
{
    l->state = LATE_READY;
    resume(l->of);
    http_kick(l->of->http);
}

void later_fail(struct later *l, const struct err *err)
{
    reply_problem(&l->of->r, err);
    later_done(l);
}

void http_give_up(struct exchange *x)
{
    if (x->later.state == LATE_WAITING) {
        x->later.state = LATE_GONE;
        x->later.gone(x->later.arg);
    }
}

void http_conn_gone(struct conn *c)
{
    struct exchange *x = c->request;
    if (x && x->later.state == LATE_WAITING) {
        http_give_up(x);
        resume(x);
        http_kick(x->http);
    }
}

enum MHD_Result http_await(struct exchange *x)
{
    if (x->later.state == LATE_GONE) {
        return MHD_NO;
    }
    if (x->later.state == LATE_READY) {
        http_unrest(x);
        return http_send(x);
    }
    if (x->conn) {
        x->conn->request = x;
    }
    conns_phase(x->conn, CONN_LATER, 0);
    suspend(x);
    return MHD_YES;
}

/* The library does not stop while connections are suspended. */
void http_end_resting(struct http *h)
{
    h->ending = true;
    for (struct exchange *x = h->resting; x; x = x->next_resting) {
        http_give_up(x);
        resume(x);
    }
    (void)mhd.run(h->daemon);
}
