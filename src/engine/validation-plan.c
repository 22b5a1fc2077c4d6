/* The prediction's row, its series, and the truth that is found for each. */
#include "engine/validation-plan.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "model/truth.h"
#include "os/file.h"

#define TOLERANCE_MM 1.0

static bool out_of_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

/* ---- the prediction ---- */

static bool read_prediction(struct store *s, struct validation_plan *p, struct err *err)
{
    struct query *q = store_query(
        s, err,
        "SELECT "
        "p.model,p.version,p.dataset,p.task,p.folder,j.root,coalesce(r.rec,j.rec),r.rec,j.id "
        "FROM prediction p JOIN run r ON r.id=p.run_id JOIN project j ON j.id=r.project_id WHERE "
        "p.run_id=?1",
        "i", p->of);
    char **texts[] = {&p->model,       &p->version, &p->dataset, &p->task,
                      &p->predictions, &p->root,    &p->rec};
    bool found = q && query_next(q), ok = true;
    for (int i = 0; found && i < 7; i++) {
        *texts[i] = mem_strdup(query_text(q, i), err);
        ok = ok && *texts[i];
    }
    if (found && !query_null(q, 7)) {
        p->own_rec = mem_strdup(query_text(q, 7), err);
        ok = ok && p->own_rec;
    }
    p->project = found ? query_int(q, 8) : 0;
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok &&
        (found ||
         err_set(err, ERR_USAGE, "run %" PRId64 " is no prediction: there is nothing to validate",
                 p->of));
}

static bool check_over(struct store *s, const struct validation_plan *p, struct err *err)
{
    int64_t open = 0, all = 0;
    return store_int(s, 0, &open, err,
                     "SELECT count(*) FROM task WHERE run_id=?1 AND state IN (0,1,2,3,4,10)", "i",
                     p->of) &&
        store_int(s, 0, &all, err, "SELECT count(*) FROM task WHERE run_id=?1", "i", p->of) &&
        (open == 0 ||
         err_set(err, ERR_USAGE,
                 "prediction %" PRId64 " is not over: %" PRId64 " of %" PRId64
                 " series are still to be done",
                 p->of, open, all));
}

/* ---- the truth ---- */

static bool check_kind(const struct validation_plan *p, const struct truth *t, struct err *err)
{
    if (!strcmp(p->task, "detection")) {
        return err_set(err, ERR_UNSUPPORTED,
                       "prediction %" PRId64 " found boxes: only masks and classes are validated",
                       p->of);
    }
    bool table = !strcmp(p->task, "classification");
    if (table == truth_is_table(t)) {
        return true;
    }
    return err_set(err, ERR_USAGE,
                   table ? "model '%s' says classes: the truth is a table (CSV) of series and "
                           "label, not a folder"
                         : "model '%s' draws masks: the truth is a folder of masks, not a table",
                   p->model);
}

/* Takes the row's texts; `row` 0-6: id, name, stem, uid, path, state, message. */
static bool add_series(struct validation_plan *p, const struct query *q, struct err *err)
{
    int64_t state = query_int(q, 5);
    bool done = state == 5 || state == 6;
    const char *message = query_text(q, 6);
    char *own = path_join(p->root, query_text(q, 4), err),
         *reason = done ? mem_strdup("", err)
                        : mem_printf(err, "%.200s", message[0] ? message : "it was not made");
    json_t *row = own && reason
        ? json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "item", (json_int_t)query_int(q, 0),
                    "name", query_text(q, 1), "stem", query_text(q, 2), "uid", query_text(q, 3),
                    "path", query_text(q, 4), "own", own, "reason", reason, "state",
                    "no prediction")
        : NULL;
    bool ok = (row && json_array_append_new(p->series, row) == 0) || out_of_memory(err);
    mem_free(own);
    mem_free(reason);
    return ok;
}

static bool read_series(struct store *s, struct validation_plan *p, struct err *err)
{
    struct query *q =
        store_query(s, err,
                    "SELECT t.item_id,i.name,coalesce(x.stem,i.name),coalesce(x.uid,''),"
                    "coalesce(x.path,i.name),t.state,t.message FROM task t JOIN item i ON "
                    "i.id=t.item_id LEFT JOIN series x ON x.item_id=t.item_id WHERE t.run_id=?1 "
                    "ORDER BY t.id",
                    "i", p->of);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        ok = add_series(p, q, err);
    }
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

static struct truth_key key_of(const json_t *row)
{
    return (struct truth_key){json_get_int(row, "item", 0), json_get_text(row, "path", ""),
                              json_get_text(row, "stem", ""), json_get_text(row, "uid", ""),
                              json_get_text(row, "own", "")};
}

