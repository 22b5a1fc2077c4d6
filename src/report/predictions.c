/* Rows first, counts of tasks only where they are shown, filtered by or sorted by: a prediction may
 * have a hundred thousand series, and a lab thousands of predictions. */
#include "report/predictions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/str.h"
#include "report/prediction-words.h"

/* --- the table */

static const char *const sorts[] = {"id",      "model", "dataset", "user", "progress",
                                    "started", "ended", "state",   NULL};

static bool among(const char *word, const char *const *list)
{
    while (*list && strcmp(*list, word) != 0) {
        list++;
    }
    return *list != NULL;
}

bool predictions_sorts(const char *word)
{
    return among(word, sorts);
}

#define ROW_COLUMNS                                                                              \
    "SELECT p.run_id AS id,p.model,p.version,p.dataset,p.dataset_id,p.task,r.user,r.created_us " \
    "AS started,CASE WHEN r.state='active' THEN NULL ELSE r.ended_us END AS ended,p.trial AS "   \
    "trial_bool,p.again_of,r.project_id AS project,r.state='active' AS active_bool FROM "        \
    "prediction p JOIN run r ON r.id=p.run_id "

bool predictions_put_counts(struct store *s, json_t *row, struct prediction_counts *ret,
                            struct err *err)
{
    struct prediction_counts c = {.active = json_get_bool(row, "active", false)};
    char state[60];
    struct query *q =
        store_query(s, err, "SELECT state,count(*) FROM task WHERE run_id=?1 GROUP BY state", "i",
                    json_get_int(row, "id", 0));
    while (q && query_next(q)) {
        prediction_count(&c, (int)query_int(q, 0), query_int(q, 1));
    }
    if (!q || !query_end(q, err)) {
        return false;
    }
    prediction_state(&c, state, sizeof state);
    (void)json_object_del(row, "active");
    if (ret) {
        *ret = c;
    }
    return json_put(row, "state", json_string(state), err) &&
        json_put(row, "group", json_string(prediction_group(&c)), err) &&
        json_put(row, "total", json_integer(c.total), err) &&
        json_put(row, "finished", json_integer(c.good + c.failed + c.cancelled), err) &&
        json_put(row, "failed", json_integer(c.failed), err) &&
        json_put(row, "cancelled", json_integer(c.cancelled), err) &&
        json_put(row, "progress", json_integer(prediction_progress(&c)), err);
}

static bool put_all_counts(struct store *s, json_t *rows, struct err *err)
{
    json_t *row;
    size_t i;
    bool ok = true;
    json_array_foreach(rows, i, row)
    {
        ok = ok && (json_object_get(row, "state") || predictions_put_counts(s, row, NULL, err));
    }
    return ok;
}

/* Every word of the filter must be in one of the row's texts. */
static bool passes(const json_t *row, const char *filter)
{
    static const char *const keys[] = {"model", "version", "dataset", "user",
                                       "state", "task",    NULL};
    char word[120], id[24];
    (void)snprintf(id, sizeof id, "%" PRId64, json_get_int(row, "id", 0));
    while (*(filter += strspn(filter, " \t"))) {
        size_t n = strcspn(filter, " \t");
        (void)snprintf(word, sizeof word, "%.*s", (int)n, filter);
        bool met = !strcmp(word, id);
        for (size_t i = 0; !met && keys[i]; i++) {
            met = strcasestr(json_get_text(row, keys[i], ""), word) != NULL;
        }
        if (!met) {
            return false;
        }
        filter += n;
    }
    return true;
}

struct order {
    const char *key;
    bool descending;
};

/* Texts without regard to letter case, what is not there last; equal ones by number, newest first.
 */
static int compare(const void *left, const void *right, void *arg)
{
    const struct order *o = arg;
    const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
    const json_t *x = json_object_get(a, o->key), *y = json_object_get(b, o->key);
    int64_t p = json_get_int(a, "id", 0), q = json_get_int(b, "id", 0);
    int by = 0;
    if (json_is_null(x) != json_is_null(y)) {
        return json_is_null(x) ? 1 : -1;
    }
    if (json_is_string(x) && json_is_string(y)) {
        by = strcasecmp(json_string_value(x), json_string_value(y));
    } else {
        double u = json_number_value(x), v = json_number_value(y);
        by = (u > v) - (u < v);
    }
    by = o->descending ? -by : by;
    return by ? by : (p < q) - (p > q);
}

