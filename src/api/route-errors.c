/* Failures grouped by cause, and trying them again. */
#include <inttypes.h>
#include "api/recent.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/clock.h"
#include "base/mem.h"
#include "report/causes.h"

static json_t *rows_of(struct request *q, struct err *err)
{
    int64_t project, run = request_int(q, "run", json_get_int(q->body, "run", 0));
    char *within = NULL;
    json_t *rows = NULL;
    if (scope_maybe_project(q, &project, err) && (!run || scope_run(q, run, NULL, err)) &&
        scope_within(q, &within, err)) {
        rows = causes_rows(q->api->store, project, run, within, err);
    }
    mem_free(within);
    return rows;
}

static bool make_list(struct request *q, json_t **ret, struct err *err)
{
    json_t *rows = rows_of(q, err), *row;
    size_t i;
    bool ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        json_t *id = json_object_get(row, "id");
        ok = ok && json_object_set(row, "names", json_object_get(row, "items")) == 0 &&
            json_object_set(row, "items", json_object_get(row, "item_ids")) == 0 &&
            json_object_del(row, "item_ids") == 0 && json_object_set(row, "cause", id) == 0;
    }
    if (rows && !ok) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
        json_decref(rows);
    }
    *ret = ok ? rows : NULL;
    return ok;
}

static bool list(struct request *q, struct reply *r, struct err *err)
{
    int64_t begun = clock_mono_us();
    char *within = NULL, *key = NULL;
    json_t *rows = NULL;
    bool done = false;
    bool ok = scope_within(q, &within, err) &&
        (key = mem_printf(err, "errors %" PRId64 " %" PRId64 " %s", request_int(q, "project", 0),
                          request_int(q, "run", 0), within ? within : "")) &&
        recent_answer(q, r, key, &done, err) &&
        (done || (make_list(q, &rows, err) && recent_keep(q, r, key, begun, rows, err)));
    mem_free(within);
    mem_free(key);
    return ok;
}

/* The tasks he may see of the cause, not all there are. */
static bool retry(struct request *q, struct reply *r, struct err *err)
{
    int64_t cause;
    json_t *rows = request_id(q, 0, &cause, err) ? rows_of(q, err) : NULL, *row, *tasks = NULL;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        tasks = json_get_int(row, "id", 0) == cause ? json_object_get(row, "tasks") : tasks;
    }
    bool ok =
        rows &&
        (tasks ||
         err_set(err, ERR_NOTHING, "there is no open failure of cause %" PRId64 " here", cause)) &&
        scope_tasks(q, tasks, err) &&
        scope_answer_op(
            q, r, "task.retry",
            json_pack("{s:O, s:O*}", "tasks", tasks, "set", json_object_get(q->body, "set")), err);
    json_decref(rows);
    return ok;
}

static const struct route_param list_params[] = {
    {IN_QUERY, "project", P_INT, false, "of this project only"},
    {IN_QUERY, "run", P_INT, false, "of this run; without it, what no later run has made good"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param retry_params[] = {
    {IN_BODY, "project", P_INT, false, "of this project only"},
    {IN_BODY, "run", P_INT, false, "of this run only"},
    {IN_BODY, "set", P_OBJECT, false, "parameters to change"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_errors[] = {
    {"GET", "/api/v1/errors", ROLE_VIEWER, "Failures grouped by cause, with what usually helps",
     list_params, list, false},
    {"POST", "/api/v1/errors/{cause}/retry", ROLE_OPERATOR,
     "Try all failures of a cause again, also with changed parameters", retry_params, retry, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
