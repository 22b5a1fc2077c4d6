/*
 * The home's sockets: engine.sock (commands, one JSON object a line) and wake.sock (workers'
 * datagrams).
 *
 * Request {"op": "...", "args": {...}} -> {"ok": true, "answer": {...}} or {"ok": false, "code":
 * "...", "text": "..."}. After {"op": "follow"} the client also gets {"changed": true} after each
 * commit batch (a slow one misses some: it reads the store anyway), and {"ended": true} when the
 * engine leaves.
 */
#ifndef GANTRY_ENGINE_SERVER_H
#define GANTRY_ENGINE_SERVER_H

#include "base/err.h"

struct engine;
struct server;

struct server *server_new(struct engine *e, struct err *err) CHECK_RESULT;
void server_free(struct server *s);
/* Tell followers that something was committed. NULL is fine. */
void server_changed(struct server *s);

#endif
