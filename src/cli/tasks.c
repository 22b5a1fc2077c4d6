/* Rows of tasks as commands show them. */
#include "cli/tasks.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cli/resolve.h"
#include "model/state.h"

static bool put_iso(json_t *row, const char *key, const char *from, struct err *err)
{
    char text[40];
    const json_t *us = json_object_get(row, from);
    if (!json_is_integer(us)) {
        return json_put(row, key, json_null(), err);
    }
    clock_iso(json_integer_value(us), text, sizeof text);
    return json_put(row, key, json_string(text), err);
}

static bool complete(json_t *row, int64_t now, struct err *err)
{
    enum task_state state = (enum task_state)json_get_int(row, "state", TASK_STATES);
    const json_t *begin = json_object_get(row, "started_us"),
                 *end = json_object_get(row, "ended_us");
    char *label = resolve_label(json_get_text(row, "name", ""), err);
    bool ok = label && json_put(row, "item", json_string(label), err) &&
        json_put(row, "state",
                 json_string(state < TASK_STATES ? task_state_name(state) : "unknown"), err);
    mem_free(label);
    json_t *seconds = json_null();
    if (json_is_integer(begin) && (json_is_integer(end) || !task_state_final(state))) {
        int64_t until = json_is_integer(end) ? json_integer_value(end) : now;
        seconds = json_real((double)(until - json_integer_value(begin)) / 1e6);
    }
    return json_put(row, "seconds", seconds, ok ? err : err_ignore("the first error stays")) &&
        ok && put_iso(row, "started", "started_us", err) && put_iso(row, "ended", "ended_us", err);
}

bool tasks_complete(json_t *rows, struct err *err)
{
    int64_t now = clock_utc_us();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!complete(json_array_get(rows, i), now, err)) {
            return false;
        }
    }
    return true;
}
