/* The options, from the one table, and the log of what happened. */
#include <string.h>
#include "api/access.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "model/options.h"

#define EVENTS_DEFAULT 200
#define EVENTS_MOST 5000

static bool show(struct request *q, struct reply *r, struct err *err)
{
    struct options *o = options_load(q->api->home, err);
    json_t *rows = o ? json_array() : NULL;
    for (const struct option_info *i = option_table; rows && i->key; i++) {
        bool ranged = i->min < i->max;
        json_t *row =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o}", "key", i->key, "type",
                      option_type_name(i->type), "default", i->fallback, "help", i->help, "value",
                      options_text(o, i->key), "given", (int)options_given(o, i->key), "min",
                      ranged ? json_real(i->min) : json_null(), "max",
                      ranged ? json_real(i->max) : json_null());
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            rows = NULL;
        }
    }
    options_free(o);
    return o && reply_json(r, 200, rows, err);
}

/* A value as it would be written in the file; *ret = NULL takes the option out. */
static bool text_of(const json_t *value, char **ret, struct err *err)
{
    *ret = NULL;
    if (json_is_null(value)) {
        return true;
    }
    *ret = json_is_string(value) ? mem_strdup(json_string_value(value), err)
        : json_is_boolean(value) ? mem_strdup(json_is_true(value) ? "yes" : "no", err)
        : json_is_number(value)  ? json_line(value, err)
                                 : NULL;
    return *ret || json_is_number(value) || json_is_string(value) || json_is_boolean(value)
        ? *ret != NULL
        : err_set(err, ERR_USAGE, "an option's value is a text, a number, true or false, or null");
}

/* All are checked before the first is written. */
static bool change(struct request *q, struct reply *r, struct err *err)
{
    const char *key;
    json_t *value;
    bool ok = true;
    for (int write = 0; write <= 1; write++) {
        json_object_foreach(q->body, key, value)
        {
            char *text = NULL;
            const struct option_info *info = ok ? option_find(key, err) : NULL;
            ok = info && text_of(value, &text, err) && (!text || option_check(info, text, err)) &&
                (!write || options_save(q->api->home, key, text, err));
            mem_free(text);
        }
    }
    if (ok) {
        engine_reread(q->api->engine);
        engine_schedule_flush(q->api->engine); /* more slots: give out at once */
    }
    return ok && show(q, r, err);
}

static bool events(struct request *q, struct reply *r, struct err *err)
{
    int64_t project, item = request_int(q, "item", 0),
                     limit = request_int(q, "limit", EVENTS_DEFAULT);
    char *within = NULL;
    json_t *rows = NULL;
    limit = limit < 0 ? 0 : limit < EVENTS_MOST ? limit : EVENTS_MOST;
    bool ok = scope_maybe_project(q, &project, err) && (!item || scope_item(q, item, NULL, err)) &&
        scope_within(q, &within, err);
    if (ok && item) {
        rows = store_rows(q->api->store, err,
                          "SELECT id,t_us,kind,project_id AS project,run_id AS run,task_id AS task,"
                          "item_id AS item,text,data AS data_json FROM event WHERE item_id=?1 "
                          "ORDER BY id DESC LIMIT ?2",
                          "ii", item, limit);
    } else if (ok) {
        rows = store_rows(q->api->store, err,
                          "SELECT id,t_us,kind,project_id AS project,run_id AS run,task_id AS task,"
                          "item_id AS item,text,data AS data_json FROM event WHERE "
                          "(?1=0 OR project_id=?1) AND (?2 IS NULL OR project_id IN (SELECT value "
                          "FROM json_each(?2))) ORDER BY id DESC LIMIT ?3",
                          "isi", project, within, limit);
    }
    mem_free(within);
    return rows && reply_json(r, 200, rows, err);
}

static const struct route_param change_params[] = {
    {IN_BODY, "*", P_ANY, false, "option: value; null = its default"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param event_params[] = {
    {IN_QUERY, "project", P_INT, false, "of this project only"},
    {IN_QUERY, "item", P_INT, false, "of this scan only"},
    {IN_QUERY, "limit", P_INT, false, "how many, newest first: 200"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_config[] = {
    {"GET", "/api/v1/config", ROLE_VIEWER, "The options: type, range, default, help, value", NULL,
     show, false},
    {"PUT", "/api/v1/config", ROLE_ADMIN, "Change options; they hold from the next dispatch on",
     change_params, change, false},
    {"GET", "/api/v1/events-log", ROLE_VIEWER, "What happened, newest first", event_params, events,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
