/* Tags of files. */
#include "api/route.h"
#include "api/scope.h"
#include "report/items.h"

static bool list(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    json_t *rows = scope_project(q, &project, err) ? items_tags(q->api->store, project, err) : NULL;
    return rows && reply_json(r, 200, rows, err);
}

static bool change(struct request *q, struct reply *r, bool add, struct err *err)
{
    int64_t project;
    json_t *items = json_object_get(q->body, "items");
    return scope_project(q, &project, err) && scope_items(q, project, items, err) &&
        scope_answer_op(q, r, "tag.change",
                        json_pack("{s:O, s:s, s:b}", "items", items, "tag",
                                  json_get_text(q->body, "tag", ""), "add", (int)add),
                        err);
}

static bool add(struct request *q, struct reply *r, struct err *err)
{
    return change(q, r, true, err);
}

static bool take_off(struct request *q, struct reply *r, struct err *err)
{
    return change(q, r, false, err);
}

static const struct route_param list_params[] = {
    {IN_QUERY, "project", P_INT, true, "its id"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param change_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "items", P_IDS, true, "the rows"},
    {IN_BODY, "tag", P_TEXT, true, "one word without blanks, commas and slashes"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_tags[] = {
    {"GET", "/api/v1/tags", ROLE_VIEWER, "The tags of a project and how many files have them",
     list_params, list, false},
    {"POST", "/api/v1/tags", ROLE_OPERATOR, "Put a tag on scans", change_params, add, false},
    {"DELETE", "/api/v1/tags", ROLE_OPERATOR, "Take a tag off scans", change_params, take_off,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
