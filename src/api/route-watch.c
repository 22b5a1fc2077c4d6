/* Following a live acquisition. */
#include <stdio.h>
#include <string.h>
#include "api/route.h"
#include "api/scope.h"
#include "api/watches.h"
#include "base/mem.h"
#include "engine/batches.h"

#define WORDS_MOST 22

static bool show(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    json_t *doc = scope_project(q, &project, err) ? watches_state(q->api, project, err) : NULL;
    return doc && reply_json(r, 200, doc, err);
}

/* "--cor 31.5 --phase try,full --set key=value ..." from the body. */
struct words {
    const char *word[WORDS_MOST + 1];
    char *owned[WORDS_MOST];
    size_t n, n_owned;
};

static bool add(struct words *w, const char *option, char *value, struct err *err)
{
    if (!value || w->n + 2 > WORDS_MOST) {
        mem_free(value);
        return value ? err_set(err, ERR_USAGE, "too many parameters for a watch") : false;
    }
    w->word[w->n++] = option;
    w->word[w->n++] = w->owned[w->n_owned++] = value;
    return true;
}

static char *text_of(const json_t *value, struct err *err)
{
    return json_is_string(value) ? mem_strdup(json_string_value(value), err)
                                 : json_line(value, err);
}

static bool words_of(const json_t *body, struct words *w, struct err *err)
{
    const json_t *cor = json_object_get(body, "cor"), *phases = json_object_get(body, "phases");
    const char *key;
    json_t *value;
    struct str list = STR_INIT;
    bool ok = !cor || json_is_null(cor) || add(w, "--cor", text_of(cor, err), err);
    for (size_t i = 0; i < json_array_size(phases); i++) {
        str_addf(&list, "%s%s", i ? "," : "", json_string_value(json_array_get(phases, i)));
    }
    ok = ok && (!list.len || add(w, "--phase", str_take(&list, err), err));
    str_fini(&list);
    json_object_foreach(json_object_get(body, "set"), key, value)
    {
        char *text = ok ? text_of(value, err) : NULL;
        ok = text && add(w, "--set", mem_printf(err, "%s=%s", key, text), err);
        mem_free(text);
    }
    return ok;
}

static bool start(struct request *q, struct reply *r, struct err *err)
{
    const char *batch = json_get_text(q->body, "batch", "");
    struct words w = {.n = 0};
    int64_t project;
    json_t *known = NULL;
    bool ok = scope_project(q, &project, err) &&
        (!*batch || (known = batches_find(q->api->store, batch, err))) &&
        words_of(q->body, &w, err) && watches_start(q->api, project, batch, w.word, err);
    json_decref(known);
    for (size_t i = 0; i < w.n_owned; i++) {
        mem_free(w.owned[i]);
    }
    json_t *doc = ok ? watches_state(q->api, project, err) : NULL;
    return doc && reply_json(r, 201, doc, err);
}

static bool stop(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    json_t *doc = scope_project(q, &project, err) &&
            watches_stop(q->api, project,
                         request_has(q, "batch") ? request_text(q, "batch", "")
                                                 : json_get_text(q->body, "batch", NULL),
                         err)
        ? json_pack("{s:I, s:b}", "project", (json_int_t)project, "on", 0)
        : NULL;
    return doc && reply_json(r, 200, doc, err);
}

static const struct route_param show_params[] = {
    {IN_QUERY, "project", P_INT, true, "its id"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param start_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "batch", P_TEXT, false, "launched on every scan as it completes"},
    {IN_BODY, "cor", P_ANY, false, "the rotation centre of those runs, or auto"},
    {IN_BODY, "phases", P_TEXTS, false, "only these phases"},
    {IN_BODY, "set", P_OBJECT, false, "parameters of the tools"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param stop_params[] = {
    {IN_QUERY, "project", P_INT, false, "its id"},
    {IN_QUERY, "batch", P_TEXT, false, "only the one with this batch"},
    {IN_BODY, "project", P_INT, false, "its id"},
    {IN_BODY, "batch", P_TEXT, false, "only the one with this batch"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_watch[] = {
    {"GET", "/api/v1/watch", ROLE_VIEWER, "Is an acquisition followed, and how far are its files",
     show_params, show, false},
    {"POST", "/api/v1/watch", ROLE_OPERATOR, "Follow a live acquisition", start_params, start,
     false},
    {"DELETE", "/api/v1/watch", ROLE_OPERATOR, "Stop following", stop_params, stop, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
