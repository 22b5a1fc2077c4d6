/* Between the files of the HTTP server (http.c, http-send.c, http-rest.c). */
#ifndef GANTRY_API_HTTP_EXCHANGE_H
#define GANTRY_API_HTTP_EXCHANGE_H

#include "api/mhd.h"
#include "api/conns.h"
#include "api/http.h"
#include "api/reply.h"
#include "api/request.h"
#include "base/str.h"

struct http {
    struct api *api;
    struct MHD_Daemon *daemon;
    struct loop_fd *watch;
    struct loop_timer *timer;
    struct conns *conns;
    struct upgraded *upgraded;
    struct exchange *resting; /* streams and late answers: suspended, or about to be */
    int port;
    bool ending;
};

struct stream {
    struct exchange *of;
    struct stream_source source;
};

enum late { LATE_NO, LATE_WAITING, LATE_READY, LATE_GONE };

struct later {
    struct exchange *of;
    void (*gone)(void *arg);
    void *arg;
    enum late state;
};

/* One request and its answer. */
struct exchange {
    struct http *http;
    struct MHD_Connection *connection;
    struct conn *conn;
    struct request q;
    struct reply r;
    struct request_in in;
    char *uri, *method;
    struct str body;
    size_t came; /* bytes of the body, kept or not */
    bool begun, sent, suspended, too_large;
    bool passed_on; /* a notebook's: the body is not ours to read, and may be longer */
    bool upgrading; /* 101 is on its way; the source waits for its socket */
    struct later later;
    struct stream *stream;
    struct exchange *next_resting, *previous_resting;
};

/* http-send.c: queue the reply. */
enum MHD_Result http_send(struct exchange *x);
enum MHD_Result http_send_problem(struct exchange *x, const struct err *err);
const char *http_header(void *exchange, const char *name);
bool http_reading(const struct exchange *x); /* GET or HEAD */

/* http-rest.c: suspended connections. */
struct MHD_Response *http_stream_response(struct exchange *x);
void http_stream_end(struct stream *s);
/* The route answers later: suspend, or send when it is ready. */
enum MHD_Result http_await(struct exchange *x);
void http_rest(struct exchange *x);
void http_unrest(struct exchange *x);
/* The client went while its answer was being made. */
void http_give_up(struct exchange *x);
void http_conn_gone(struct conn *c);

/* http-upgrade.c */
struct MHD_Response *http_upgrade_response(struct exchange *x);
/* The request is over: a source whose reply was never sent, or whose socket never came, is told. */
void http_unsent(struct exchange *x);
void http_end_upgraded(struct http *h);
/* Let everybody go. */
void http_end_resting(struct http *h);

#endif
