/*
 * Operations on the catalog: projects, what a refresh found, per-item values, rotation centres,
 * tags, and the watch. The work is in catalog/; here arguments are taken apart and answers made.
 */
#include "engine/op-catalog.h"

#include <math.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "catalog/apply.h"
#include "catalog/cor.h"
#include "catalog/corfile.h"
#include "catalog/corfix.h"
#include "catalog/fix.h"
#include "catalog/judge.h"
#include "catalog/project.h"
#include "catalog/series.h"
#include "engine/engine.h"
#include "engine/op-run.h"
#include "plan/batch.h"

bool op_answer(json_t **ret, struct err *err)
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
bool op_finish(bool ok, json_t *answer, json_t **ret)
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
    if (!op_answer(&answer, err)) {
        return false;
    }
    bool ok = project_add(s, json_get_text(args, "folder", ""), json_get_text(args, "name", NULL),
                          &p, &is_new, err);
    ok = ok && (!is_new || move_attempts(e, s, &p, err)) && project_answer(&p, is_new, answer, err);
    project_fini(&p);
    return op_finish(ok, answer, ret);
}

/* {"project"}: one just registered of which nothing came */
static bool op_project_forget(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                              struct err *err)
{
    json_t *answer;
    (void)e;
    return op_answer(&answer, err) &&
        op_finish(project_forget_unused(s, json_get_int(args, "project", 0), err), answer, ret);
}

