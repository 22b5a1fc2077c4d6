/* One series of a prediction (prediction-view.h). */
#include "report/prediction-view.h"

#include <inttypes.h>
#include "model/state.h"

/* Its place in the order people go through: patient after patient, each from the first day on. */
static bool put_place(struct store *s, json_t *doc, int64_t run, int64_t item, struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT position,total,previous,next FROM (SELECT t.item_id AS id,row_number() OVER w AS "
        "position,count(*) OVER () AS total,coalesce(lag(t.item_id) OVER w,0) AS "
        "previous,coalesce(lead(t.item_id) OVER w,0) AS next FROM task t JOIN item i ON "
        "i.id=t.item_id JOIN series y ON y.item_id=i.id WHERE t.run_id=?1 WINDOW w AS (ORDER BY "
        "y.patient,y.date,i.name,i.id)) WHERE id=?2",
        "ii", run, item);
    bool ok = rows &&
        (!json_array_size(rows) || json_object_update(doc, json_array_get(rows, 0)) == 0 ||
         err_set(err, ERR_NOMEM, "out of memory"));
    json_decref(rows);
    return ok;
}

static bool put_lists(struct store *s, json_t *doc, int64_t run, int64_t item, struct err *err)
{
    json_t *days = store_rows(s, err,
                              "SELECT t.item_id AS item,y.date,i.name FROM task t JOIN series y ON "
                              "y.item_id=t.item_id JOIN "
                              "item i ON i.id=t.item_id WHERE t.run_id=?1 AND y.patient<>'' AND "
                              "y.patient=(SELECT patient "
                              "FROM series WHERE item_id=?2) ORDER BY y.date,i.name,i.id LIMIT 200",
                              "ii", run, item);
    json_t *others = days
        ? store_rows(s, err,
                     "SELECT p.run_id AS run,p.model,p.version,p.task,p.settings AS "
                     "settings_json,r.user,t.ended_us FROM task t JOIN prediction p ON "
                     "p.run_id=t.run_id JOIN run r ON r.id=p.run_id WHERE t.item_id=?2 AND "
                     "p.run_id<>?1 AND t.state IN (?3,?4) ORDER BY p.run_id DESC LIMIT 100",
                     "iiii", run, item, (int64_t)TASK_DONE, (int64_t)TASK_CACHED)
        : NULL;
    bool ok = others && json_put(doc, "same_patient", json_incref(days), err) &&
        json_put(doc, "others", json_incref(others), err);
    json_decref(days);
    json_decref(others);
    return ok;
}

static bool put_words(json_t *doc, struct err *err)
{
    json_t *result = json_object_get(doc, "result"), *inner = json_object_get(result, "values");
    json_t *values = json_is_object(inner) ? inner : result;
    int64_t state = json_get_int(doc, "state", 0);
    bool ok = json_put(doc, "values", json_incref(values), err) &&
        json_put(doc, "done", json_boolean(state == TASK_DONE || state == TASK_CACHED), err) &&
        json_put(doc, "state", json_string(task_state_name((enum task_state)state)), err);
    (void)json_object_del(doc, "result");
    return ok;
}

json_t *prediction_view(struct store *s, int64_t run, int64_t item, struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT p.run_id AS run,p.model,p.version,p.task,p.dataset,p.dataset_id,p.trial AS "
        "trial_bool,p.settings AS settings_json,r.project_id AS project,r.user,t.id AS "
        "task_id,t.state,t.message,t.result AS result_json,t.ended_us,t.item_id AS "
        "item,i.name,y.kind,y.modality,y.description,y.patient,y.date,y.n_columns AS "
        "columns,y.n_rows AS rows,y.n_slices AS slices,y.n_times AS "
        "times,y.spacing_x,y.spacing_y,y.spacing_z,y.orientation FROM prediction p JOIN run r ON "
        "r.id=p.run_id JOIN task t ON t.run_id=r.id JOIN item i ON i.id=t.item_id JOIN series y ON "
        "y.item_id=i.id WHERE p.run_id=?1 AND t.item_id=?2 ORDER BY t.id LIMIT 1",
        "ii", run, item);
    json_t *doc = json_incref(json_array_get(rows, 0));
    bool ok = rows &&
        (doc ||
         err_set(err, ERR_NOTHING, "prediction %" PRId64 " has no series %" PRId64, run, item));
    ok = ok && put_words(doc, err) && put_place(s, doc, run, item, err) &&
        put_lists(s, doc, run, item, err);
    json_decref(rows);
    if (!ok) {
        json_decref(doc);
        return NULL;
    }
    return doc;
}
