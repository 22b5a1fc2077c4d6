/*
 * Operations on the catalog: projects, what a refresh found, per-item values, rotation centres,
 * tags, and the watch. The work is in catalog/; here arguments are taken apart and answers made.
 */
#include "engine/op.h"

#include <math.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "catalog/apply.h"
#include "catalog/corfile.h"
#include "catalog/corfix.h"
#include "catalog/fix.h"
#include "catalog/judge.h"
#include "catalog/project.h"
#include "catalog/series.h"
#include "engine/engine.h"
#include "engine/op-run.h"
#include "plan/batch.h"

static bool answer_new(json_t **ret, struct err *err)
{
    *ret = json_object();
    return *ret || err_set(err, ERR_NOMEM, "out of memory");
}

/* COR files are a mirror: when they cannot be written the catalog keeps the values, and the answer
 * says so. */
static bool mirror(struct store *s, int64_t project, json_t *answer, struct err *err)
{
    struct err why;
    if (cor_mirror(s, project, &why)) {
        return true;
    }
    json_t *warnings = json_array();
    bool ok = warnings && json_array_append_new(warnings, json_string(why.text)) == 0 &&
        json_object_set(answer, "warnings", warnings) == 0;
    json_decref(warnings);
    return ok || err_set(err, ERR_NOMEM, "out of memory");
}

/* An operation's failure leaves no answer behind. */
static bool finish(bool ok, json_t *answer, json_t **ret)
{
    if (!ok) {
        json_decref(answer);
        return false;
    }
    *ret = answer;
    return true;
}

static bool project_answer(const struct project *p, bool is_new, json_t *answer, struct err *err)
{
    return json_put(answer, "id", json_integer(p->id), err) &&
        json_put(answer, "name", json_string(p->name), err) &&
        json_put(answer, "root", json_string(p->root), err) &&
        json_put(answer, "rec", json_string(p->rec), err) &&
        json_put(answer, "attempts", json_string(p->attempts), err) &&
        json_put(answer, "new", json_boolean(is_new), err);
}

/* The option attempts_dir moves the attempts of projects registered from now on. */
static bool move_attempts(struct engine *e, struct store *s, struct project *p, struct err *err)
{
    const char *dir = e && e->options ? options_text(e->options, "attempts_dir") : "";
    char *path = *dir ? mem_printf(err, "%s/%s", dir, p->name) : NULL;
    if (!*dir) {
        return true;
    }
    bool ok =
        path && store_exec(s, err, "UPDATE project SET attempts=?2 WHERE id=?1", "is", p->id, path);
    if (ok) {
        mem_free(p->attempts);
        p->attempts = path;
    } else {
        mem_free(path);
    }
    return ok;
}

/* {"folder", "name"?} -> the project, "new": bool */
static bool op_project_add(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                           struct err *err)
{
    struct project p = {0};
    bool is_new;
    json_t *answer;
    if (!answer_new(&answer, err)) {
        return false;
    }
    bool ok = project_add(s, json_get_text(args, "folder", ""), json_get_text(args, "name", NULL),
                          &p, &is_new, err);
    ok = ok && (!is_new || move_attempts(e, s, &p, err)) && project_answer(&p, is_new, answer, err);
    project_fini(&p);
    return finish(ok, answer, ret);
}

/* {"project", "min_size_pct": 0-100 or null} */
static bool op_project_set(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                           struct err *err)
{
    (void)e;
    int64_t pct = json_get_int(args, "min_size_pct", -1);
    json_t *answer;
    if (pct > 100) {
        return err_set(err, ERR_USAGE, "the undersized limit is a percentage, 0 to 100");
    }
    return answer_new(&answer, err) &&
        finish(store_exec(s, err, "UPDATE project SET min_size_pct=nullif(?2,-1) WHERE id=?1", "ii",
                          json_get_int(args, "project", 0), pct < 0 ? (int64_t)-1 : pct),
               answer, ret);
}

