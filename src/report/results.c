/* Three queries (items, tasks, outputs), joined in memory by the item's id. */
#include "report/results.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "codec/csv.h"
#include "model/state.h"
#include "report/results-cohort.h"

static const char *const head[] = {"name", "series",     "index",      "status",
                                   "cor",  "cor_source", "confidence", NULL};
static const char *const head_cohort[] = {"status", NULL}; /* behind who it is */
static const char *const tail[] = {"outputs", "error", "warning", "path", NULL};

static bool append_text(json_t *list, const char *text, struct err *err)
{
    return json_array_append_new(list, json_string(text)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

/* The job's ids of the frozen batch, in order. */
static json_t *job_ids(struct store *s, int64_t run, struct err *err)
{
    json_t *rows = store_rows(
        s, err, "SELECT job_id FROM task WHERE run_id = ? GROUP BY job_id ORDER BY min(job)", "i",
        run);
    json_t *ids = rows ? json_array() : NULL;
    for (size_t i = 0; ids && i < json_array_size(rows); i++) {
        if (!append_text(ids, json_get_text(json_array_get(rows, i), "job_id", ""), err)) {
            json_decref(ids);
            ids = NULL;
        }
    }
    json_decref(rows);
    return ids;
}

static bool append_all(json_t *list, const char *const *texts, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && texts[i]; i++) {
        ok = append_text(list, texts[i], err);
    }
    return ok;
}

json_t *results_columns(struct store *s, int64_t run, struct err *err)
{
    json_t *columns = json_array(), *jobs = job_ids(s, run, err), *values = json_array();
    bool cohort = false;
    bool ok = columns && jobs && values && results_is_cohort(s, run, &cohort, err) &&
        (!cohort || results_cohort_columns(s, run, columns, values, err)) &&
        append_all(columns, cohort ? head_cohort : head, err);
    for (size_t i = 0; ok && i < json_array_size(jobs); i++) {
        const char *job = json_string_value(json_array_get(jobs, i));
        char *seconds = mem_printf(err, "%s_seconds", job);
        ok = seconds && append_text(columns, job, err) && append_text(columns, seconds, err);
        mem_free(seconds);
    }
    ok = ok && json_array_extend(columns, values) == 0 && append_all(columns, tail, err);
    json_decref(jobs);
    json_decref(values);
    if (!ok) {
        json_decref(columns);
        return NULL;
    }
    return columns;
}

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* One row an item with what the catalog knows; `by_id` finds it again. Items that the launch
 * skipped (options.skipped of the run) have their row too, with the reason. */
static bool read_items(struct store *s, int64_t run, json_t *rows, json_t *by_id, struct err *err)
{
    struct query *q = store_query(
        s, err,
        "SELECT i.id, i.name, i.series, i.idx, i.status, i.cor, i.cor_source, i.cor_confidence,"
        " p.root, k.reason FROM run r JOIN project p ON p.id = r.project_id"
        " JOIN item i ON i.project_id = p.id LEFT JOIN"
        " (SELECT json_extract(value, '$.name') AS name, json_extract(value, '$.reason') AS reason"
        " FROM run, json_each(run.options, '$.skipped') WHERE run.id = ?1) k ON k.name = i.name"
        " WHERE r.id = ?1 AND (i.id IN (SELECT item_id FROM task WHERE run_id = ?1)"
        " OR (k.name IS NOT NULL AND i.level <> 'file')) ORDER BY i.series, i.idx, i.name",
        "i", run);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        char key[32];
        char *path = mem_printf(err, "%s/%s", query_text(q, 8), query_text(q, 1));
        json_t *row = json_object();
        (void)snprintf(key, sizeof key, "%" PRId64, query_int(q, 0));
        ok = path && row && json_array_append_new(rows, row) == 0 &&
            json_object_set(by_id, key, row) == 0 &&
            json_put(row, "name", json_string(query_text(q, 1)), err) &&
            json_put(row, "series", json_string(query_text(q, 2)), err) &&
            json_put(row, "index", json_integer(query_int(q, 3)), err) &&
            json_put(row, "status", json_string(query_text(q, 4)), err) &&
            json_put(row, "cor", number_or_null(query_double(q, 5)), err) &&
            json_put(row, "cor_source",
                     query_null(q, 6) ? json_null() : json_string(query_text(q, 6)), err) &&
            json_put(row, "confidence", number_or_null(query_double(q, 7)), err) &&
            json_put(row, "outputs", json_array(), err) &&
            json_put(row, "error", query_null(q, 9) ? json_null() : json_string(query_text(q, 9)),
                     err) &&
            json_put(row, "warning", json_null(), err) &&
            json_put(row, "path", json_string(path), err);
        mem_free(path);
    }
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

static json_t *row_of(const json_t *by_id, int64_t item)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%" PRId64, item);
    return json_object_get(by_id, key);
}

/* The run's own centre stands in the result of the job that found it; so does what a step warns
 * of. */
static bool take_values(json_t *row, const char *result, struct err *err)
{
    json_t *doc = json_parse(result, strlen(result), "a task's result",
                             err_ignore("then there is no centre in it"));
    bool ok = true;
    json_t *values = json_object_get(doc, "values");
    values = json_is_object(values) ? values : doc;
    double cor = json_get_double(values, "cor", NAN);
    json_t *warning = json_object_get(values, "warning");
    if (json_is_string(warning)) {
        ok = json_put(row, "warning", json_incref(warning), err);
    }
    if (isfinite(cor)) {
        const char *source = json_get_text(values, "cor_source", NULL);
        ok = ok && json_put(row, "cor", json_real(cor), err) &&
            json_put(row, "confidence", number_or_null(json_get_double(values, "confidence", NAN)),
                     err) &&
            (!source || json_put(row, "cor_source", json_string(source), err));
    }
    json_decref(doc);
    return ok;
}

