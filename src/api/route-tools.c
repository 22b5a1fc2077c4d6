/* The tools and their parameters. */
#include <string.h>
#include "api/route.h"
#include "engine/engine.h"
#include "plan/tool.h"

/* Each with "place" (file or folder) when it says where an output goes. */
static json_t *inputs_of(const struct tool *t)
{
    json_t *list = json_array(), *input;
    size_t i;
    json_array_foreach(json_object_get(t->doc, "inputs"), i, input)
    {
        const char *place = tool_place(t, input);
        json_t *row = place ? json_copy(input) : json_incref(input);
        if (!row || (place && json_object_set_new(row, "place", json_string(place)) != 0) ||
            json_array_append(list, row) != 0) {
            json_decref(row);
            json_decref(list);
            return NULL;
        }
        json_decref(row);
    }
    return list;
}

static json_t *tool_row(const struct tool *t)
{
    return json_pack(
        "{s:s, s:s, s:s, s:O*, s:o, s:O*, s:O*, s:O*}", "name", t->name, "kind", t->kind, "version",
        t->version, "description", json_object_get(t->doc, "description"), "inputs", inputs_of(t),
        "phase", json_object_get(t->gantry, "phase"), "level", json_object_get(t->gantry, "level"),
        "later", json_object_get(t->gantry, "later"));
}

static bool list(struct request *q, struct reply *r, struct err *err)
{
    const struct tools *tools = q->api->engine->tools;
    json_t *rows = json_array();
    for (size_t i = 0; rows && i < tools_count(tools); i++) {
        if (json_array_append_new(rows, tool_row(tools_at(tools, i))) != 0) {
            json_decref(rows);
            rows = NULL;
        }
    }
    return reply_json(r, 200, rows, err);
}

const struct route routes_tools[] = {
    {"GET", "/api/v1/tools", ROLE_VIEWER, "The tools and their parameters", NULL, list, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
