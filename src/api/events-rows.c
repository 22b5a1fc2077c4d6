/* From ids that changed to events: rows are read once and written once for all clients. */
#include "api/hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/engine.h"
#include "report/live.h"

/* Counting the tasks of a long run takes a while: it may take a fiftieth of the time. */
#define COUNT_SHARE 50
#define COUNT_PAUSE_US 500000

typedef bool reader(struct store *s, const int64_t *ids, size_t n, struct str *out,
                    struct live_row *ret, struct err *err);

/* One project's rows out of those that were read: "rows" of what is there, "ids" of what is gone.
 */
static void add_project(struct hub *hub, const char *event, int64_t project, struct live_row *rows,
                        size_t n, const char *text)
{
    struct str there = STR_INIT, gone = STR_INIT;
    str_addf(&there, "{\"project\":%" PRId64 ",\"rows\":[", project);
    str_addf(&gone, "{\"project\":%" PRId64 ",\"ids\":[", project);
    size_t none = there.len, none_gone = gone.len;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].project != project) {
            continue;
        }
        if (rows[i].gone) {
            str_addf(&gone, "%s%" PRId64, gone.len > none_gone ? "," : "", rows[i].id);
        } else {
            str_add(&there, there.len > none ? "," : "");
            str_addn(&there, text + rows[i].at, rows[i].length);
        }
        rows[i].project = 0; /* done */
    }
    if (there.len > none) {
        str_add(&there, "]}");
        hub_add(hub, project, event, str_text(&there), there.len);
    }
    if (gone.len > none_gone && !strcmp(event, "items")) {
        str_add(&gone, "]}");
        hub_add(hub, project, "gone", str_text(&gone), gone.len);
    }
    str_fini(&there);
    str_fini(&gone);
}

static bool collect_rows(struct hub *hub, const struct dirty *d, const char *event, reader *read,
                         struct err *err)
{
    struct str text = STR_INIT;
    struct live_row *rows = d->n ? mem_array(d->n, sizeof *rows, err) : NULL;
    bool ok = d->n == 0 || (rows && read(hub->api->store, d->ids, d->n, &text, rows, err));
    for (size_t i = 0; ok && i < d->n; i++) {
        if (rows[i].item) {
            dirty_add(&hub->items, rows[i].item); /* it shows the state of its task */
        }
        if (rows[i].project != 0) {
            add_project(hub, event, rows[i].project, rows, d->n, str_text(&text));
        }
    }
    mem_free(rows);
    str_fini(&text);
    return ok;
}

/* Too many changed: every project's list is fetched anew. */
static bool say_more(struct hub *hub, struct err *err)
{
    char text[48];
    struct query *q = store_query(hub->api->store, err, "SELECT id FROM project", "");
    while (q && query_next(q)) {
        int n = snprintf(text, sizeof text, "{\"project\":%" PRId64 "}", query_int(q, 0));
        hub_add(hub, query_int(q, 0), "more", text, (size_t)n);
    }
    return q && query_end(q, err);
}

/* --- runs */

static void mark_runs(struct hub *hub)
{
    for (const struct active *r = hub->api->engine->runs; r && hub->tasks.n; r = r->next) {
        dirty_add(&hub->runs, r->id);
    }
}

static bool one_run(struct hub *hub, int64_t id, struct err *err)
{
    json_t *rows = store_rows(hub->api->store, err,
                              "SELECT r.id,r.project_id AS project,r.name,r.state,r.user,"
                              "r.created_us AS started,r.ended_us AS ended FROM run r "
                              "WHERE r.id=?1",
                              "i", id);
    json_t *row = json_array_get(rows, 0);
    json_t *counts = row ? json_object() : NULL;
    struct query *q = counts
        ? store_query(hub->api->store, err,
                      "SELECT state,count(*) FROM task WHERE run_id=?1 GROUP BY state", "i", id)
        : NULL;
    bool ok = rows && (!row || q);
    while (q && query_next(q)) {
        const char *name = task_state_name((enum task_state)query_int(q, 0));
        ok = json_object_set_new(counts, name, json_integer(query_int(q, 1))) == 0 && ok;
    }
    ok = (!q || query_end(q, err)) && ok;
    if (ok && row && json_object_set(row, "counts", counts) == 0) {
        json_t *doc = json_pack("{s:O}", "rows", rows);
        char *text = doc ? json_line(doc, err) : NULL;
        if (text) {
            hub_add(hub, json_get_int(row, "project", 0), "runs", text, strlen(text));
        }
        ok = text != NULL;
        mem_free(text);
        json_decref(doc);
    }
    json_decref(counts);
    json_decref(rows);
    return ok;
}

/* A run's own row tells at once; its counts follow its tasks at a distance. */
static bool collect_runs(struct hub *hub, struct err *err)
{
    int64_t now = clock_mono_us();
    if (now - hub->counted_us > hub->count_pause_us) {
        mark_runs(hub);
    }
    if (hub->runs.overflow) {
        return say_more(hub, err);
    }
    for (size_t i = 0; i < hub->runs.n; i++) {
        if (!one_run(hub, hub->runs.ids[i], err)) {
            return false;
        }
    }
    if (hub->runs.n) {
        int64_t took = clock_mono_us() - now;
        hub->counted_us = now;
        hub->count_pause_us =
            took * COUNT_SHARE > COUNT_PAUSE_US ? took * COUNT_SHARE : COUNT_PAUSE_US;
    }
    return true;
}

static bool collect(struct hub *hub, struct err *err)
{
    if (hub->projects) {
        hub_add(hub, 0, "projects", "{}", 2);
    }
    if (hub->watches) {
        hub_add(hub, 0, "watch", "{}", 2);
    }
    bool ok = hub->tasks.overflow || collect_rows(hub, &hub->tasks, "tasks", live_tasks, err);
    if (ok && (hub->items.overflow || hub->tasks.overflow)) {
        ok = say_more(hub, err);
    } else if (ok) {
        ok = collect_rows(hub, &hub->items, "items", live_items, err);
    }
    return ok && collect_runs(hub, err);
}

bool hub_collect(struct hub *hub, struct err *err)
{
    store_hold(hub->api->store);
    bool ok = collect(hub, err);
    store_release(hub->api->store);
    return ok;
}

/* --- progress */

bool hub_look_at_progress(struct hub *hub)
{
    const size_t places = sizeof hub->seen / sizeof *hub->seen;
    for (const struct live *l = hub->api->engine->lives; l; l = l->next) {
        struct hub_seen *seen = &hub->seen[(size_t)l->attempt % places];
        struct stat st;
        char *path = path_join(l->dir, "events.jsonl", err_ignore("then nothing is known"));
        int64_t size = path && stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
        if (size > 0 && (seen->attempt != l->attempt || seen->size != size)) {
            *seen = (struct hub_seen){l->attempt, size};
            dirty_add(&hub->tasks, l->task);
        }
        mem_free(path);
    }
    return hub->api->engine->lives != NULL;
}
