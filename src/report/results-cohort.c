/* Attributes of a subject stand at its studies; a value is a number, a text or a truth value,
 * objects are opened (JOB.KEY.KEY), lists are left to the job's own table. */
#include "report/results-cohort.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

#define DEEPEST 4

static const char *const who[] = {"PID", "SID", "date", NULL};
/* Columns that the table has of its own. */
static const char *const taken[] = {"PID",     "SID",   "date",    "name", "status",
                                    "outputs", "error", "warning", "path", NULL};

bool results_is_cohort(struct store *s, int64_t run, bool *ret, struct err *err)
{
    int64_t found = 0;
    bool ok = store_int(s, 0, &found, err,
                        "SELECT i.level IN ('study','subject','series') FROM task t JOIN item i ON "
                        "i.id=t.item_id WHERE t.run_id=?1 LIMIT 1",
                        "i", run);
    *ret = found != 0;
    return ok;
}

/* An attribute whose name is a column's gets another. */
static char *attribute_name(const char *key, struct err *err)
{
    size_t i = 0;
    while (taken[i] && strcmp(taken[i], key) != 0) {
        i++;
    }
    return taken[i] ? mem_printf(err, "subject.%s", key) : mem_strdup(key, err);
}

static bool put_attributes(json_t *to, json_t *attrs, struct err *err)
{
    const char *key;
    json_t *value;
    bool ok = true;
    json_object_foreach(attrs, key, value)
    {
        char *name = ok ? attribute_name(key, err) : NULL;
        ok = name && json_put(to, name, json_incref(value), err);
        mem_free(name);
    }
    return ok;
}

static bool put_values(json_t *to, const char *prefix, json_t *value, int depth, struct err *err)
{
    const char *key;
    json_t *inner;
    bool ok = true;
    if (!json_is_object(value)) {
        return json_is_array(value) || json_put(to, prefix, json_incref(value), err);
    }
    json_object_foreach(value, key, inner)
    {
        char *name = ok && depth < DEEPEST ? mem_printf(err, "%s.%s", prefix, key) : NULL;
        ok = ok && (depth >= DEEPEST || (name && put_values(to, name, inner, depth + 1, err)));
        mem_free(name);
    }
    return ok;
}

static json_t *row_of(json_t *by_id, int64_t item)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%" PRId64, item);
    return json_object_get(by_id, key);
}

/* Of series: what the catalog knows of them instead. */
static const char *const of_series[] = {"name",        "patient", "date", "modality",
                                        "description", "slices",  NULL};

static bool is_series(struct store *s, int64_t run, bool *ret, struct err *err)
{
    int64_t found = 0;
    bool ok = store_int(s, 0, &found, err,
                        "SELECT i.level='series' FROM task t JOIN item i ON i.id=t.item_id WHERE "
                        "t.run_id=?1 LIMIT 1",
                        "i", run);
    *ret = found != 0;
    return ok;
}

static bool read_series(struct store *s, int64_t run, json_t *by_id, struct err *err)
{
    struct query *q = store_query(
        s, err,
        "SELECT v.item_id,v.patient,v.date,v.modality,v.description,v.n_slices,p.root||'/'||v.path "
        "FROM run r JOIN project p ON p.id=r.project_id JOIN series v ON v.item_id IN (SELECT "
        "item_id FROM task WHERE run_id=?1) WHERE r.id=?1",
        "i", run);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        json_t *row = row_of(by_id, query_int(q, 0));
        for (int i = 1; ok && i < 5; i++) {
            ok = row && json_put(row, of_series[i], json_string(query_text(q, i)), err);
        }
        ok = ok && row && json_put(row, "slices", json_integer(query_int(q, 5)), err) &&
            json_put(row, "path", json_string(query_text(q, 6)), err);
    }
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

/* What the job has reported; of a cached one, what it reported then. */
static bool put_result(json_t *to, const char *job, const char *text, struct err *err)
{
    json_t *doc =
        json_parse(text, strlen(text), "a task's result", err_ignore("then it has no values"));
    json_t *values = json_object_get(doc, "values");
    bool ok =
        !json_is_object(doc) || put_values(to, job, json_is_object(values) ? values : doc, 0, err);
    json_decref(doc);
    return ok;
}

/* `by_id` NULL: the keys alone, gathered in `all`. */
static bool read_items(struct store *s, int64_t run, json_t *by_id, json_t *all, struct err *err)
{
    struct query *q = store_query(
        s, err,
        "SELECT i.id,coalesce(p.name,i.name),coalesce(s.sid,''),coalesce(s.date,''),"
        "json_patch(coalesce(p.attrs,'{}'),i.attrs) FROM item i LEFT JOIN study s ON "
        "s.item_id=i.id LEFT JOIN item p ON p.id=s.subject_id WHERE i.id IN (SELECT item_id FROM "
        "task WHERE run_id=?1) ORDER BY i.name",
        "i", run);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        json_t *row = by_id ? row_of(by_id, query_int(q, 0)) : all;
        const char *text = query_text(q, 4);
        json_t *attrs = json_parse(text, strlen(text), "attributes", err);
        ok = row && attrs && put_attributes(row, attrs, err) &&
            (!by_id ||
             (json_put(row, who[0], json_string(query_text(q, 1)), err) &&
              json_put(row, who[1], json_string(query_text(q, 2)), err) &&
              json_put(row, who[2], json_string(query_text(q, 3)), err)));
        json_decref(attrs);
    }
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

static bool read_values(struct store *s, int64_t run, json_t *by_id, json_t *all, struct err *err)
{
    struct query *q =
        store_query(s, err,
                    "SELECT t.item_id,t.job_id,coalesce((SELECT c.result FROM task c WHERE "
                    "t.state=6 AND t.result IN ('','{}') AND c.id=t.cached_from),t.result) FROM "
                    "task t WHERE t.run_id=?1 AND t.state IN (5,6) ORDER BY t.job,t.id",
                    "i", run);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        json_t *row = by_id ? row_of(by_id, query_int(q, 0)) : all;
        ok = row && put_result(row, query_text(q, 1), query_text(q, 2), err);
    }
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

static bool append_keys(json_t *list, json_t *all, struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(all, key, value)
    {
        if (json_array_append_new(list, json_string(key)) != 0) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    return true;
}

bool results_cohort_columns(struct store *s, int64_t run, json_t *head, json_t *values,
                            struct err *err)
{
    json_t *attrs = json_object(), *reported = json_object();
    bool series = false;
    bool ok = attrs && reported && is_series(s, run, &series, err) &&
        (series || read_items(s, run, NULL, attrs, err)) &&
        read_values(s, run, NULL, reported, err);
    for (const char *const *name = series ? of_series : who; ok && *name; name++) {
        ok = json_array_append_new(head, json_string(*name)) == 0;
    }
    ok = ok && append_keys(head, attrs, err) && append_keys(values, reported, err);
    json_decref(attrs);
    json_decref(reported);
    return ok;
}

bool results_cohort_fill(struct store *s, int64_t run, json_t *by_id, struct err *err)
{
    bool series = false;
    return is_series(s, run, &series, err) &&
        (series ? read_series(s, run, by_id, err) : read_items(s, run, by_id, NULL, err)) &&
        read_values(s, run, by_id, NULL, err);
}
