/* The series of a prediction: filtered, ordered and cut by SQLite, so that a page of a hundred
 * thousand costs little. */
#include <string.h>
#include "base/str.h"
#include "report/prediction-words.h"
#include "report/predictions.h"

static const char *const sorts[] = {"name", "patient", "date", "slices", "state", "seconds", NULL};

static int sort_of(const char *word)
{
    int i = 0;
    while (sorts[i] && strcmp(sorts[i], word) != 0) {
        i++;
    }
    return i;
}

bool prediction_series_sorts(const char *word)
{
    return sorts[sort_of(word)] != NULL;
}

/* ?1 run, ?2 words as a JSON array, ?3 group; as prediction_series_group() has them */
#define FROM                                                                                      \
    "FROM task t JOIN item i ON i.id=t.item_id LEFT JOIN series v ON v.item_id=t.item_id WHERE "  \
    "t.run_id=?1 AND (?2='[]' OR NOT EXISTS(SELECT 1 FROM json_each(?2) w WHERE "                 \
    "instr(lower(i.name||' '||"                                                                   \
    "coalesce(v.patient,'')||' '||coalesce(v.date,'')||' '||coalesce(v.modality,'')||' '||"       \
    "coalesce(v.description,'')||' '||t.message),lower(w.value))=0)) AND (?3='' OR ?3=CASE WHEN " \
    "t.state IN (0,1,2) THEN 'waiting' WHEN t.state IN (5,6) THEN 'done' WHEN t.state IN (7,9) "  \
    "THEN 'failed' WHEN t.state=8 THEN 'cancelled' ELSE 'running' END) "
#define ROWS                                                                                   \
    "SELECT i.id,t.id AS task,i.name,coalesce(v.stem,'') AS stem,coalesce(v.patient,'') AS "   \
    "patient,coalesce(v.date,'') AS date,coalesce(v.modality,'') AS "                          \
    "modality,coalesce(v.description,'') AS description,v.n_slices AS slices,t.state AS code," \
    "CASE WHEN t.ended_us>=t.started_us THEN (t.ended_us-t.started_us)/1e6 END AS seconds,"    \
    "t.attempts,t.message,t.state=6 AS cached_bool,t.result AS result_json " FROM
#define BY(dir)                                                                                    \
    "ORDER BY CASE ?4 WHEN 0 THEN i.name WHEN 1 THEN v.patient WHEN 2 THEN v.date WHEN 3 THEN "    \
    "v.n_slices WHEN 4 THEN CASE t.state WHEN 7 THEN 0 WHEN 9 THEN 0 WHEN 3 THEN 1 WHEN 8 THEN 3 " \
    "WHEN 5 THEN 4 WHEN 6 THEN 4 ELSE 2 END WHEN 5 THEN t.ended_us-t.started_us END " dir          \
    ",CASE ?4 WHEN 1 THEN v.date END,i.name,i.id LIMIT ?5 OFFSET ?6"

static json_t *words_of(const char *filter)
{
    json_t *list = json_array();
    while (list && *(filter += strspn(filter, " \t"))) {
        size_t n = strcspn(filter, " \t");
        if (json_array_append_new(list, json_stringn(filter, n)) != 0) {
            json_decref(list);
            return NULL;
        }
        filter += n;
    }
    return list;
}

/* What a task reported: its values, also when it took them from the cache. */
static bool finish_row(json_t *row, struct err *err)
{
    int state = (int)json_get_int(row, "code", 0);
    json_t *result = json_object_get(row, "result"), *values = json_object_get(result, "values");
    bool ok = json_put(row, "values",
                       json_is_object(values) ? json_incref(values) : json_incref(result), err) &&
        json_put(row, "state", json_string(prediction_series_word(state)), err) &&
        json_put(row, "group", json_string(prediction_series_group(state)), err);
    (void)json_object_del(row, "result");
    (void)json_object_del(row, "code");
    return ok;
}

static json_t *page(struct store *s, const struct prediction_series_query *q, const json_t *words,
                    struct err *err)
{
    int64_t sort = sort_of(q->sort);
    if (q->walk) {
        return store_rows(s, err, ROWS "AND t.id>?4 ORDER BY t.id LIMIT ?5", "ijsii", q->run, words,
                          q->group, q->after, q->limit);
    }
    return q->descending ? store_rows(s, err, ROWS BY("DESC"), "ijsiii", q->run, words, q->group,
                                      sort, q->limit, q->offset)
                         : store_rows(s, err, ROWS BY(""), "ijsiii", q->run, words, q->group, sort,
                                      q->limit, q->offset);
}

json_t *prediction_series(struct store *s, const struct prediction_series_query *q, struct err *err)
{
    int64_t total = 0;
    json_t *words = words_of(q->filter), *rows = NULL, *row, *doc = NULL;
    size_t i;
    bool ok = words || err_set(err, ERR_USAGE, "filter: no valid UTF-8, or out of memory"),
         counts = !q->walk || q->after == 0;
    ok = ok &&
        (!counts ||
         store_int(s, 0, &total, err, "SELECT count(*) " FROM, "ijs", q->run, words, q->group));
    rows = ok ? page(s, q, words, err) : NULL;
    ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        ok = ok && finish_row(row, err);
    }
    if (ok) {
        doc = json_pack("{s:o*, s:O}", "total", counts ? json_integer(total) : NULL, "rows", rows);
        (void)(doc || err_set(err, ERR_NOMEM, "out of memory"));
    }
    json_decref(rows);
    json_decref(words);
    return doc;
}