/* The rows that pass, in order. Takes the reference of `rows`. */
static json_t *arrange(json_t *rows, const struct predictions_query *q, int64_t *ret_total,
                       struct err *err)
{
    size_t n = json_array_size(rows), kept = 0;
    json_t **list = mem_array(n + 1, sizeof(json_t *), err), *page = list ? json_array() : NULL;
    struct order order = {q->sort, q->descending};
    bool ok = page != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        if (passes(json_array_get(rows, i), q->filter)) {
            list[kept++] = json_array_get(rows, i);
        }
    }
    if (ok && kept > 1) {
        qsort_r(list, kept, sizeof(json_t *), compare, &order);
    }
    for (size_t i = (size_t)q->offset; ok && i < kept && (int64_t)json_array_size(page) < q->limit;
         i++) {
        ok = json_array_append(page, list[i]) == 0;
    }
    *ret_total = (int64_t)kept;
    mem_free(list);
    json_decref(rows);
    if (!ok) {
        json_decref(page);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return page;
}

json_t *predictions_list(struct store *s, const struct predictions_query *q, struct err *err)
{
    int64_t total = 0;
    bool counted = q->filter[strspn(q->filter, " \t")] || !strcmp(q->sort, "progress") ||
        !strcmp(q->sort, "state");
    json_t *doc = NULL,
           *rows = store_rows(s, err,
                              ROW_COLUMNS "WHERE (?1=0 OR r.project_id=?1) AND (?2 IS NULL OR "
                                          "r.project_id IN (SELECT value FROM json_each(?2)))",
                              "is", q->project, q->within);
    bool ok = rows && (!counted || put_all_counts(s, rows, err));
    if (!ok) {
        json_decref(rows);
        return NULL;
    }
    rows = arrange(rows, q, &total, err);
    ok = rows && put_all_counts(s, rows, err);
    if (ok) {
        doc = json_pack("{s:I, s:O}", "total", (json_int_t)total, "rows", rows);
        (void)(doc || err_set(err, ERR_NOMEM, "out of memory"));
    }
    json_decref(rows);
    return doc;
}

json_t *predictions_of_model(struct store *s, const char *model, const char *within, int64_t limit,
                             struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        ROW_COLUMNS "WHERE p.model=?1 AND (?2 IS NULL OR r.project_id IN (SELECT value FROM "
                    "json_each(?2))) ORDER BY p.run_id DESC LIMIT ?3",
        "ssi", model, within, limit);
    if (rows && !put_all_counts(s, rows, err)) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

/* --- one */

json_t *predictions_show(struct store *s, int64_t run, struct err *err)
{
    struct prediction_counts c = {.total = 0};
    json_t *rows = store_rows(s, err, ROW_COLUMNS "WHERE p.run_id=?1", "i", run),
           *row = json_incref(json_array_get(rows, 0)), *more = NULL, *counts = NULL;
    json_decref(rows);
    if (!row) {
        (void)(!rows || err_set(err, ERR_NOTHING, "there is no prediction %" PRId64, run));
        return NULL;
    }
    bool ok = predictions_put_counts(s, row, &c, err) &&
        (more = store_rows(
             s, err,
             "SELECT p.settings AS settings_json,p.checksum,p.folder,r.host,r.priority,j.name AS "
             "project_name,r.queued AS queued_bool,(SELECT v.run_id FROM validation v WHERE "
             "v.of_run=p.run_id ORDER BY v.run_id DESC LIMIT 1) AS validation FROM prediction p "
             "JOIN run r ON r.id=p.run_id JOIN project j ON j.id=r.project_id WHERE p.run_id=?1",
             "i", run)) &&
        json_object_update(row, json_array_get(more, 0)) == 0;
    json_decref(more);
    more = ok ? store_rows(s, err,
                           "SELECT avg(ended_us-started_us)/1e6 AS seconds_mean,"
                           "max(ended_us-started_us)/1e6 AS seconds_longest FROM task WHERE "
                           "run_id=?1 AND state=5 AND ended_us>=started_us",
                           "i", run)
              : NULL;
    counts = json_pack("{s:I, s:I, s:I, s:I, s:I}", "waiting", (json_int_t)c.waiting, "running",
                       (json_int_t)c.running, "done", (json_int_t)c.good, "failed",
                       (json_int_t)c.failed, "cancelled", (json_int_t)c.cancelled);
    ok = more && json_object_update(row, json_array_get(more, 0)) == 0 &&
        json_put(row, "counts", counts, err);
    if (!more) {
        json_decref(counts);
    }
    json_decref(more);
    if (!ok) {
        json_decref(row);
        return NULL;
    }
    return row;
}
