/* The tools and their parameters. */
#include <string.h>
#include "api/route.h"
#include "engine/engine.h"
#include "plan/tool.h"

static json_t *tool_row(const struct tool *t)
{
    return json_pack(
        "{s:s, s:s, s:s, s:O*, s:O*, s:O*, s:O*, s:O*}", "name", t->name, "kind", t->kind,
        "version", t->version, "description", json_object_get(t->doc, "description"), "inputs",
        json_object_get(t->doc, "inputs"), "phase", json_object_get(t->gantry, "phase"), "level",
        json_object_get(t->gantry, "level"), "later", json_object_get(t->gantry, "later"));
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
