/*
 * Each line a child says is about one file: `NAME: 30/180 projections written`, `NAME: complete,
 * 180 projections; run 5 (tomo-try)`. The last line of every file is kept, newest first.
 *
 * A child that is asked to end (TERM) removes the row of its watch; when the server leaves, the
 * children are killed instead, so that the row stands and the next server goes on.
 */
#include "api/watches.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "api/child.h"
#include "api/events.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/project.h"

#define LINES_MOST 200
#define WORDS_MOST 54 /* what a child's command line takes, but for ours */

struct watch_child {
    struct watches *owner;
    int64_t project, since_us;
    char *batch;
    struct api_child *child; /* NULL: it has ended by itself */
    json_t *lines;           /* newest first */
    char error[480];
    struct watch_child *next;
};

struct watches {
    struct api *api;
    struct watch_child *first;
};

static void free_watch(struct watch_child *w)
{
    struct watch_child **p = &w->owner->first;
    while (*p && *p != w) {
        p = &(*p)->next;
    }
    if (*p) {
        *p = w->next;
    }
    json_decref(w->lines);
    mem_free(w->batch);
    mem_free(w);
}

static void publish(struct api *api, int64_t project)
{
    json_t *state = watches_state(api, project, err_ignore("a page asks again"));
    if (state) {
        hub_publish(api->hub, project, "watch", state);
    }
    json_decref(state);
}

/* --- what a child says */

static json_t *line_row(const char *text)
{
    const char *colon = NULL, *mark = NULL;
    int64_t n = 0, total = 0;
    const char *state = "note";
    static const struct {
        const char *mark, *state;
    } marks[] = {{" projections written", "writing"},
                 {": being written", "writing"},
                 {": complete", "complete"},
                 {"; aborted: ", "aborted"}};
    for (size_t i = 0; i < 4 && !mark; i++) {
        mark = strstr(text, marks[i].mark);
        state = mark ? marks[i].state : state;
    }
    /* the last ": " before it ends the name; names may have colons of their own */
    for (const char *p = text; (p = strstr(p, ": ")) && (!mark || p <= mark); p++) {
        colon = p;
    }
    if (!strcmp(state, "writing") && colon) {
        (void)sscanf(colon + 2, "%" SCNd64 "/%" SCNd64, &n, &total);
    } else if (!strcmp(state, "complete") && sscanf(mark, ": complete, %" SCNd64, &n) == 1) {
        total = n;
    }
    if (!strcmp(state, "complete")) {
        colon = mark;
    }
    return json_pack("{s:s%, s:I, s:I, s:s, s:s, s:I}", "name", colon ? text : "",
                     colon ? (size_t)(colon - text) : 0, "n", (json_int_t)n, "total",
                     (json_int_t)total, "state", state, "text", text, "t_us",
                     (json_int_t)clock_utc_us());
}

static void said(void *arg, const char *text)
{
    struct watch_child *w = arg;
    json_t *row = str_starts(text, "watching ") ? NULL : line_row(text); /* how it begins */
    const char *name = json_get_text(row, "name", "");
    size_t i = 0;
    while (row && i < json_array_size(w->lines)) {
        if (*name && !strcmp(json_get_text(json_array_get(w->lines, i), "name", ""), name)) {
            (void)json_array_remove(w->lines, i);
        } else {
            i++;
        }
    }
    if (row && json_array_insert_new(w->lines, 0, row) == 0 &&
        json_array_size(w->lines) > LINES_MOST) {
        (void)json_array_remove(w->lines, LINES_MOST);
    }
    publish(w->owner->api, w->project);
}

static void ended(void *arg, const json_t *answer, const struct err *err)
{
    struct watch_child *w = arg;
    struct api *api = w->owner->api;
    int64_t project = w->project;
    (void)answer;
    w->child = NULL;
    if (err->code == ERR_NONE || err->code == ERR_CANCELLED) {
        free_watch(w);
    } else {
        (void)snprintf(w->error, sizeof w->error, "%s", err->text);
        hub_note(api->hub, project, "error", err->text, 0, 0);
    }
    publish(api, project);
}

/* --- life */

static void watches_end(void *arg)
{
    struct watches *all = arg;
    while (all->first) {
        child_kill(all->first->child);
        free_watch(all->first);
    }
    all->api->watches = NULL;
    mem_free(all);
}

static struct watches *watches_of(struct api *api, struct err *err)
{
    if (!api->watches) {
        struct watches *all = mem_zero(sizeof *all, err);
        if (!all || !api_at_end(api, watches_end, all, err)) {
            mem_free(all);
            return NULL;
        }
        all->api = api;
        api->watches = all;
    }
    return api->watches;
}

