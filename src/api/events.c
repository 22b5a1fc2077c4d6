/*
 * The hub's clients and its clock.
 *
 * Publishing waits until PUBLISH_MS after the last one: a state change is seen within a commit
 * batch and that (150 ms, with two hundred pages 200 ms), and a page costs ten writes a second at
 * most, however many tasks end. Nothing ticks while nobody listens.
 */
#include "api/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "api/access.h"
#include "api/hub.h"
#include "api/query.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/gzip.h"
#include "engine/engine.h"
#include "os/loop.h"

#define RING_BYTES ((size_t)4 << 20)
#define PUBLISH_MS 100
/* Many pages cost by the write, not by the task: with 200 they wait this much longer. */
#define CALM_MS 50
#define CLIENTS_A_MS 4
#define PACK_LEVEL 1
#define PROGRESS_MS 250
#define BEAT_MS 15000
/* Changes are still kept for so long after the last client went: it may be on its way back. */
#define KEEP_US (60 * 1000000LL)

/* --- what changed */

/* Somebody, or one who may come back. */
static bool listens(const struct hub *hub)
{
    return hub->clients || (hub->left_us && clock_mono_us() - hub->left_us <= KEEP_US);
}

/* Something that is not kept: nobody goes on from before it, neither from an event nor from a
 * list's "seq". */
static void miss(struct hub *hub)
{
    ring_drop(hub->ring);
    hub->left_us = 0;
}

static void row_changed(void *arg, const char *table, int64_t id)
{
    struct hub *hub = arg;
    for (size_t i = 0; i < hub->n_watchers; i++) {
        hub->watchers[i].fn(hub->watchers[i].arg, table, id);
    }
    struct dirty *rows = !strcmp(table, "item") ? &hub->items
        : !strcmp(table, "task")                ? &hub->tasks
        : !strcmp(table, "run")                 ? &hub->runs
                                                : NULL;
    bool *flag = !strcmp(table, "project") ? &hub->projects
        : !strcmp(table, "watch")          ? &hub->watches
                                           : NULL;
    if ((rows || flag) && !listens(hub)) {
        miss(hub);
    } else if (rows) {
        dirty_add(rows, id);
    } else if (flag) {
        *flag = true;
    }
}

bool hub_watch(struct hub *hub, void (*fn)(void *arg, const char *table, int64_t id), void *arg,
               struct err *err)
{
    if (hub->n_watchers == HUB_WATCHERS) {
        return err_bug(err, "too many watchers of rows");
    }
    hub->watchers[hub->n_watchers].fn = fn;
    hub->watchers[hub->n_watchers++].arg = arg;
    return true;
}

/* --- clients */

static bool visible(const struct hub_client *c, const struct ring_event *e)
{
    return e->project == 0 ||
        ((c->project == 0 || c->project == e->project) && access_sees(&c->q->who, e->project));
}

static size_t copy(char *buf, size_t max, const char *text, size_t length, size_t *at)
{
    size_t n = length - *at < max ? length - *at : max;
    memcpy(buf, text + *at, n);
    *at += n;
    return n;
}

/* What the client gets of an event: its text, or the text packed once for all who take that. */
static const char *form(const struct hub_client *c, const struct ring_event *e, size_t *n)
{
    struct hub *hub = c->hub;
    char *packed;
    *n = e->length;
    if (!c->gzip) {
        return e->text;
    }
    if (!e->packed &&
        gzip_piece(hub->pieces, e->text, e->length, &packed, n,
                   err_ignore("the client is cut: it comes back"))) {
        ring_pack(hub->ring, c->next, packed, *n);
    }
    *n = e->packed_length;
    return e->packed;
}

/* Before the events: for this client alone. */
static void say(struct hub_client *c, const char *text, size_t length)
{
    char *packed = NULL;
    size_t n = 0;
    if (!c->gzip) {
        str_addn(&c->first, text, length);
    } else if (gzip_piece(c->hub->pieces, text, length, &packed, &n,
                          err_ignore("a beat: there is another"))) {
        str_addn(&c->first, packed, n);
        mem_free(packed);
    }
}

static int64_t client_read(void *arg, char *buf, size_t max)
{
    struct hub_client *c = arg;
    const struct ring *ring = c->hub->ring;
    size_t n = 0;
    if (c->cut || c->next < ring_first(ring)) {
        return -1;
    }
    if (c->at == 0 && c->first.len > 0) {
        n = copy(buf, max, c->first.buf, c->first.len, &c->first_at);
        if (c->first_at == c->first.len) {
            str_clear(&c->first);
            c->first_at = 0;
        }
    }
    for (const struct ring_event *e;
         n < max && c->first.len == 0 && (e = ring_get(ring, c->next));) {
        size_t length = 0;
        if (visible(c, e)) {
            const char *text = form(c, e, &length);
            if (!text) {
                return -1;
            }
            n += copy(buf + n, max - n, text, length, &c->at);
        } else {
            c->at = 0;
        }
        if (c->at == length) {
            c->at = 0;
            c->next++;
        }
    }
    c->rests = n == 0;
    return (int64_t)n;
}