static bool op_scan_apply(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                          struct err *err)
{
    (void)e;
    json_t *answer;
    if (!answer_new(&answer, err)) {
        return false;
    }
    bool ok = apply_scan(s, args, err);
    if (ok && json_object_get(args, "cors")) {
        ok = mirror(s, json_get_int(args, "project", 0), answer, err);
    }
    return finish(ok, answer, ret);
}

static bool ids_of(const json_t *args, int64_t **ret, size_t *ret_n, struct err *err)
{
    const json_t *items = json_object_get(args, "items"), *id;
    size_t n = json_array_size(items), i;
    int64_t *ids = mem_array(n, sizeof *ids, err);
    if (!ids) {
        return false;
    }
    json_array_foreach(items, i, id)
    {
        ids[i] = json_integer_value(id);
    }
    *ret = ids;
    *ret_n = n;
    return true;
}

static int64_t pct_in_force(const struct engine *e, const struct project *p)
{
    bool configured = e && e->options && options_given(e->options, "undersized_percent");
    return judge_pct(p,
                     p->min_size_pct < 0 && configured
                         ? (int64_t)options_number(e->options, "undersized_percent")
                         : -1);
}

/* Skipping by hand shows in the status word at once. */
static bool judge_again(struct engine *e, struct store *s, const json_t *args, struct err *err)
{
    struct project p = {0};
    int64_t *ids = NULL;
    size_t n = 0;
    json_t *rows = NULL, *change = NULL;
    bool ok = ids_of(args, &ids, &n, err) &&
        project_by_id(s, json_get_int(args, "project", 0), &p, err) &&
        (rows = judge_rows(s, &p, pct_in_force(e, &p), ids, n, err)) && answer_new(&change, err) &&
        json_put(change, "project", json_integer(p.id), err) &&
        json_put(change, "rows", json_incref(rows), err) && apply_scan(s, change, err);
    json_decref(change);
    json_decref(rows);
    mem_free(ids);
    project_fini(&p);
    return ok;
}

/* A parameter must be one of some tool's, with a value that tool takes. */
static bool check_param(const struct tools *tools, const char *key, const json_t *value,
                        struct err *err)
{
    bool known = false;
    err->code = ERR_NONE;
    for (size_t i = 0; i < tools_count(tools); i++) {
        const struct tool *t = tools_at(tools, i);
        bool later = false;
        if (!tool_input(t, key)) {
            if (!tool_check_later(t, key, value, &later, err)) {
                return false;
            }
            known = known || later;
            continue;
        }
        known = true;
        if (tool_check_value(t, key, value, err)) {
            return true;
        }
    }
    return known
        ? err->code == ERR_NONE /* one that is not built yet, and off */
        : err_set(err, ERR_USAGE, "no tool has a parameter '%s' (cor, enabled, or a tool's)", key);
}

static bool check_params(const struct engine *e, const json_t *set, struct err *err)
{
    static const char *const own[] = {"cor", "enabled", "skip", NULL};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)set, key, value)
    {
        size_t i = 0;
        while (own[i] && strcmp(own[i], key) != 0) {
            i++;
        }
        bool removed = json_is_null(value) || (json_is_string(value) && !*json_string_value(value));
        if (!own[i] && !removed && e && e->tools && !check_param(e->tools, key, value, err)) {
            return false;
        }
    }
    return true;
}

/* A centre that no scan of this width can have is a slip of the finger. Half a detector beyond each
 * edge is let through: specimens wider than the beam are scanned off-centre. */
