/* Rotation centres: Fix COR Outliers (REQUIREMENTS F) and copying a row's parameters (B11). */
#include "api/route.h"
#include "api/scope.h"
#include "base/mem.h"
#include "catalog/fix.h"
#include "engine/engine.h"

/* F4: the range of the spin box. */
#define DELTA_LEAST 1.0
#define DELTA_MOST 1000.0

static bool preview(struct request *q, struct reply *r, int64_t project, double delta,
                    struct err *err)
{
    const json_t *items = json_object_get(q->body, "items"), *id;
    size_t n = json_array_size(items), i;
    int64_t *ids = mem_array(n, sizeof *ids, err);
    json_t *report = NULL;
    if (!ids) {
        return false;
    }
    json_array_foreach(items, i, id)
    {
        ids[i] = json_integer_value(id);
    }
    report = fix_report(q->api->store, project, ids, n, delta, err);
    mem_free(ids);
    return report && reply_json(r, 200, report, err);
}

static bool fix(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    json_t *items = json_object_get(q->body, "items");
    double delta =
        json_get_double(q->body, "max_delta", options_number(q->api->engine->options, "max_delta"));
    if (!scope_project(q, &project, err) || !scope_items(q, project, items, err)) {
        return false;
    }
    if (!(delta >= DELTA_LEAST && delta <= DELTA_MOST)) {
        return err_set(err, ERR_USAGE, "max_delta is %g to %g pixels", DELTA_LEAST, DELTA_MOST);
    }
    if (json_get_bool(q->body, "dry_run", false)) {
        return preview(q, r, project, delta, err);
    }
    return scope_answer_op(q, r, "cor.fix",
                           json_pack("{s:I, s:O, s:f, s:b}", "project", (json_int_t)project,
                                     "items", items, "max_delta", delta, "undo", 1),
                           err);
}

static bool copy(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    json_t *items = json_object_get(q->body, "items");
    return scope_project(q, &project, err) && scope_items(q, project, items, err) &&
        scope_answer_op(q, r, "item.copy",
                        json_pack("{s:I, s:I, s:O, s:b}", "project", (json_int_t)project, "from",
                                  (json_int_t)json_get_int(q->body, "from", 0), "items", items,
                                  "cor", (int)json_get_bool(q->body, "cor", false)),
                        err);
}

static const struct route_param fix_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "items", P_IDS, true, "the rows to look at"},
    {IN_BODY, "max_delta", P_NUMBER, false, "the largest deviation never flagged, pixels"},
    {IN_BODY, "dry_run", P_BOOL, false, "say what would change, change nothing"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param copy_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "from", P_INT, true, "the row whose parameters are taken"},
    {IN_BODY, "items", P_IDS, true, "the rows that get them"},
    {IN_BODY, "cor", P_BOOL, false, "its rotation centre too"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_cor[] = {
    {"POST", "/api/v1/cor/fix", ROLE_OPERATOR,
     "Repair rotation centres, series by series; dry_run shows every change first", fix_params, fix,
     false},
    {"POST", "/api/v1/cor/copy", ROLE_OPERATOR, "Apply a row's parameters to others", copy_params,
     copy, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