static bool read_tasks(struct store *s, int64_t run, const json_t *by_id, struct err *err)
{
    struct query *q =
        store_query(s, err,
                    "SELECT item_id, job_id, state, started_us, ended_us, message, result FROM task"
                    " WHERE run_id = ? ORDER BY id",
                    "i", run);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        json_t *row = row_of(by_id, query_int(q, 0));
        enum task_state state = (enum task_state)query_int(q, 2);
        double seconds = query_null(q, 3) || query_null(q, 4)
            ? NAN
            : (double)(query_int(q, 4) - query_int(q, 3)) / 1e6;
        char *key = mem_printf(err, "%s_seconds", query_text(q, 1));
        ok = row && key &&
            json_put(row, query_text(q, 1), json_string(task_state_name(state)), err) &&
            json_put(row, key, number_or_null(seconds), err);
        if (ok && state == TASK_FAILED && json_is_null(json_object_get(row, "error"))) {
            ok = json_put(row, "error", json_string(query_text(q, 5)), err);
        }
        ok = ok && (query_text(q, 6)[0] == '\0' || take_values(row, query_text(q, 6), err));
        mem_free(key);
    }
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

static bool read_outputs(struct store *s, int64_t run, const json_t *by_id, struct err *err)
{
    struct query *q =
        store_query(s, err,
                    "SELECT t.item_id, o.path FROM task t JOIN output o ON o.task_id ="
                    " CASE WHEN t.state = 6 THEN coalesce(t.cached_from, t.id) ELSE t.id END"
                    " WHERE t.run_id = ? AND t.state IN (5, 6) ORDER BY t.id, o.id",
                    "i", run);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        json_t *list = json_object_get(row_of(by_id, query_int(q, 0)), "outputs");
        ok = append_text(list, query_text(q, 1), err);
    }
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

json_t *results_rows(struct store *s, int64_t run, struct err *err)
{
    json_t *rows = json_array(), *by_id = json_object();
    bool cohort = false;
    err->code = ERR_NONE;
    bool ok = rows && by_id && read_items(s, run, rows, by_id, err) &&
        read_tasks(s, run, by_id, err) && read_outputs(s, run, by_id, err) &&
        results_is_cohort(s, run, &cohort, err) &&
        (!cohort || results_cohort_fill(s, run, by_id, err));
    json_decref(by_id);
    if (!ok) {
        json_decref(rows);
        (void)(err->code || err_set(err, ERR_NOMEM, "out of memory"));
        return NULL;
    }
    return rows;
}

/* One value as a field's text. */
static void field_text(struct str *out, const json_t *value)
{
    str_clear(out);
    str_add(out, "");
    if (json_is_string(value)) {
        str_add(out, json_string_value(value));
    } else if (json_is_integer(value)) {
        str_addf(out, "%" PRId64, (int64_t)json_integer_value(value));
    } else if (json_is_real(value)) {
        str_addf(out, "%.10g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        str_add(out, json_is_true(value) ? "true" : "false");
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            const char *text = json_string_value(json_array_get(value, i));
            str_add(out, i ? "; " : "");
            str_add(out, text ? text : "");
        }
    }
}

/* Of a table with tabs: no quotes, so tabs and line ends become blanks. */
static void tab_field(struct str *out, const char *text, bool first)
{
    str_add(out, first ? "" : "\t");
    for (; *text; text++) {
        str_addc(out, *text == '\t' || *text == '\n' || *text == '\r' ? ' ' : *text);
    }
}

static char *table_text(const json_t *columns, const json_t *rows, bool tabs, struct err *err)
{
    void (*add)(struct str *, const char *, bool) = tabs ? tab_field : csv_add;
    struct str out = STR_INIT, field = STR_INIT;
    char *text = NULL;
    size_t n = json_array_size(columns);
    for (size_t k = 0; k < n; k++) {
        add(&out, json_string_value(json_array_get(columns, k)), k == 0);
    }
    csv_end(&out);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        for (size_t k = 0; k < n; k++) {
            field_text(&field,
                       json_object_get(json_array_get(rows, i),
                                       json_string_value(json_array_get(columns, k))));
            add(&out, str_text(&field), k == 0);
        }
        csv_end(&out);
    }
    if (str_ok(&field, err)) {
        text = str_take(&out, err);
    }
    str_fini(&field);
    str_fini(&out);
    return text;
}

char *results_csv(const json_t *columns, const json_t *rows, struct err *err)
{
    return table_text(columns, rows, false, err);
}

char *results_tsv(const json_t *columns, const json_t *rows, struct err *err)
{
    return table_text(columns, rows, true, err);
}

/* Arrays become one text, as in the CSV. */
static json_t *cell(struct str *field, json_t *value)
{
    if (!json_is_array(value)) {
        return value ? json_incref(value) : json_null();
    }
    field_text(field, value);
    return json_string(str_text(field));
}

json_t *results_table(const json_t *columns, const json_t *rows, struct err *err)
{
    struct str field = STR_INIT;
    json_t *list = json_array();
    json_t *table = json_pack("{s:O, s:o?}", "columns", columns, "rows", list);
    bool ok = table && list;
    for (size_t i = 0; ok && i < json_array_size(rows); i++) {
        json_t *line = json_array();
        ok = line && json_array_append_new(list, line) == 0;
        for (size_t k = 0; ok && k < json_array_size(columns); k++) {
            const char *key = json_string_value(json_array_get(columns, k));
            ok = json_array_append_new(
                     line, cell(&field, json_object_get(json_array_get(rows, i), key))) == 0;
        }
    }
    str_fini(&field);
    if (!ok) {
        json_decref(table);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return table;
}