static struct watch_child *find(const struct watches *all, int64_t project, const char *batch)
{
    struct watch_child *w = all ? all->first : NULL;
    while (w && (w->project != project || (batch && strcmp(w->batch, batch) != 0))) {
        w = w->next;
    }
    return w;
}

static bool spawn(struct watch_child *w, const char *name, const char *const *words,
                  struct err *err)
{
    const char *args[WORDS_MOST + 8] = {"scan", "--watch", "-p", name};
    size_t n = 4;
    if (*w->batch) {
        args[n++] = "--run";
        args[n++] = w->batch;
    }
    for (size_t i = 0; words && words[i] && i < WORDS_MOST; i++) {
        args[n++] = words[i];
    }
    struct child_hooks hooks = {.line = said, .done = ended, .arg = w, .stays = true};
    w->child = child_start(w->owner->api, args, &hooks, err);
    return w->child != NULL;
}

bool watches_start(struct api *api, int64_t project, const char *batch, const char *const *words,
                   struct err *err)
{
    struct watches *all = watches_of(api, err);
    struct project p = {0};
    struct watch_child *w = find(all, project, batch);
    if (!all || (w && w->child)) {
        return all &&
            err_set(err, ERR_EXISTS, "this acquisition is followed already%s%s",
                    *batch ? ", with " : "", batch);
    }
    if (w) {
        free_watch(w); /* it had ended with an error */
    }
    w = project_by_id(api->store, project, &p, err) ? mem_zero(sizeof *w, err) : NULL;
    bool ok = w != NULL;
    if (ok) {
        *w = (struct watch_child){.owner = all,
                                  .project = project,
                                  .since_us = clock_utc_us(),
                                  .lines = json_array(),
                                  .batch = mem_strdup(batch, err),
                                  .next = all->first};
        all->first = w;
        ok = w->batch && w->lines && spawn(w, p.name, words, err);
        if (!ok) {
            free_watch(w);
        }
    }
    project_fini(&p);
    return ok;
}

bool watches_stop(struct api *api, int64_t project, const char *batch, struct err *err)
{
    bool any = false;
    struct watch_child *w = api->watches ? api->watches->first : NULL;
    while (w) {
        struct watch_child *next = w->next;
        if (w->project == project && (!batch || !strcmp(w->batch, batch))) {
            any = true;
            if (w->child) {
                child_end(w->child); /* it says when it has ended */
            } else {
                free_watch(w);
            }
        }
        w = next;
    }
    return any || err_set(err, ERR_NOTHING, "no acquisition is followed here");
}

json_t *watches_state(struct api *api, int64_t project, struct err *err)
{
    json_t *doc = json_pack("{s:I, s:b, s:n, s:n, s:[], s:[]}", "project", (json_int_t)project,
                            "on", 0, "since", "batch", "lines", "watches");
    bool ok = doc || err_set(err, ERR_NOMEM, "out of memory");
    for (struct watch_child *w = api->watches ? api->watches->first : NULL; ok && w; w = w->next) {
        if (w->project != project) {
            continue;
        }
        json_t *one = json_pack("{s:b, s:I, s:s, s:O}", "on", w->child != NULL, "since",
                                (json_int_t)w->since_us, "batch", w->batch, "lines", w->lines);
        if (one && *w->error) {
            (void)json_object_set_new(one, "error", json_string(w->error));
        }
        ok = one && json_array_append(json_object_get(doc, "watches"), one) == 0 &&
            (json_get_bool(doc, "on", false) || json_object_update(doc, one) == 0);
        json_decref(one);
    }
    if (!ok) {
        json_decref(doc);
        return NULL;
    }
    return doc;
}

/* With the words it was begun with. */
static bool take_up(struct api *api, const json_t *row, struct err *err)
{
    const char *words[WORDS_MOST + 1] = {NULL};
    const json_t *kept = json_object_get(row, "words"), *word;
    const char *batch = json_get_text(row, "batch", "");
    size_t i;
    if (json_array_size(kept) > WORDS_MOST) {
        return err_set(err, ERR_USAGE,
                       "the acquisition followed with '%s' has too many parameters to go on: start "
                       "it anew with fewer",
                       batch);
    }
    json_array_foreach(kept, i, word)
    {
        words[i] = json_string_value(word);
    }
    return watches_start(api, json_get_int(row, "project", 0), batch, words, err);
}

bool watches_take_up(struct api *api, struct err *err)
{
    json_t *rows =
               store_rows(api->store, err,
                          "SELECT project_id AS project,batch,words AS words_json FROM watch", ""),
           *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        struct err why = {ERR_NONE, ""};
        if (!take_up(api, row, &why)) {
            hub_note(api->hub, json_get_int(row, "project", 0), "error", why.text, 0, 0);
        }
    }
    json_decref(rows);
    return rows != NULL;
}
