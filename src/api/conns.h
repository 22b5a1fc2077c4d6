/*
 * The connections of the server: how many there may be, from whom, and how long each may take to
 * say what it wants. The library's own timeout starts anew with every byte, so a slow sender could
 * hold a connection for ever; these deadlines are absolute.
 */
#ifndef GANTRY_API_CONNS_H
#define GANTRY_API_CONNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/err.h"
#include "os/loop.h"

enum conn_phase {
    CONN_FRESH,  /* connected, nothing said yet: 10 s until its first headers are complete */
    CONN_HEAD,   /* a request line came: 10 s */
    CONN_BODY,   /* headers came: 30 s, and more for a long body */
    CONN_LATER,  /* the answer is being made: asked every second whether it is still there */
    CONN_REPLY,  /* being sent: 60 s, and more for a long one */
    CONN_STREAM, /* goes on for ever; who lags is cut (events.h) */
    CONN_IDLE    /* kept alive: 60 s for the next request's headers */
};

struct conns;
struct conn {
    struct conns *all;
    int fd;
    char ip[64];
    bool local; /* from this machine: no limit per address */
    enum conn_phase phase;
    int64_t deadline_us; /* monotonic; 0 = none */
    void *request;       /* http.c's, while CONN_LATER */
    struct conn *next, *previous;
};

struct conns *conns_new(struct loop *loop, void (*gone)(struct conn *c),
                        struct err *err) CHECK_RESULT;
/* All connections have ended. */
void conns_free(struct conns *all);
/* Most connections there may be (what the limit of open files allows). */
unsigned conns_most(void);
/* May one more come from there? */
bool conns_allow(const struct conns *all, const struct sockaddr *from);
/* NULL: no memory (the connection lives without a deadline of ours). */
struct conn *conns_add(struct conns *all, int fd, const struct sockaddr *from);
void conns_remove(struct conn *c);
/* `bytes`: of the body that was announced, of the reply that is sent. */
void conns_phase(struct conn *c, enum conn_phase phase, int64_t bytes);
unsigned conns_count(const struct conns *all);
/* Text of an address; "" when unknown. */
void conns_ip(const struct sockaddr *from, char out[64], bool *ret_local);

#endif