static void client_closed(void *arg)
{
    struct hub_client *c = arg;
    struct hub *hub = c->hub;
    for (struct hub_client **p = &hub->clients; *p; p = &(*p)->next_client) {
        if (*p == c) {
            *p = c->next_client;
            hub->n_clients--;
            break;
        }
    }
    if (!hub->clients) {
        hub->left_us = clock_mono_us();
        loop_timer_stop(hub->beat);
        loop_timer_stop(hub->progress);
    }
    str_fini(&c->first);
    mem_free(c);
}

/* "<boot>-<number>" of this server, still in the ring -> the number behind it; 0: unknown. */
static int64_t known_place(const struct hub *hub, const char *id)
{
    size_t n = strlen(hub->api->boot);
    int64_t number;
    if (strncmp(id, hub->api->boot, n) != 0 || id[n] != '-' || !num_int64(id + n + 1, &number)) {
        return 0;
    }
    return number + 1 >= ring_first(hub->ring) && number < ring_next(hub->ring) ? number + 1 : 0;
}

static bool say_hello(struct hub_client *c, bool reset, struct err *err)
{
    const struct hub *hub = c->hub;
    int64_t seq = c->next - 1;
    struct str text = STR_INIT;
    str_addf(&text,
             "retry: 1000\nid: %s-%" PRId64 "\nevent: hello\ndata: {\"seq\":%" PRId64
             ",\"version\":\"%s\",\"boot\":\"%s\"}\n\n",
             hub->api->boot, seq, seq, GANTRY_VERSION, hub->api->boot);
    if (reset) {
        str_add(&text, "event: reset\ndata: {}\n\n");
    }
    if (c->gzip) {
        str_addn(&c->first, GZIP_HEAD, GZIP_HEAD_BYTES);
    }
    size_t before = c->first.len;
    say(c, str_text(&text), text.len);
    bool ok = str_ok(&text, err) && str_ok(&c->first, err) &&
        (c->first.len > before || err_set(err, ERR_NOMEM, "out of memory"));
    str_fini(&text);
    return ok;
}

/* Whoever takes gzip gets it: a page costs by the byte when tasks end fast. */
static bool take_form(struct hub_client *c, struct err *err)
{
    struct hub *hub = c->hub;
    c->gzip = query_takes_gzip(request_header(c->q, "Accept-Encoding"));
    if (c->gzip && !hub->pieces) {
        hub->pieces = gzip_pieces_new(PACK_LEVEL, err);
    }
    return !c->gzip || hub->pieces;
}

bool hub_open(struct hub *hub, struct request *q, struct reply *r, struct err *err)
{
    const char *last = request_header(q, "Last-Event-ID");
    struct hub_client *c = mem_zero(sizeof *c, err);
    last = last && *last ? last : request_text(q, "last", "");
    if (!c) {
        return false;
    }
    int64_t place = *last ? known_place(hub, last) : 0;
    *c = (struct hub_client){.hub = hub, .q = q, .first = STR_INIT};
    c->project = request_int(q, "project", 0);
    c->next = place ? place : ring_next(hub->ring);
    c->allowed = EVENTS_LAG_MAX + ring_behind(hub->ring, c->next);
    struct stream_source source = {client_read, client_closed, c};
    bool ok = (c->project == 0 || access_project(q, c->project, err)) && take_form(c, err) &&
        say_hello(c, *last && !place, err) &&
        (!c->gzip || reply_header(r, "Content-Encoding", "gzip", err)) &&
        reply_stream(r, "text/event-stream", &source, &c->stream, err) &&
        reply_header(r, "Cache-Control", "no-store", err);
    if (!ok) {
        str_fini(&c->first);
        mem_free(c);
        return false;
    }
    c->next_client = hub->clients;
    hub->clients = c;
    hub->n_clients++;
    if (!loop_timer_active(hub->beat)) {
        loop_timer_start(hub->beat, BEAT_MS, BEAT_MS);
    }
    if (hub->api->engine->lives && !loop_timer_active(hub->progress)) {
        loop_timer_start(hub->progress, PROGRESS_MS, PROGRESS_MS);
    }
    return true;
}

static void cut(struct hub_client *c)
{
    if (!c->cut) {
        c->cut = true;
        stream_cut(c->stream);
    }
}

void hub_recheck(struct hub *hub)
{
    for (struct hub_client *c = hub->clients, *next; c; c = next) {
        next = c->next_client;
        if (!access_still(c->q)) {
            cut(c);
        }
    }
    http_kick(hub->api->http);
}

static void wake_all(struct hub *hub)
{
    for (struct hub_client *c = hub->clients; c; c = c->next_client) {
        if (ring_behind(hub->ring, c->next) > c->allowed || c->next < ring_first(hub->ring)) {
            cut(c);
        } else if (c->rests && c->stream) {
            const struct ring_event *e;
            while ((e = ring_get(hub->ring, c->next)) && !visible(c, e)) {
                c->next++;
            }
            if (e || c->first.len > 0) {
                c->rests = false;
                stream_wake(c->stream);
            }
        }
    }
    http_kick(hub->api->http);
}

