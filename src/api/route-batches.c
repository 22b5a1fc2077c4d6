/* Batches by name: the saved one wins over the one that ships. */
#include "api/access.h"
#include "api/route.h"
#include "api/scope.h"
#include "engine/batches.h"

static bool list(struct request *q, struct reply *r, struct err *err)
{
    json_t *rows = batches_list(q->api->store, err);
    return rows && reply_json(r, 200, rows, err);
}

static bool show(struct request *q, struct reply *r, struct err *err)
{
    json_t *batch = batches_find(q->api->store, q->parts[0], err);
    if (!batch) {
        reply_status(r, 404);
    }
    return batch && reply_json(r, 200, batch, err);
}

static bool save(struct request *q, struct reply *r, struct err *err)
{
    const char *name = json_get_text(q->body, "name", "");
    if (!access_everywhere(q, err)) {
        return false;
    }
    if (!str_equal(name, q->parts[0])) {
        return err_set(err, ERR_USAGE, "the batch calls itself '%.60s', not '%.60s'", name,
                       q->parts[0]);
    }
    return scope_answer_op(q, r, "batch.save", json_pack("{s:O}", "batch", q->body), err);
}

static bool take_off(struct request *q, struct reply *r, struct err *err)
{
    return access_everywhere(q, err) &&
        scope_answer_op(q, r, "batch.rm", json_pack("{s:s}", "name", q->parts[0]), err);
}

/* Stars and groups are the list's, not the batch's own (K3, K8). */
static bool mark(struct request *q, struct reply *r, struct err *err)
{
    return access_everywhere(q, err) &&
        scope_answer_op(q, r, "batch.mark",
                        json_pack("{s:s, s:O*, s:O*}", "name", q->parts[0], "starred",
                                  json_object_get(q->body, "starred"), "group",
                                  json_object_get(q->body, "group")),
                        err);
}

/* Which items lack which input, before anything runs (K8). Reads only. */
static bool validate(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    json_t *items = json_object_get(q->body, "items"),
           *studies = json_object_get(q->body, "studies");
    if (!scope_project(q, &project, err) || (items && !scope_items(q, project, items, err))) {
        return false;
    }
    return scope_answer_op(
        q, r, "batch.validate",
        json_pack("{s:I, s:O, s:O*, s:O*, s:O*, s:O*}", "project", (json_int_t)project, "batch",
                  json_object_get(q->body, "batch"), "items", items, "studies", studies, "job",
                  json_object_get(q->body, "job"), "from", json_object_get(q->body, "from")),
        err);
}

static const struct route_param mark_params[] = {
    {IN_BODY, "starred", P_BOOL, false, "starred ones come first"},
    {IN_BODY, "group", P_TEXT, false, "shown together with others of this group; empty = none"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param validate_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "batch", P_ANY, true, "a batch's name, or a whole batch"},
    {IN_BODY, "items", P_IDS, false, "studies or subjects"},
    {IN_BODY, "studies", P_TEXTS, false, "instead: subject selectors"},
    {IN_BODY, "job", P_TEXT, false, "only this job"},
    {IN_BODY, "from", P_INT, false, "go on there: 'next' of an answer that is not complete"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param save_params[] = {
    {IN_BODY, "*", P_ANY, false, "the batch, as docs/formats/batch.schema.json says"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_batches[] = {
    {"GET", "/api/v1/batches", ROLE_VIEWER, "The batches there are", NULL, list, false},
    {"GET", "/api/v1/batches/{name}", ROLE_VIEWER, "One batch", NULL, show, false},
    {"PUT", "/api/v1/batches/{name}", ROLE_OPERATOR, "Save a batch", save_params, save, false},
    {"PATCH", "/api/v1/batches/{name}", ROLE_OPERATOR, "Star a saved batch, or put it into a group",
     mark_params, mark, false},
    {"POST", "/api/v1/batches/validate", ROLE_VIEWER,
     "Check a batch: what is wrong with it, and which items lack which input", validate_params,
     validate, false},
    {"DELETE", "/api/v1/batches/{name}", ROLE_OPERATOR, "Remove a saved batch", NULL, take_off,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
