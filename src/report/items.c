/* From a row of the table to the keys that people know. */
#include "report/items.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "model/group.h"
#include "model/state.h"
#include "model/tags.h"
#include "report/live.h"

static json_t *shape_of(const json_t *row)
{
    static const char *const keys[] = {"frames", "n_rows", "n_columns"};
    json_t *shape = json_array();
    for (size_t i = 0; i < 3; i++) {
        json_t *v = json_object_get(row, keys[i]);
        if (!json_is_integer(v) || json_array_append(shape, v) != 0) {
            json_decref(shape);
            return json_null();
        }
    }
    return shape;
}

/* The row as DESIGN 3 names its keys. */
static bool finish_row(json_t *row, const char *root, struct err *err)
{
    const json_t *state = json_object_get(row, "state");
    char *path = path_join(root, json_get_text(row, "name", ""), err);
    bool ok = path && json_put(row, "path", json_string(path), err) &&
        json_put(row, "shape", shape_of(row), err) &&
        json_put(row, "tags", tags_list(json_get_text(row, "tags", "/")), err) &&
        json_put(row, "state",
                 json_is_integer(state)
                     ? json_string(task_state_name((enum task_state)json_integer_value(state)))
                     : json_null(),
                 err);
    (void)json_object_del(row, "n_rows");
    (void)json_object_del(row, "n_columns");
    mem_free(path);
    return ok;
}

json_t *items_row(struct store *s, int64_t id, const char *root, struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT id,name,level,kind,series,idx AS \"index\",status,"
        "(SELECT state FROM task WHERE item_id=item.id ORDER BY id DESC LIMIT 1) AS state,"
        "cor,cor_source,cor_confidence,size,frames,angles,n_rows,n_columns,dtype,"
        "CASE WHEN skip_reason<>'' THEN skip_reason ELSE reason END AS reason,"
        "(SELECT max(json_extract(result,'$.warning')) FROM task WHERE item_id=item.id AND state "
        "IN (5,6) AND run_id=(SELECT max(run_id) FROM task WHERE item_id=item.id)) AS warning,"
        "NOT coalesce(enabled,1-auto_skip) AS skipped_bool,enabled AS enabled_bool,"
        "auto_skip AS auto_skip_bool,skip_reason,project_id AS project,changed_us,"
        "tags,params AS params_json,hidden AS hidden_bool,gone AS gone_bool,mtime_ns "
        "FROM item WHERE id=?1",
        "i", id);
    json_t *row = json_incref(json_array_get(rows, 0));
    bool ok = rows && (row || err_set(err, ERR_NOTHING, "there is no item %" PRId64, id)) &&
        finish_row(row, root, err);
    json_decref(rows);
    if (!ok) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static bool put_live(struct store *s, json_t *row, int64_t id, struct err *err)
{
    struct live_task task;
    char place[64] = "";
    double progress = NAN;
    bool ok = live_task_of(s, id, &task, err);
    if (ok && task.id && (task.state == TASK_RUNNING || task.state == TASK_SUSPENDED)) {
        ok = live_place(s, task.id, task.n, place, sizeof place, &progress, err);
    }
    const json_t *confidence = json_object_get(row, "cor_confidence");
    return ok &&
        json_put(row, "group",
                 json_string(group_name(group_of_status(json_get_text(row, "status", "")))), err) &&
        json_put(row, "confidence", json_incref((json_t *)confidence), err) &&
        json_put(row, "state",
                 json_string(task.id ? task_state_name((enum task_state)task.state) : ""), err) &&
        json_put(row, "task", json_integer(task.id), err) &&
        json_put(row, "place", json_string(place), err) &&
        json_put(row, "progress", isfinite(progress) ? json_real(progress) : json_null(), err);
}

json_t *items_live_row(struct store *s, int64_t id, const char *root, struct err *err)
{
    json_t *row = items_row(s, id, root, err);
    if (row && !put_live(s, row, id, err)) {
        json_decref(row);
        return NULL;
    }
    return row;
}

json_t *items_history(struct store *s, int64_t id, struct err *err)
{
    return store_rows(s, err,
                      "SELECT t_us,text,run_id AS run,task_id AS task,data AS data_json FROM event "
                      "WHERE item_id=?1 AND kind='cor' ORDER BY id",
                      "i", id);
}

json_t *items_outputs(struct store *s, int64_t id, struct err *err)
{
    return store_rows(s, err,
                      "SELECT o.task_id AS task,t.job_id AS job,o.name,o.path,o.kind,o.size,"
                      "o.files FROM output o JOIN task t ON t.id=o.task_id WHERE t.item_id=?1 AND "
                      "NOT EXISTS(SELECT 1 FROM output n JOIN task u ON u.id=n.task_id WHERE "
                      "u.item_id=?1 AND n.path=o.path AND n.name=o.name AND n.task_id>o.task_id) "
                      "ORDER BY o.task_id,o.id",
                      "i", id);
}

/* The tags of a row are one text, /a/b/: taken apart here by a recursive walk. */
json_t *items_tags(struct store *s, int64_t project, struct err *err)
{
    return store_rows(s, err,
                      "WITH RECURSIVE part(tag, rest) AS ("
                      "SELECT '', substr(tags,2) FROM item WHERE project_id=?1 AND level IN "
                      "('scan','file') AND hidden=0 "
                      "AND gone=0 AND tags<>'/' UNION ALL "
                      "SELECT substr(rest,1,instr(rest,'/')-1), "
                      "substr(rest,instr(rest,'/')+1) FROM part WHERE rest<>'') "
                      "SELECT tag, count(*) AS files FROM part WHERE tag<>'' GROUP BY tag "
                      "ORDER BY tag",
                      "i", project);
}