static bool op_scan_apply(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                          struct err *err)
{
    (void)e;
    json_t *answer;
    if (!op_answer(&answer, err)) {
        return false;
    }
    bool ok = apply_scan(s, args, err);
    if (ok && json_object_get(args, "cors")) {
        ok = mirror(s, json_get_int(args, "project", 0), answer, err);
    }
    return op_finish(ok, answer, ret);
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
        (rows = judge_rows(s, &p, pct_in_force(e, &p), ids, n, err)) && op_answer(&change, err) &&
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
static bool check_centre(struct store *s, int64_t item, double cor, struct err *err)
{
    struct query *q = isfinite(cor) ? store_query(s, err,
                                                  "SELECT name,n_columns FROM item WHERE id=?1 AND "
                                                  "n_columns>0",
                                                  "i", item)
                                    : NULL;
    if (!q) {
        return !isfinite(cor);
    }
    bool known = query_next(q);
    double columns = known ? (double)query_int(q, 1) : 0, beyond = columns / 2;
    bool fits = !known || (cor >= -beyond && cor <= columns - 1 + beyond) ||
        err_set(err, ERR_USAGE,
                "cor = %.12g is off the detector of '%s' (columns 0 to %.0f): %.12g to %.12g can "
                "be set, half a detector beyond each edge for off-centre scans",
                cor, query_text(q, 0), columns - 1, -beyond, columns - 1 + beyond);
    return query_end(q, fits ? err : err_ignore("the first error stays")) && fits;
}

static bool check_cor(struct store *s, const json_t *args, struct err *err)
{
    json_t *items = json_object_get(args, "items"), *id;
    double cor = json_get_double(json_object_get(args, "set"), "cor", NAN);
    size_t i;
    json_array_foreach(items, i, id)
    {
        if (!check_centre(s, json_integer_value(id), cor, err)) {
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

/* What cor.put needs to put the rows back as they are now. */
static bool old_values(struct store *s, const json_t *args, json_t *answer, struct err *err)
{
    json_t *undo = json_array();
    const json_t *id;
    size_t i;
    bool ok = undo != NULL;
    const json_t *items = json_object_get(args, "items");
    items = items ? items : json_object_get(args, "rows");
    json_array_foreach(items, i, id)
    {
        int64_t item = json_is_object(id) ? json_get_int(id, "id", 0) : json_integer_value(id);
        json_t *rows = ok ? store_rows(s, err,
                                       "SELECT id,cor,cor_source,cor_confidence AS confidence "
                                       "FROM item WHERE id=?1 AND project_id=?2",
                                       "ii", item, json_get_int(args, "project", 0))
                          : NULL;
        ok = rows && json_array_extend(undo, rows) == 0;
        json_decref(rows);
    }
    return json_put(answer, "undo", undo, ok ? err : err_ignore("the first error stays")) && ok;
}

/* {"project", "items", "set": {key: value}} -> {"items": n, "warnings"?}; with "undo": true also
 * {"undo": rows for cor.put} */
bool op_item_set(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                 struct err *err)
{
    const json_t *set = json_object_get(args, "set");
    json_t *answer;
    if (!op_answer(&answer, err)) {
        return false;
    }
    bool switched = json_object_get(set, "enabled") || json_object_get(set, "skip");
    bool ok = check_params(e, set, err) && check_cor(s, args, err) &&
        (!json_get_bool(args, "undo", false) || !json_object_get(set, "cor") ||
         old_values(s, args, answer, err)) &&
        apply_set(s, args, err) && (!e || !e->tools || check_order(e, s, args, err)) &&
        (!switched || judge_again(e, s, args, err)) &&
        json_put(answer, "items",
                 json_integer((json_int_t)json_array_size(json_object_get(args, "items"))), err);
    if (ok && json_object_get(set, "cor")) {
        ok = mirror(s, json_get_int(args, "project", 0), answer, err);
    }
    return op_finish(ok, answer, ret);
}

static bool source_known(const char *source, struct err *err)
{
    static const char *const known[] = {"manual",      "vo",   "pc",   "entropy",
                                        "ai",          "auto", "file", "outlier-fixed",
                                        "series-mean", NULL};
    size_t i = 0;
    while (known[i] && strcmp(known[i], source) != 0) {
        i++;
    }
    return known[i] || err_set(err, ERR_USAGE, "cor_source: there is no '%.40s'", source);
}

/* {"project", "rows": [{"id", "cor", "cor_source"?, "confidence"?}]} -> {"items": n, "warnings"?}:
 * each row its own value, as an undo wants it. */
static bool op_cor_put(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                       struct err *err)
{
    const json_t *rows = json_object_get(args, "rows"), *row;
    int64_t project = json_get_int(args, "project", 0), owner;
    json_t *answer;
    size_t i;
    (void)e;
    if (!op_answer(&answer, err)) {
        return false;
    }
    bool ok = !json_get_bool(args, "undo", false) || old_values(s, args, answer, err);
    json_array_foreach(rows, i, row)
    {
        double cor = NAN;
        int64_t id = json_get_int(row, "id", 0);
        const json_t *value = json_object_get(row, "cor");
        ok = ok && store_int(s, 0, &owner, err, "SELECT project_id FROM item WHERE id=?1", "i", id);
        if (ok && owner != project) {
            ok = err_set(err, ERR_NOTHING, "there is no item %lld in this project", (long long)id);
        }
        ok = ok && source_known(json_get_text(row, "cor_source", "manual"), err) &&
            (!value || apply_cor_value(value, &cor, err)) && check_centre(s, id, cor, err) &&
            cor_write(s, id, cor, json_get_text(row, "cor_source", "manual"),
                      json_get_double(row, "confidence", NAN), 0, 0, "put back", err);
    }
    ok = ok && json_put(answer, "items", json_integer((json_int_t)json_array_size(rows)), err) &&
        mirror(s, project, answer, err);
    return op_finish(ok, answer, ret);
}

/* {"project", "from", "items", "cor": bool} -> {"items": n, "warnings"?}: the row's own parameters
 * take the place of the others' (B11); with `cor` its centre too. */
static bool op_item_copy(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                         struct err *err)
{
    const json_t *id;
    json_t *answer, *rows;
    size_t i;
    bool with_cor = json_get_bool(args, "cor", false);
    (void)e;
    if (!op_answer(&answer, err)) {
        return false;
    }
    rows = store_rows(s, err,
                      "SELECT params AS params_json,cor FROM item WHERE id=?1 AND project_id=?2",
                      "ii", json_get_int(args, "from", 0), json_get_int(args, "project", 0));
    bool ok = rows != NULL;
    const json_t *from = json_array_get(rows, 0);
    double cor = json_get_double(from, "cor", NAN);
    ok = ok && (from || err_set(err, ERR_NOTHING, "there is no such item to copy from"));
    json_array_foreach(json_object_get(args, "items"), i, id)
    {
        ok = ok &&
            store_exec(s, err, "UPDATE item SET params=?2,changed_us=?3 WHERE id=?1", "iji",
                       (int64_t)json_integer_value(id), json_object_get(from, "params"),
                       clock_utc_us()) &&
            (!with_cor ||
             cor_write(s, json_integer_value(id), cor, "manual", NAN, 0, 0,
                       "copied from another row", err));
    }
    ok = ok &&
        json_put(answer, "items",
                 json_integer((json_int_t)json_array_size(json_object_get(args, "items"))), err) &&
        (!with_cor || mirror(s, json_get_int(args, "project", 0), answer, err));
    json_decref(rows);
    return op_finish(ok, answer, ret);
}

/* {"items", "hidden": bool} -> {"items": n} */
static bool op_item_forget(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                           struct err *err)
{
    (void)e;
    json_t *answer;
    return op_answer(&answer, err) &&
        op_finish(apply_hidden(s, args, err) &&
                      json_put(
                          answer, "items",
                          json_integer((json_int_t)json_array_size(json_object_get(args, "items"))),
                          err),
                  answer, ret);
}

/* The rows that a report changes, as they are now. */
static bool fix_undo(struct store *s, int64_t project, json_t *report, struct err *err)
{
    static const char *const lists[] = {"replaced", "filled"};
    json_t *ids = json_array(), *args = NULL;
    const json_t *row;
    size_t i;
    for (size_t k = 0; k < 2; k++) {
        json_array_foreach(json_object_get(report, lists[k]), i, row)
        {
            (void)json_array_append(ids, json_object_get(row, "id"));
        }
    }
    args = json_pack("{s:I, s:O}", "project", (json_int_t)project, "items", ids);
    bool ok =
        (args || err_set(err, ERR_NOMEM, "out of memory")) && old_values(s, args, report, err);
    json_decref(args);
    json_decref(ids);
    return ok;
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
        (!json_get_bool(args, "undo", false) || fix_undo(s, project, report, err)) &&
        fix_apply(s, report, err) && mirror(s, project, report, err);
    mem_free(ids);
    return op_finish(ok, report, ret);
}

const struct op ops_catalog[] = {
    {"project.add", op_project_add},
    {"project.set", op_project_set},
    {"project.forget", op_project_forget},
    {"scan.apply", op_scan_apply},
    {"cohort.apply", op_cohort_apply},
    {"attrs.import", op_attrs_import},
    {"item.set", op_item_set},
    {"item.copy", op_item_copy},
    {"item.forget", op_item_forget},
    {"cor.put", op_cor_put},
    {"cor.fix", op_cor_fix},
    {"tag.change", op_tag},
    {"watch.start", op_watch_start},
    {"watch.stop", op_watch_stop},
    {"watch.take", op_watch_take},
    {NULL, NULL},
};