/* --- publishing */

void hub_add(struct hub *hub, int64_t project, const char *event, const char *data, size_t n)
{
    struct str text = STR_INIT;
    str_addf(&text, "id: %s-%" PRId64 "\nevent: %s\ndata: ", hub->api->boot, ring_next(hub->ring),
             event);
    str_addn(&text, data, n);
    str_add(&text, "\n\n");
    size_t length = text.len;
    char *taken = str_take(&text, err_ignore("the ring is dropped: readers start anew"));
    (void)ring_add(hub->ring, project, taken, length);
}

static void publish_due(void *arg)
{
    struct hub *hub = arg;
    struct err err = {ERR_NONE, ""};
    int64_t before = ring_next(hub->ring);
    hub->published_us = clock_mono_us();
    if (!hub_collect(hub, &err)) {
        ring_drop(hub->ring); /* what could not be read is asked for anew */
    }
    dirty_clear(&hub->items);
    dirty_clear(&hub->tasks);
    dirty_clear(&hub->runs);
    hub->projects = hub->watches = false;
    if (ring_next(hub->ring) != before && hub->clients) {
        wake_all(hub);
    }
}

static bool pending(const struct hub *hub)
{
    return hub->items.n || hub->tasks.n || hub->runs.n || hub->projects || hub->watches;
}

static void schedule(struct hub *hub)
{
    if (pending(hub) && !loop_timer_active(hub->publish)) {
        int64_t since = clock_mono_us() - hub->published_us;
        int64_t calm = (int64_t)hub->n_clients / CLIENTS_A_MS;
        int64_t wait = PUBLISH_MS + (calm < CALM_MS ? calm : CALM_MS) - since / 1000;
        loop_timer_start(hub->publish, wait > 0 ? (uint64_t)wait : 0, 0);
    }
}

void hub_committed(struct hub *hub)
{
    schedule(hub);
    if (hub->clients && hub->api->engine->lives && !loop_timer_active(hub->progress)) {
        loop_timer_start(hub->progress, PROGRESS_MS, PROGRESS_MS);
    }
}

static void progress_due(void *arg)
{
    struct hub *hub = arg;
    if (!hub_look_at_progress(hub)) {
        loop_timer_stop(hub->progress);
    }
    schedule(hub);
}

/* A closed client that is suspended is noticed only by writing to it; and the page knows by it that
 * the server lives. An event without an id: there is nothing to go on from. */
static void beat_due(void *arg)
{
    static const char beat[] = "event: beat\ndata: {}\n\n";
    struct hub *hub = arg;
    hub_recheck(hub);
    for (struct hub_client *c = hub->clients; c; c = c->next_client) {
        if (c->rests && c->first.len == 0) {
            say(c, beat, sizeof beat - 1);
        }
    }
    wake_all(hub);
}

void hub_publish(struct hub *hub, int64_t project, const char *event, const json_t *data)
{
    char *text = json_line(data, err_ignore("a page asks again"));
    if (text && listens(hub)) {
        hub_add(hub, project, event, text, strlen(text));
        wake_all(hub);
    } else {
        miss(hub);
    }
    mem_free(text);
}

void hub_note(struct hub *hub, int64_t project, const char *level, const char *text, int64_t item,
              int64_t run)
{
    json_t *doc = json_pack("{s:s, s:s}", "level", level, "text", text);
    bool ok = doc && (!project || !json_object_set_new(doc, "project", json_integer(project))) &&
        (!item || !json_object_set_new(doc, "item", json_integer(item))) &&
        (!run || !json_object_set_new(doc, "run", json_integer(run)));
    if (ok) {
        hub_publish(hub, project, "note", doc);
    }
    json_decref(doc);
}

/* --- life */

struct hub *hub_new(struct api *api, struct err *err)
{
    struct hub *hub = mem_zero(sizeof *hub, err);
    if (!hub) {
        return NULL;
    }
    hub->api = api;
    if (!(hub->ring = ring_new(RING_BYTES, err)) ||
        !(hub->publish = loop_timer_new(api->loop, publish_due, hub, err)) ||
        !(hub->beat = loop_timer_new(api->loop, beat_due, hub, err)) ||
        !(hub->progress = loop_timer_new(api->loop, progress_due, hub, err))) {
        hub_free(hub);
        return NULL;
    }
    store_watch(api->store, row_changed, hub);
    return hub;
}

void hub_free(struct hub *hub)
{
    if (hub) {
        store_watch(hub->api->store, NULL, NULL);
        loop_timer_free(hub->publish);
        loop_timer_free(hub->beat);
        loop_timer_free(hub->progress);
        ring_free(hub->ring);
        gzip_pieces_free(hub->pieces);
        mem_free(hub);
    }
}

int64_t hub_seq(const struct hub *hub)
{
    return ring_next(hub->ring) - 1;
}

size_t hub_clients(const struct hub *hub)
{
    return hub->n_clients;
}
