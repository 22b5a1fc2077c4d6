/* The watch: where a live acquisition stands, and launching on what completed. */
#include "base/clock.h"
#include "engine/engine.h"
#include "engine/op-catalog.h"
#include "engine/op-run.h"
#include "plan/batch.h"

/* Runs that a killed watch had launched go on with it. */
static bool load_watch_runs(struct engine *e, struct store *s, int64_t project, struct err *err)
{
    json_t *rows =
        store_rows(s, err, "SELECT id FROM run WHERE project_id=?1 AND watch=1 AND state='active'",
                   "i", project);
    const json_t *row;
    size_t i;
    bool ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        ok = ok && engine_load_run(e, json_get_int(row, "id", 0), err);
    }
    json_decref(rows);
    return ok &&
        store_exec(s, err,
                   "UPDATE run SET queued=1 WHERE project_id=?1 AND watch=1 AND state='active'",
                   "i", project);
}

/* A watch begins: what is on disk is not new (H4), but for files written since the watcher's own
 * start, which its first walk may have found already. What waits for the project's autoexec goes on
 * waiting. */
static bool begin_baseline(struct store *s, int64_t project, int64_t since_us, struct err *err)
{
    return store_exec(s, err,
                      "UPDATE item SET baseline=(mtime_ns<?2*1000),taken=0 WHERE project_id=?1 AND "
                      "(baseline=0 OR taken=1 OR mtime_ns>=?2*1000) AND NOT (level='study' AND "
                      "EXISTS(SELECT 1 FROM project WHERE id=?1 AND autoexec<>''))",
                      "ii", project, since_us);
}

/* What would be launched is checked before the first scan comes. */
static bool check_launch(struct engine *e, struct store *s, const json_t *launch, json_t *answer,
                         struct err *err)
{
    if (!json_is_object(launch) || !e) {
        return true;
    }
    json_t *whole = op_find_batch(e, s, json_object_get(launch, "batch"), err);
    json_t *batch =
        whole ? batch_phases(whole, json_object_get(launch, "phases"), e->tools, err) : NULL;
    json_t *none = json_object();
    const json_t *params = json_object_get(launch, "params");
    bool ok = batch && none && batch_check_params(batch, params ? params : none, e->tools, err) &&
        json_put(answer, "level", json_string(json_get_text(batch, "level", "scan")), err);
    json_decref(none);
    json_decref(batch);
    json_decref(whole);
    return ok;
}

/* The words are kept with it, so that whoever takes the watch up launches with the same. */
static bool keep_watch(struct store *s, int64_t project, const char *batch, json_t *words,
                       bool fresh, struct err *err)
{
    json_t *none = json_array();
    bool ok = none || err_set(err, ERR_NOMEM, "out of memory");
    if (ok && fresh) {
        ok = store_exec(
            s, err, "INSERT INTO watch(project_id,batch,words,started_us) VALUES(?1,?2,?3,?4)",
            "isji", project, batch, json_is_array(words) ? words : none, clock_utc_us());
    } else if (ok && json_is_array(words)) {
        ok = store_exec(s, err, "UPDATE watch SET words=?3 WHERE project_id=?1 AND batch=?2", "isj",
                        project, batch, words);
    }
    json_decref(none);
    return ok;
}

/* {"project", "batch", "words"?, "since_us"?, "run"?} -> {"resumed": bool, "started_us", "level"?:
 * the batch's}. A row that still stands was left by a kill: the watch goes on where it was. A fresh
 * one starts from what is on disk now. */
bool op_watch_start(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                    struct err *err)
{
    int64_t project = json_get_int(args, "project", 0), since = 0, others = 0;
    const char *batch = json_get_text(args, "batch", "");
    json_t *answer;
    if (!op_answer(&answer, err)) {
        return false;
    }
    bool ok = check_launch(e, s, json_object_get(args, "run"), answer, err) &&
        store_int(s, 0, &since, err,
                  "SELECT started_us FROM watch WHERE project_id=?1 AND batch=?2", "is", project,
                  batch) &&
        store_int(s, 0, &others, err, "SELECT count(*) FROM watch WHERE project_id=?1", "i",
                  project);
    if (ok && others == 0) {
        ok = begin_baseline(s, project, json_get_int(args, "since_us", clock_utc_us()), err);
    } else if (ok && since && e) {
        ok = load_watch_runs(e, s, project, err);
    }
    ok = ok && keep_watch(s, project, batch, json_object_get(args, "words"), !since, err) &&
        json_put(answer, "resumed", json_boolean(since != 0), err) &&
        json_put(answer, "started_us", json_integer(since ? since : clock_utc_us()), err);
    return op_finish(ok, answer, ret);
}

/* {"project", "batch"}: the watch ended on purpose. */
bool op_watch_stop(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    (void)e;
    json_t *answer;
    return op_answer(&answer, err) &&
        op_finish(store_exec(s, err, "DELETE FROM watch WHERE project_id=?1 AND batch=?2", "is",
                             json_get_int(args, "project", 0), json_get_text(args, "batch", "")),
                  answer, ret);
}

/*
 * {"project", "items", "run": arguments of run.create or null, "autoexec"?: the project's own
 * batch, no watch's} -> what run.create answers. Marking the items as taken and launching on them
 * is one transaction, so a watcher that is killed neither forgets one nor launches twice.
 */
bool op_watch_take(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    const json_t *items = json_object_get(args, "items"), *id;
    const json_t *launch = json_object_get(args, "run");
    json_t *answer = NULL, *fresh = json_array(), *call = NULL;
    bool ok = fresh || err_set(err, ERR_NOMEM, "out of memory");
    size_t i;
    json_array_foreach(items, i, id)
    {
        ok = ok &&
            store_exec(s, err, "UPDATE item SET taken=1 WHERE id=?1 AND taken=0 AND baseline=0",
                       "i", (int64_t)json_integer_value(id));
        if (ok && store_changes(s) > 0) {
            ok = json_array_append(fresh, (json_t *)id) == 0;
        }
    }
    if (ok && json_is_object(launch) && json_array_size(fresh)) {
        call = json_copy((json_t *)launch);
        ok = call && json_object_set(call, "items", fresh) == 0 &&
            json_put(call, "project", json_integer(json_get_int(args, "project", 0)), err) &&
            json_put(call, "watch", json_boolean(!json_get_bool(args, "autoexec", false)), err) &&
            op_call(e, s, "run.create", call, &answer, err) &&
            (json_object_get(answer, "run") || !json_object_get(answer, "missing_cor") ||
             err_set(err, ERR_USAGE,
                     "no rotation centre: give it with gantry cor set, or watch with --cor auto"));
    } else {
        ok = ok && op_answer(&answer, err);
    }
    ok = ok && json_object_set(answer, "taken", fresh) == 0;
    json_decref(call);
    json_decref(fresh);
    return op_finish(ok, answer, ret);
}
