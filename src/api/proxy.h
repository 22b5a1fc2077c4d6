/*
 * One request passed on to a program of this machine that speaks HTTP over a Unix socket, and its
 * answer passed back: as a stream, or, for WebSockets, as bytes in both directions until one side
 * ends. Nothing is held but a buffer of fixed size for each direction, so who reads slowly slows
 * who sends. Who may ask, and what is in the request, is the caller's business (jupyter.c).
 */
#ifndef GANTRY_API_PROXY_H
#define GANTRY_API_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include "api/route.h"
#include "base/str.h"

struct proxy_target {
    const char *folder, *socket; /* <folder>/<socket> */
    const char *prefix;          /* where it may redirect to: paths that begin so */
    bool upgrade;                /* a WebSocket is asked for */
};

/* Answer `q` with what the target says to `request` (head and body; its content is taken). What of
 * the answer's headers goes back is a list in proxy.c; cookies do not. ERR_UNREACHABLE when nobody
 * listens there. */
bool proxy_answer(struct request *q, struct reply *r, const struct proxy_target *t,
                  struct str *request, struct err *err) CHECK_RESULT;

#endif
