/* Two queries for the list; for one item its tasks' outputs, and the inputs in their basis. */
#include "report/verdicts.h"

#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "model/state.h"
#include "report/live.h"

#define PSID                                                                                \
    "coalesce((SELECT p.name||CASE WHEN s.sid='' THEN '' ELSE '#'||s.sid END FROM study s " \
    "JOIN item p ON p.id=s.subject_id WHERE s.item_id=i.id),i.name)"

json_t *verdicts_rows(struct store *s, int64_t run, struct err *err)
{
    json_t *rows = json_array(), *row = NULL;
    int64_t item = 0;
    int best = 0;
    struct query *q = store_query(
        s, err,
        "SELECT t.item_id," PSID ",t.state,v.good,v.comment,v.user FROM task t JOIN item i ON "
        "i.id=t.item_id LEFT JOIN verdict v ON v.run_id=t.run_id AND v.item_id=t.item_id WHERE "
        "t.run_id=?1 ORDER BY i.name,t.item_id,t.id",
        "i", run);
    bool ok = rows && q;
    while (ok && query_next(q)) {
        int state = (int)query_int(q, 2);
        if (query_int(q, 0) != item) {
            item = query_int(q, 0);
            row = json_pack("{s:I, s:s, s:o, s:s, s:s}", "item", (json_int_t)item, "psid",
                            query_text(q, 1), "good",
                            query_null(q, 3) ? json_null() : json_boolean(query_int(q, 3) != 0),
                            "comment", query_text(q, 4), "user", query_text(q, 5));
            ok = row && json_array_append_new(rows, row) == 0;
            best = state;
        }
        best = live_weight(state) >= live_weight(best) ? state : best;
        ok = ok && json_put(row, "state", json_string(task_state_name((enum task_state)best)), err);
    }
    ok = q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    if (!ok) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

/* One way to part a path: is there a study of that folder with such a file? */
static bool file_of(struct store *s, int64_t project, const char *place, const char *rest,
                    size_t folder, int64_t *ret, struct err *err)
{
    const char *below = rest + folder + 1, *slash = strrchr(below, '/');
    char *study = mem_strndup(rest, folder, err),
         *sub = mem_strndup(below, slash ? (size_t)(slash - below) : 0, err);
    bool ok = study && sub &&
        store_int(s, 0, ret, err,
                  "SELECT f.id FROM item i JOIN file f ON f.study_id=i.id WHERE i.project_id=?1 "
                  "AND i.level='study' AND i.name=?2 AND f.sub=?3 AND f.name=?4 AND f.place=?5 AND "
                  "f.gone=0",
                  "issss", project, study, sub, slash ? slash + 1 : below, place);
    mem_free(study);
    mem_free(sub);
    return ok;
}

/* The file of the catalog at a path relative to the project:
 * [derivatives/NAME/]<folder of a study>/[<sub>/]<name>. */
static json_t *file_at(struct store *s, int64_t project, const char *path, struct err *err)
{
    const char *rest = path;
    char *place = NULL;
    int64_t id = 0;
    if (str_starts(path, "derivatives/") && strchr(path + 12, '/')) {
        rest = strchr(path + 12, '/') + 1;
    }
    place = mem_strndup(path, rest == path ? 0 : (size_t)(rest - path - 1), err);
    bool ok = place != NULL;
    for (const char *p = rest; ok && !id && (p = strchr(p, '/')); p++) {
        ok = file_of(s, project, place, rest, (size_t)(p - rest), &id, err);
    }
    mem_free(place);
    return !ok ? NULL : id ? json_integer(id) : json_null();
}

struct where {
    struct store *s;
    int64_t project;
    char *root;
};

static bool add(const struct where *w, json_t *list, const char *job, const char *arg,
                const char *path, struct err *err)
{
    size_t n = strlen(w->root);
    const char *relative = str_starts(path, w->root) && path[n] == '/' ? path + n + 1 : path;
    json_t *file = file_at(w->s, w->project, relative, err);
    return file &&
        (json_array_append_new(list,
                               json_pack("{s:s, s:s, s:s, s:o}", "job", job, "arg", arg, "path",
                                         relative, "file", file)) == 0 ||
         err_set(err, ERR_NOMEM, "out of memory"));
}

/* Inputs stand in the basis of the fingerprint: [{path, size, mtime_ns}]. */
static bool add_inputs(const struct where *w, json_t *list, json_t *tasks, struct err *err)
{
    json_t *task, *input;
    size_t i, k;
    json_array_foreach(tasks, i, task)
    {
        const char *job = json_get_text(task, "job_id", "");
        json_array_foreach(json_object_get(json_object_get(task, "basis"), "inputs"), k, input)
        {
            const char *path = json_get_text(input, "path", "");
            if (*path && !add(w, list, job, "", path, err)) {
                return false;
            }
        }
    }
    return true;
}

json_t *verdicts_files(struct store *s, int64_t run, int64_t item, struct err *err)
{
    json_t *inputs = json_array(), *outputs = json_array(), *rows = NULL, *row, *doc = NULL;
    struct where w = {.s = s};
    size_t i;
    json_t *tasks = store_rows(s, err,
                               "SELECT id,job_id,coalesce(basis,'{}') AS basis_json FROM task "
                               "WHERE run_id=?1 AND item_id=?2 ORDER BY id",
                               "ii", run, item);
    bool ok = tasks && inputs && outputs &&
        store_int(s, 0, &w.project, err, "SELECT project_id FROM run WHERE id=?1", "i", run) &&
        store_text(s, &w.root, err, "SELECT root FROM project WHERE id=?1", "i", w.project) &&
        w.root && add_inputs(&w, inputs, tasks, err) &&
        (rows = store_rows(s, err,
                           "SELECT t.job_id AS job,o.name,o.path FROM task t JOIN output o ON "
                           "o.task_id=CASE WHEN t.state=6 THEN coalesce(t.cached_from,t.id) ELSE "
                           "t.id END WHERE t.run_id=?1 AND t.item_id=?2 ORDER BY t.id,o.id",
                           "ii", run, item));
    json_array_foreach(rows, i, row)
    {
        ok = ok &&
            add(&w, outputs, json_get_text(row, "job", ""), json_get_text(row, "name", ""),
                json_get_text(row, "path", ""), err);
    }
    if (ok) {
        doc = json_pack("{s:O, s:O}", "inputs", inputs, "outputs", outputs);
    }
    mem_free(w.root);
    json_decref(rows);
    json_decref(tasks);
    json_decref(inputs);
    json_decref(outputs);
    return doc;
}
