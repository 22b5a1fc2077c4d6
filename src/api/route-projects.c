/* Projects: the folders that are registered. */
#include <string.h>
#include "api/access.h"
#include "api/child.h"
#include "api/recent.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/clock.h"
#include "base/mem.h"
#include "catalog/project.h"

/* All scans less the few that are off the list: two looks into indexes, none at the rows. */
#define COLUMNS                                                                 \
    "SELECT p.id,p.name,p.root,p.rec,p.min_size_pct,p.created_us,"              \
    "(SELECT count(*) FROM item WHERE project_id=p.id AND level='scan')-"       \
    "(SELECT count(*) FROM item INDEXED BY item_off WHERE project_id=p.id AND " \
    "(hidden=1 OR gone=1) AND +level='scan') AS items FROM project p "

static json_t *seen_rows(struct request *q, struct err *err)
{
    json_t *all = store_rows(q->api->store, err, COLUMNS "ORDER BY p.name", ""),
           *seen = all ? json_array() : NULL, *row;
    size_t i;
    json_array_foreach(all, i, row)
    {
        if (access_sees(&q->who, json_get_int(row, "id", 0))) {
            (void)json_array_append(seen, row);
        }
    }
    json_decref(all);
    if (all && !seen) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return seen;
}

static bool list(struct request *q, struct reply *r, struct err *err)
{
    int64_t begun = clock_mono_us();
    char *within = NULL, *key = NULL;
    bool done = false;
    bool ok = scope_within(q, &within, err) &&
        (key = mem_printf(err, "projects %s", within ? within : "")) &&
        recent_answer(q, r, key, &done, err) &&
        (done || recent_keep(q, r, key, begun, seen_rows(q, err), err));
    mem_free(within);
    mem_free(key);
    return ok;
}

static bool answer_row(struct request *q, struct reply *r, int status, int64_t id, json_t *more,
                       struct err *err)
{
    json_t *rows = store_rows(q->api->store, err, COLUMNS "WHERE p.id=?1", "i", id);
    json_t *row = json_incref(json_array_get(rows, 0));
    bool ok = rows && (row || err_set(err, ERR_NOTHING, "there is no such project")) &&
        (!more || json_object_update(row, more) == 0);
    json_decref(rows);
    if (!ok) {
        json_decref(row);
        return false;
    }
    return reply_json(r, status, row, err);
}

static bool add(struct request *q, struct reply *r, struct err *err)
{
    const char *name = json_get_text(q->body, "name", NULL);
    char *folder = access_everywhere(q, err)
        ? access_folder(q, json_get_text(q->body, "path", ""), err)
        : NULL;
    json_t *args = folder ? json_pack("{s:s, s:s*}", "folder", folder, "name", name) : NULL;
    json_t *answer = args ? request_op(q, "project.add", args, err) : NULL;
    if (folder && !args) {
        (void)err_set(err, ERR_USAGE, "the folder's name is not valid UTF-8");
    }
    recent_forget(q->api);
    bool is_new = json_get_bool(answer, "new", false);
    json_t *more = answer ? json_pack("{s:b}", "new", (int)is_new) : NULL;
    bool ok =
        more && answer_row(q, r, is_new ? 201 : 200, json_get_int(answer, "id", 0), more, err);
    json_decref(more);
    json_decref(answer);
    json_decref(args);
    mem_free(folder);
    return ok;
}

/* `gantry scan` as a child: reading a folder of thousands of files takes its time. */
static bool scan(struct request *q, struct reply *r, int64_t id, bool all, struct err *err)
{
    struct project p = {0};
    bool ok = project_by_id(q->api->store, id, &p, err);
    if (ok) {
        const char *args[] = {"scan", "--json", "-p", p.name, all ? "--all" : NULL, NULL};
        ok = child_answer(q, r, args, err);
    }
    project_fini(&p);
    return ok;
}

static bool refresh(struct request *q, struct reply *r, struct err *err)
{
    int64_t id;
    return request_id(q, 0, &id, err) && access_project(q, id, err) &&
        scan(q, r, id, json_get_bool(q->body, "all", false), err);
}

/* The rule about undersized scans is judged anew at once. */
static bool change(struct request *q, struct reply *r, struct err *err)
{
    int64_t id;
    const json_t *pct = json_object_get(q->body, "min_size_pct");
    if (!request_id(q, 0, &id, err) || !access_project(q, id, err)) {
        return false;
    }
    if (json_is_integer(pct) && (json_integer_value(pct) < 0 || json_integer_value(pct) > 100)) {
        return err_set(err, ERR_USAGE, "the undersized limit is a percentage, 0 to 100");
    }
    json_t *args = json_pack("{s:I, s:O*}", "project", (json_int_t)id, "min_size_pct",
                             json_is_null(pct) ? NULL : pct);
    json_t *answer = args ? request_op(q, "project.set", args, err) : NULL;
    recent_forget(q->api);
    bool ok = answer && scan(q, r, id, false, err);
    json_decref(answer);
    json_decref(args);
    return ok;
}

static const struct route_param add_params[] = {
    {IN_BODY, "path", P_TEXT, true, "the data folder, below an allowed root"},
    {IN_BODY, "name", P_TEXT, false, "another name than the folder's"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param refresh_params[] = {
    {IN_BODY, "all", P_BOOL, false, "forgotten scans come back too"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param change_params[] = {
    {IN_BODY, "min_size_pct", P_ANY, true,
     "scans below this share of their series' median are skipped, 0 = off, null = the default"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_projects[] = {
    {"GET", "/api/v1/projects", ROLE_VIEWER, "The projects", NULL, list, false},
    {"POST", "/api/v1/projects", ROLE_OPERATOR, "Register a folder", add_params, add, false},
    {"PATCH", "/api/v1/projects/{id}", ROLE_OPERATOR,
     "Set the undersized limit; answers with the report of the scan that follows", change_params,
     change, false},
    {"POST", "/api/v1/projects/{id}/refresh", ROLE_OPERATOR,
     "Look for new and changed files; answers with the report", refresh_params, refresh, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
