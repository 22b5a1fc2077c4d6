/* Two queries: data sets with their counts, and the series of one. */
#include "report/datasets.h"

#include <string.h>
#include "base/str.h"

static const char *const sorts[DATASETS_SORTS] = {"name",    "modality", "slices",
                                                  "patient", "date",     "description"};

enum datasets_sort datasets_sort_named(const char *name)
{
    int i = 0;
    while (i < DATASETS_SORTS && strcmp(sorts[i], name) != 0) {
        i++;
    }
    return (enum datasets_sort)i;
}

json_t *datasets_list(struct store *s, int64_t id, int64_t project, const char *within,
                      struct err *err)
{
    return store_rows(
        s, err,
        "WITH n(id,series,patients,problems,modalities) AS (SELECT m.dataset_id,count(*),"
        "count(DISTINCT nullif(y.patient,'')),sum(y.problem<>''),"
        "coalesce(group_concat(DISTINCT nullif(y.modality,'')),'') FROM dataset_item m "
        "JOIN series y ON y.item_id=m.item_id JOIN item i ON i.id=m.item_id WHERE i.gone=0 AND "
        "(?1=0 OR m.dataset_id=?1) GROUP BY m.dataset_id) "
        "SELECT d.id,d.name,d.description,p.name AS project,p.id AS project_id,p.root,"
        "d.places AS places_json,d.modality,coalesce(n.modalities,'') AS modalities,"
        "coalesce(n.series,0) AS series,coalesce(n.patients,0) AS patients,"
        "coalesce(n.problems,0) AS problems,d.user,d.created_us AS created,d.scanned_us AS scanned "
        "FROM dataset d JOIN "
        "project p ON p.id=d.project_id LEFT JOIN n ON n.id=d.id WHERE (?1=0 OR d.id=?1) AND "
        "(?2=0 OR d.project_id=?2) AND (?3 IS NULL OR d.project_id IN (SELECT value FROM "
        "json_each(?3))) ORDER BY d.name",
        "iis", id, project, within);
}

/* ?1 data set, ?2 words */
#define FROM                                                                                       \
    "FROM dataset_item m JOIN series y ON y.item_id=m.item_id JOIN item i ON i.id=m.item_id "      \
    "WHERE m.dataset_id=?1 AND i.gone=0 AND (?2='[]' OR NOT EXISTS(SELECT 1 FROM json_each(?2) w " \
    "WHERE "                                                                                       \
    "instr(lower(i.name||' '||y.modality||' '||y.description||' '||y.patient||' '||y.date||' '"    \
    "||y.problem),w.value)=0)) "
#define ROWS                                                                                      \
    "SELECT i.id,i.name,y.stem AS label,y.kind,y.path,y.modality,y.description,y.number,"         \
    "y.patient,y.date,y.n_columns AS columns,y.n_rows AS rows,y.n_slices AS slices,y.n_times AS " \
    "times,CASE WHEN y.spacing_x IS NULL THEN 'null' ELSE "                                       \
    "json_array(y.spacing_x,y.spacing_y,y.spacing_z) END AS spacing_json,y.orientation,y.uid,"    \
    "i.size,y.problem " FROM
#define BY(dir)                                                                               \
    "ORDER BY CASE ?3 WHEN 0 THEN i.name WHEN 1 THEN y.modality WHEN 2 THEN y.n_slices WHEN " \
    "3 THEN y.patient WHEN 4 THEN y.date WHEN 5 THEN y.description END " dir                  \
    ",y.date,y.number,i.name,i.id LIMIT ?4 OFFSET ?5"
#define BY_PATIENT(dir)                    \
    "ORDER BY y.patient='',y.patient " dir \
    ",y.date='',y.date,y.number,i.name,i.id LIMIT ?4 OFFSET ?5"

/* "CT  head" -> ["ct", "head"]: SQLite's lower() knows ASCII letters, and so do we. */
static json_t *words_of(const char *filter, struct err *err)
{
    json_t *list = json_array();
    while (list && *filter) {
        char word[200];
        size_t n = strcspn(filter, " \t"), kept = 0;
        for (size_t i = 0; i < n && kept + 1 < sizeof word; i++) {
            char c = filter[i];
            word[kept++] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
        }
        word[kept] = '\0';
        str_utf8_mend(word);
        if (kept && json_array_append_new(list, json_string(word)) != 0) {
            json_decref(list);
            list = NULL;
        }
        filter += n + strspn(filter + n, " \t");
    }
    if (!list) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return list;
}

static json_t *page(struct store *s, const struct datasets_query *q, const json_t *words,
                    struct err *err)
{
    int64_t sort = q->sort, limit = q->limit < 0 ? -1 : q->limit, offset = q->offset;
    if (q->walk) {
        return store_rows(s, err, ROWS "AND m.item_id>?3 ORDER BY m.item_id LIMIT ?4", "ijii",
                          q->dataset, words, q->after, limit);
    }
    if (q->by_patient && q->desc) {
        return store_rows(s, err, ROWS BY_PATIENT("DESC"), "ijiii", q->dataset, words, sort, limit,
                          offset);
    }
    if (q->by_patient) {
        return store_rows(s, err, ROWS BY_PATIENT(""), "ijiii", q->dataset, words, sort, limit,
                          offset);
    }
    return q->desc
        ? store_rows(s, err, ROWS BY("DESC"), "ijiii", q->dataset, words, sort, limit, offset)
        : store_rows(s, err, ROWS BY(""), "ijiii", q->dataset, words, sort, limit, offset);
}

json_t *datasets_series(struct store *s, const struct datasets_query *q, struct err *err)
{
    int64_t total = 0;
    json_t *words = words_of(q->filter, err), *rows = NULL, *doc = NULL;
    bool counts = !q->walk || q->after == 0;
    if (words &&
        (!counts ||
         store_int(s, 0, &total, err, "SELECT count(*) " FROM, "ij", q->dataset, words))) {
        rows = page(s, q, words, err);
    }
    json_decref(words);
    if (rows) {
        doc = json_pack("{s:o*, s:o}", "total", counts ? json_integer(total) : NULL, "rows", rows);
        if (!doc) {
            (void)err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    return doc;
}

json_t *datasets_patients(const json_t *rows, struct err *err)
{
    json_t *list = json_array(), *row;
    const char *last = NULL;
    size_t i;
    bool ok = list != NULL;
    json_array_foreach(rows, i, row)
    {
        const char *patient = json_get_text(row, "patient", "");
        if (!last || strcmp(last, patient) != 0) {
            ok = ok &&
                json_array_append_new(list,
                                      json_pack("{s:s, s:[]}", "patient", patient, "series")) == 0;
            last = patient;
        }
        ok = ok &&
            json_array_append(
                json_object_get(json_array_get(list, json_array_size(list) - 1), "series"), row) ==
                0;
    }
    if (!ok) {
        json_decref(list);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return list;
}
