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

static const struct route_param save_params[] = {
    {IN_BODY, "*", P_ANY, false, "the batch, as docs/formats/batch.schema.json says"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_batches[] = {
    {"GET", "/api/v1/batches", ROLE_VIEWER, "The batches there are", NULL, list, false},
    {"GET", "/api/v1/batches/{name}", ROLE_VIEWER, "One batch", NULL, show, false},
    {"PUT", "/api/v1/batches/{name}", ROLE_OPERATOR, "Save a batch", save_params, save, false},
    {"DELETE", "/api/v1/batches/{name}", ROLE_OPERATOR, "Remove a saved batch", NULL, take_off,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