static bool check_cor(struct store *s, const json_t *args, struct err *err)
{
    json_t *items = json_object_get(args, "items"), *id;
    double cor = json_get_double(json_object_get(args, "set"), "cor", NAN);
    size_t i;
    if (!isfinite(cor)) {
        return true;
    }
    json_array_foreach(items, i, id)
    {
        struct query *q =
            store_query(s, err, "SELECT name,n_columns FROM item WHERE id=?1 AND n_columns>0", "i",
                        (int64_t)json_integer_value(id));
        if (!q) {
            return false;
        }
        bool known = query_next(q);
        double columns = known ? (double)query_int(q, 1) : 0, beyond = columns / 2;
        bool fits = !known || (cor >= -beyond && cor <= columns - 1 + beyond) ||
            err_set(
                err, ERR_USAGE,
                "cor = %.12g is off the detector of '%s' (columns 0 to %.0f): %.12g to %.12g can "
                "be set, half a detector beyond each edge for off-centre scans",
                cor, query_text(q, 0), columns - 1, -beyond, columns - 1 + beyond);
        if (!query_end(q, fits ? err : err_ignore("the first error stays")) || !fits) {
            return false;
        }
    }
    return true;
}

/* What was set together with what was there: pairs in order for every tool. */
static bool check_order(const struct engine *e, struct store *s, const json_t *args,
                        struct err *err)
{
    json_t *items = json_object_get(args, "items"), *id;
    size_t i;
    json_array_foreach(items, i, id)
    {
        char *text = NULL;
        bool ok = store_text(s, &text, err, "SELECT params FROM item WHERE id=?1", "i",
                             (int64_t)json_integer_value(id));
        json_t *params = text ? json_loads(text, 0, NULL) : NULL;
        for (size_t k = 0; ok && params && k < tools_count(e->tools); k++) {
            ok = tool_check_order(tools_at(e->tools, k), params, err);
        }
        json_decref(params);
        mem_free(text);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* {"project", "items", "set": {key: value}} -> {"items": n, "warnings"?} */
static bool op_item_set(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                        struct err *err)
{
    const json_t *set = json_object_get(args, "set");
    json_t *answer;
    if (!answer_new(&answer, err)) {
        return false;
    }
    bool switched = json_object_get(set, "enabled") || json_object_get(set, "skip");
    bool ok = check_params(e, set, err) && check_cor(s, args, err) && apply_set(s, args, err) &&
        (!e || !e->tools || check_order(e, s, args, err)) &&
        (!switched || judge_again(e, s, args, err)) &&
        json_put(answer, "items",
                 json_integer((json_int_t)json_array_size(json_object_get(args, "items"))), err);
    if (ok && json_object_get(set, "cor")) {
        ok = mirror(s, json_get_int(args, "project", 0), answer, err);
    }
    return finish(ok, answer, ret);
}

/* {"items", "hidden": bool} -> {"items": n} */
static bool op_item_forget(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                           struct err *err)
{
    (void)e;
    json_t *answer;
    return answer_new(&answer, err) &&
        finish(apply_hidden(s, args, err) &&
                   json_put(
                       answer, "items",
                       json_integer((json_int_t)json_array_size(json_object_get(args, "items"))),
                       err),
               answer, ret);
}

/* {"project", "items", "max_delta"?} -> the report of DESIGN 3, applied */
static bool op_cor_fix(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                       struct err *err)
{
    (void)e;
    int64_t *ids = NULL, project = json_get_int(args, "project", 0);
    size_t n = 0;
    json_t *report = NULL;
    bool ok = ids_of(args, &ids, &n, err) &&
        (report = fix_report(s, project, ids, n,
                             json_get_double(args, "max_delta", CORFIX_MAX_DELTA), err)) &&
        fix_apply(s, report, err) && mirror(s, project, report, err);
    mem_free(ids);
    return finish(ok, report, ret);
}

/* {"items", "tag", "add": bool} -> {"changed": n} */
static bool op_tag(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    (void)e;
    int64_t changed;
    json_t *answer;
    return answer_new(&answer, err) &&
        finish(apply_tag(s, args, &changed, err) &&
                   json_put(answer, "changed", json_integer(changed), err),
               answer, ret);
}

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
 * start, which its first walk may have found already. */
static bool begin_baseline(struct store *s, int64_t project, int64_t since_us, struct err *err)
{
    return store_exec(s, err,
                      "UPDATE item SET baseline=(mtime_ns<?2*1000),taken=0 WHERE project_id=?1 AND "
                      "(baseline=0 OR taken=1 OR mtime_ns>=?2*1000)",
                      "ii", project, since_us);
}

/* What would be launched is checked before the first scan comes. */
static bool check_launch(struct engine *e, struct store *s, const json_t *launch, struct err *err)
{
    if (!json_is_object(launch) || !e) {
        return true;
    }
    json_t *whole = op_find_batch(e, s, json_object_get(launch, "batch"), err);
    json_t *batch =
        whole ? batch_phases(whole, json_object_get(launch, "phases"), e->tools, err) : NULL;
    json_t *none = json_object();
    const json_t *params = json_object_get(launch, "params");
    bool ok = batch && none && batch_check_params(batch, params ? params : none, e->tools, err);
    json_decref(none);
    json_decref(batch);
    json_decref(whole);
    return ok;
}

/* {"project", "batch", "since_us"?, "run"?} -> {"resumed": bool, "started_us"}. A row that still
 * stands was left by a kill: the watch goes on where it was. A fresh one starts from what is on
 * disk now. */
static bool op_watch_start(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                           struct err *err)
{
    int64_t project = json_get_int(args, "project", 0), since = 0, others = 0;
    const char *batch = json_get_text(args, "batch", "");
    json_t *answer;
    if (!answer_new(&answer, err)) {
        return false;
    }
    bool ok = check_launch(e, s, json_object_get(args, "run"), err) &&
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
    if (ok && !since) {
        ok = store_exec(s, err, "INSERT INTO watch(project_id,batch,started_us) VALUES(?1,?2,?3)",
                        "isi", project, batch, clock_utc_us());
    }
    ok = ok && json_put(answer, "resumed", json_boolean(since != 0), err) &&
        json_put(answer, "started_us", json_integer(since ? since : clock_utc_us()), err);
    return finish(ok, answer, ret);
}

/* {"project", "batch"}: the watch ended on purpose. */
static bool op_watch_stop(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                          struct err *err)
{
    (void)e;
    json_t *answer;
    return answer_new(&answer, err) &&
        finish(store_exec(s, err, "DELETE FROM watch WHERE project_id=?1 AND batch=?2", "is",
                          json_get_int(args, "project", 0), json_get_text(args, "batch", "")),
               answer, ret);
}

/*
 * {"project", "items", "run": arguments of run.create or null} -> what run.create answers. Marking
 * the items as taken and launching on them is one transaction, so a watcher that is killed neither
 * forgets one nor launches twice.
 */
static bool op_watch_take(struct engine *e, struct store *s, const json_t *args, json_t **ret,
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
            json_put(call, "watch", json_true(), err) &&
            op_call(e, s, "run.create", call, &answer, err) &&
            (json_object_get(answer, "run") ||
             err_set(err, ERR_USAGE,
                     "no rotation centre: give it with gantry cor set, or watch with --cor auto"));
    } else {
        ok = ok && answer_new(&answer, err);
    }
    ok = ok && json_object_set(answer, "taken", fresh) == 0;
    json_decref(call);
    json_decref(fresh);
    return finish(ok, answer, ret);
}

const struct op ops_catalog[] = {
    {"project.add", op_project_add},
    {"project.set", op_project_set},
    {"scan.apply", op_scan_apply},
    {"item.set", op_item_set},
    {"item.forget", op_item_forget},
    {"cor.fix", op_cor_fix},
    {"tag.change", op_tag},
    {"watch.start", op_watch_start},
    {"watch.stop", op_watch_stop},
    {"watch.take", op_watch_take},
    {NULL, NULL},
};
