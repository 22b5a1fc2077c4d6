/*
 * The hub of live changes: what was committed goes to every open page as Server-Sent Events.
 *
 * The store says which rows changed (store_watch); after a commit the hub reads them once, writes
 * each project's events once, and every client reads them from the same ring. An id is
 * `<boot>-<number>`; a client that comes back with one that is still in the ring misses nothing,
 * any other gets `reset`. A client that lags by more than EVENTS_LAG_MAX is cut: it reconnects.
 */
#ifndef GANTRY_API_EVENTS_H
#define GANTRY_API_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include "api/route.h"
#include "base/err.h"

#define EVENTS_LAG_MAX ((size_t)1 << 20)

struct hub *hub_new(struct api *api, struct err *err) CHECK_RESULT;
void hub_free(struct hub *hub);
/* The engine has committed (or a second has passed): publish what changed. */
void hub_committed(struct hub *hub);
/* Cut the streams of those whose rights have changed: they ask anew. Done with every heartbeat. */
void hub_recheck(struct hub *hub);
/* Answer `q` with the stream of events. */
bool hub_open(struct hub *hub, struct request *q, struct reply *r, struct err *err) CHECK_RESULT;
/* Number of the newest event: lists carry it as "seq", so that a page knows from where to go on. */
int64_t hub_seq(const struct hub *hub);
size_t hub_clients(const struct hub *hub);
/* Tell `fn` of every row that changes from now on, in whatever table, clients or not (store.h,
 * store_watch: also rows that are rolled back). At most four, for the life of the server. */
bool hub_watch(struct hub *hub, void (*fn)(void *arg, const char *table, int64_t id), void *arg,
               struct err *err) CHECK_RESULT;
/* An event of one's own; project 0 = for everybody. `data` is borrowed. Fails silently: a page asks
 * again. */
void hub_publish(struct hub *hub, int64_t project, const char *event, const json_t *data);
/* note {level, text, item?, run?}: a line for people; ids of 0 are left out. */
void hub_note(struct hub *hub, int64_t project, const char *level, const char *text, int64_t item,
              int64_t run);

#endif