static bool match_one(struct validation_plan *p, struct truth *t, json_t *row, struct err *err)
{
    char why[TRUTH_WHY] = "";
    const char *reason = json_get_text(row, "reason", ""), *found = NULL;
    struct truth_key key = key_of(row);
    bool ok = true;
    if (!reason[0]) {
        found = truth_find(t, &key, why);
        str_utf8_mend(why);
        ok = json_put(row, "state", json_string(found ? "found" : "no truth"), err) &&
            json_put(row, "reason", json_string(why), err) &&
            json_put(row, "truth", found ? json_string(found) : json_null(), err);
    }
    ok = ok &&
        (!found || json_array_append(p->items, json_object_get(row, "item")) == 0 ||
         out_of_memory(err));
    (void)json_object_del(row, "own");
    (void)json_object_del(row, "uid");
    (void)json_object_del(row, "path");
    return ok;
}

static bool match(struct validation_plan *p, struct truth *t, struct err *err)
{
    json_t *row;
    size_t i;
    bool ok = true;
    json_array_foreach(p->series, i, row)
    {
        struct truth_key key = key_of(row);
        ok = ok && truth_note(t, &key, err);
    }
    json_array_foreach(p->series, i, row)
    {
        ok = ok && match_one(p, t, row, err);
    }
    if (!ok || json_array_size(p->items) > 0) {
        return ok;
    }
    const json_t *first = json_array_get(p->series, 0);
    return err_set(err, ERR_NOTHING,
                   "no truth in '%.150s' for any of %zu series; the first is %.100s (%.100s)",
                   p->shown, json_array_size(p->series), json_get_text(first, "name", ""),
                   json_get_text(first, "reason", ""));
}

bool validation_plan_open(struct store *s, const json_t *args, struct validation_plan *ret,
                          struct err *err)
{
    const char *truth = json_get_text(args, "truth", "");
    struct validation_plan p = {.of = json_get_int(args, "run", 0),
                                .tolerance = json_get_double(args, "tolerance", TOLERANCE_MM)};
    struct truth *t = NULL;
    bool ok = (truth[0] == '/' ||
               err_set(err, ERR_USAGE,
                       "the truth is a folder of masks or a table of labels (an absolute path)")) &&
        ((p.tolerance >= 0 && p.tolerance <= 1000) ||
         err_set(err, ERR_USAGE, "tolerance: %g mm is not within 0 to 1000", p.tolerance)) &&
        read_prediction(s, &p, err) && check_over(s, &p, err);
    p.truth = ok ? path_absolute("/", truth, err) : NULL;
    p.shown = p.truth ? mem_strdup(json_get_text(args, "truth_name", p.truth), err) : NULL;
    p.positive = p.shown ? mem_strdup(json_get_text(args, "positive", ""), err) : NULL;
    t = p.positive ? truth_open(p.truth, err) : NULL;
    ok = t && check_kind(&p, t, err);
    p.table = ok && truth_is_table(t);
    p.series = ok ? json_array() : NULL;
    p.items = ok ? json_array() : NULL;
    ok = ok && ((p.series && p.items) || out_of_memory(err)) && read_series(s, &p, err) &&
        match(&p, t, err);
    truth_free(t);
    if (!ok) {
        validation_plan_close(&p);
        return false;
    }
    *ret = p;
    return true;
}

bool validation_plan_write(const struct validation_plan *p, int64_t run, const char *folder,
                           struct err *err)
{
    json_t *doc = json_pack(
        "{s:i, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:s, s:O}", "gantry", 1, "run",
        (json_int_t)run, "of", (json_int_t)p->of, "kind", p->table ? "labels" : "masks", "model",
        p->model, "version", p->version, "dataset", p->dataset, "truth", p->shown, "predictions",
        p->predictions, "tolerance", p->tolerance, "positive", p->positive, "series", p->series);
    char *text = doc ? json_text(doc, err) : NULL,
         *path = text ? path_join(folder, VALIDATION_PLAN, err) : NULL;
    bool ok = (doc || out_of_memory(err)) && path && file_mkdirs(folder, 0777, err) &&
        file_write(path, text, strlen(text), false, err);
    mem_free(path);
    mem_free(text);
    json_decref(doc);
    return ok;
}

void validation_plan_close(struct validation_plan *p)
{
    char *texts[] = {p->model, p->version, p->dataset, p->task,  p->predictions, p->root,
                     p->rec,   p->own_rec, p->truth,   p->shown, p->positive};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mem_free(texts[i]);
    }
    json_decref(p->series);
    json_decref(p->items);
    *p = (struct validation_plan){.of = 0};
}
