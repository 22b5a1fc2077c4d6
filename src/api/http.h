/*
 * HTTP/1.1 in the engine's loop: libmicrohttpd without threads, its epoll descriptor among ours.
 * Only http*.c know it.
 *
 * http_new, then the loop runs; http_free before the engine is freed. After anything that resumes a
 * connection (an answer that came later, events) http_kick() lets the library run.
 */
#ifndef GANTRY_API_HTTP_H
#define GANTRY_API_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "api/route.h"
#include "base/err.h"

struct http_setup {
    const char *listen; /* "127.0.0.1:8420", "[::1]:0", ":8420" */
};

/* ERR_USAGE for an address that is none, ERR_EXISTS when the port is taken. */
struct http *http_new(struct api *api, const struct http_setup *setup,
                      struct err *err) CHECK_RESULT;
void http_free(struct http *h);
/* The port it listens on (also when 0 was asked for). */
int http_port(const struct http *h);
/* Connections that are open now. */
unsigned http_connections(const struct http *h);
/* The library runs in the next turn of the loop. */
void http_kick(struct http *h);

/* Is "ADDR:PORT" an address of this machine alone? False also for what is no address. */
bool http_is_loopback(const char *listen);

/* --- streams (events.c): an answer without an end.
 *
 * read() copies up to `max` bytes that are ready; 0 = nothing now: the connection rests until
 * stream_wake(); -1 = end it. closed() is called once when the connection is gone. */
struct stream;
struct stream_source {
    int64_t (*read)(void *arg, char *buf, size_t max);
    void (*closed)(void *arg);
    void *arg;
};
bool reply_stream(struct reply *r, const char *type, const struct stream_source *source,
                  struct stream **ret, struct err *err) CHECK_RESULT;
/* There is something to read. Follow with one http_kick() for all. */
void stream_wake(struct stream *s);
/* Close its connection now, whatever is still to be sent. */
void stream_cut(struct stream *s);

/* --- a connection that speaks something else from here on (a WebSocket): status 101, then the bare
 * socket.
 *
 * begin() is called once: with the socket (non-blocking use is the caller's business) and what the
 * client has already sent behind its request, or with u NULL when it never came to that. end() says
 * that the server ends: upgraded_close() must have been called when it returns. */
struct upgraded;
struct upgrade_source {
    void (*begin)(void *arg, struct upgraded *u, int fd, const void *early, size_t n);
    void (*end)(void *arg);
    void *arg;
};
/* The headers that go with 101 are the caller's (Upgrade, Sec-WebSocket-Accept). */
void reply_upgrade(struct reply *r, const struct upgrade_source *source);
/* Closes the socket, too. */
void upgraded_close(struct upgraded *u);

#endif
