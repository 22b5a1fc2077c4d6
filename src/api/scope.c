/* Each asks the store which project the thing belongs to, and access.h about that. */
#include "api/scope.h"

#include <inttypes.h>
#include "api/access.h"
#include "api/recent.h"
#include "base/mem.h"
#include "catalog/project.h"

bool scope_maybe_project(struct request *q, int64_t *ret, struct err *err)
{
    int64_t project = request_int(q, "project", json_get_int(q->body, "project", 0));
    if (project && !access_project(q, project, err)) {
        return false;
    }
    *ret = project;
    return true;
}

bool scope_project(struct request *q, int64_t *ret, struct err *err)
{
    int64_t there = 0;
    if (!scope_maybe_project(q, ret, err) ||
        !store_int(q->api->store, 0, &there, err, "SELECT id FROM project WHERE id=?1", "i",
                   *ret)) {
        return false;
    }
    return there || err_set(err, ERR_NOTHING, "there is no project %" PRId64, *ret);
}

bool scope_within(const struct request *q, char **ret, struct err *err)
{
    *ret = NULL;
    if (q->who.all_projects) {
        return true;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < q->who.n_projects; i++) {
        (void)json_array_append_new(list, json_integer(q->who.projects[i]));
    }
    *ret = list ? json_line(list, err) : NULL;
    json_decref(list);
    return *ret != NULL;
}

static bool owned(struct request *q, const char *what, int64_t id, int64_t project,
                  int64_t *ret_project, struct err *err)
{
    if (!project || !access_sees(&q->who, project)) {
        return err_set(err, ERR_NOTHING, "there is no %s %" PRId64, what, id);
    }
    if (ret_project) {
        *ret_project = project;
    }
    return access_project(q, project, err);
}

bool scope_item(struct request *q, int64_t item, int64_t *ret_project, struct err *err)
{
    int64_t project = 0;
    return store_int(q->api->store, 0, &project, err, "SELECT project_id FROM item WHERE id=?1",
                     "i", item) &&
        owned(q, "item", item, project, ret_project, err);
}

bool scope_run(struct request *q, int64_t run, int64_t *ret_project, struct err *err)
{
    int64_t project = 0;
    return store_int(q->api->store, 0, &project, err, "SELECT project_id FROM run WHERE id=?1", "i",
                     run) &&
        owned(q, "run", run, project, ret_project, err);
}

bool scope_place(struct request *q, const char *path, struct err *err)
{
    struct project p = {0};
    bool found = false;
    if (!project_of_folder(q->api->store, path, &p, &found, err)) {
        return false;
    }
    bool ok = found ? access_project(q, p.id, err) : access_everywhere(q, err);
    project_fini(&p);
    return ok;
}

bool scope_task(struct request *q, int64_t task, int64_t *ret_project, struct err *err)
{
    int64_t project = 0;
    return store_int(q->api->store, 0, &project, err,
                     "SELECT r.project_id FROM task t JOIN run r ON r.id=t.run_id WHERE t.id=?1",
                     "i", task) &&
        owned(q, "task", task, project, ret_project, err);
}

bool scope_tasks(struct request *q, const json_t *tasks, struct err *err)
{
    const json_t *id;
    size_t i;
    json_array_foreach(tasks, i, id)
    {
        if (!scope_task(q, json_integer_value(id), NULL, err)) {
            return false;
        }
    }
    return json_array_size(tasks) > 0 || err_set(err, ERR_USAGE, "No jobs selected.");
}

bool scope_items(struct request *q, int64_t project, const json_t *items, struct err *err)
{
    int64_t stranger = 0;
    if (!json_array_size(items)) {
        return err_set(err, ERR_USAGE, "No files selected.");
    }
    if (!store_int(q->api->store, 0, &stranger, err,
                   "SELECT j.value FROM json_each(?1) j LEFT JOIN item i ON i.id=j.value WHERE "
                   "i.project_id IS NOT ?2 LIMIT 1",
                   "ji", items, project)) {
        return false;
    }
    return !stranger ||
        err_set(err, ERR_NOTHING, "there is no item %" PRId64 " in this project", stranger);
}

bool scope_answer_op(struct request *q, struct reply *r, const char *op, json_t *args,
                     struct err *err)
{
    json_t *answer = args ? request_op(q, op, args, err) : NULL;
    if (!args) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(args);
    recent_forget(q->api);
    return answer && reply_json(r, 200, answer, err);
}

bool scope_copy(const struct request *q, const char *field, json_t *args, const char *as,
                struct err *err)
{
    json_t *value = json_object_get(q->body, field);
    return !value || json_is_null(value) || json_put(args, as, json_incref(value), err);
}
