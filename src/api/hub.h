/* Between events.c (clients) and events-rows.c (what changed). */
#ifndef GANTRY_API_HUB_H
#define GANTRY_API_HUB_H

#include "api/dirty.h"
#include "api/events.h"
#include "api/http.h"
#include "api/ring.h"
#include "base/str.h"

#define HUB_WATCHERS 4

struct hub_client {
    struct hub *hub;
    struct stream *stream;
    const struct request *q; /* lives as long */
    int64_t project;         /* 0: all it may see */
    int64_t next;            /* number of the event it reads */
    size_t at;               /* bytes of it that it has */
    struct str first;        /* what comes before: hello, a heartbeat */
    size_t first_at;
    uint64_t allowed; /* bytes it may be behind */
    bool gzip;        /* it takes packed pieces */
    bool cut, rests;
    struct hub_client *next_client;
};

/* What a running attempt last said, by the size of its events. */
struct hub_seen {
    int64_t attempt, size;
};

struct hub {
    struct api *api;
    struct ring *ring;
    struct gzip_pieces *pieces; /* NULL until a client takes them */
    struct hub_client *clients;
    size_t n_clients;
    int64_t left_us;      /* when the last client went, monotonic */
    int64_t published_us; /* monotonic */
    struct loop_timer *publish, *beat, *progress;
    struct dirty items, tasks, runs;
    bool projects, watches;
    struct {
        void (*fn)(void *arg, const char *table, int64_t id);
        void *arg;
    } watchers[HUB_WATCHERS];
    size_t n_watchers;
    struct hub_seen seen[64];
    int64_t counted_us; /* when the counts of runs were last read, monotonic */
    int64_t count_pause_us;
};

/* events.c: one event; takes nothing. `data` is JSON text. */
void hub_add(struct hub *hub, int64_t project, const char *event, const char *data, size_t n);
/* events-rows.c: read the rows that changed and add their events. */
bool hub_collect(struct hub *hub, struct err *err) CHECK_RESULT;
/* Mark what running attempts have said since. False: nothing runs. */
bool hub_look_at_progress(struct hub *hub);

#endif
