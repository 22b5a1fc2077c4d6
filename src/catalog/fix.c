/* Fix COR Outliers: the store's rows around corfix's two passes. */
#include "catalog/fix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "catalog/cor.h"
#include "catalog/corfix.h"

struct table {
    struct corfix_row *rows;
    int64_t *ids;
    char **texts; /* what the rows point to */
    size_t n, cap, n_texts;
};

static void table_fini(struct table *t)
{
    for (size_t i = 0; i < t->n_texts; i++) {
        mem_free(t->texts[i]);
    }
    mem_free(t->texts);
    mem_free(t->rows);
    mem_free(t->ids);
}

static bool grow(struct table *t, struct err *err)
{
    size_t cap = t->cap ? t->cap * 2 : 256;
    struct corfix_row *rows = mem_resize(t->rows, cap, sizeof *rows, err);
    t->rows = rows ? rows : t->rows;
    int64_t *ids = rows ? mem_resize(t->ids, cap, sizeof *ids, err) : NULL;
    t->ids = ids ? ids : t->ids;
    char **texts = ids ? mem_resize(t->texts, 2 * cap, sizeof *texts, err) : NULL;
    t->texts = texts ? texts : t->texts;
    t->cap = texts ? cap : t->cap;
    return texts != NULL;
}

static const char *keep(struct table *t, const char *text, struct err *err)
{
    char *copy = mem_strdup(text, err);
    if (copy) {
        t->texts[t->n_texts++] = copy;
    }
    return copy;
}

static bool add_row(struct table *t, const struct query *q, struct err *err)
{
    if (t->n == t->cap && !grow(t, err)) {
        return false;
    }
    const char *source = query_text(q, 5);
    bool fixed = !strcmp(source, "outlier-fixed");
    const char *name = keep(t, query_text(q, 1), err);
    const char *series = name ? keep(t, query_text(q, 2), err) : NULL;
    if (!series) {
        return false;
    }
    t->ids[t->n] = query_int(q, 0);
    t->rows[t->n++] = (struct corfix_row){
        .series = series,
        .name = name,
        .index = query_int(q, 3),
        .cor = query_double(q, 4),
        .before = fixed ? query_double(q, 6) : NAN,
        .filled = !strcmp(source, "series-mean"),
    };
    return true;
}

static bool load(struct store *s, int64_t project, struct table *t, struct err *err)
{
    struct err late;
    struct query *q = store_query(
        s, err,
        "SELECT id,name,series,idx,cor,cor_source,cor_before FROM item WHERE project_id=?1 AND "
        "level='scan' AND hidden=0 AND gone=0 AND coalesce(enabled,1-auto_skip)=1 "
        "ORDER BY series,idx,name",
        "i", project);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        ok = add_row(t, q, err);
    }
    return q && query_end(q, ok ? err : &late) && ok;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool select_rows(struct table *t, const int64_t *ids, size_t n, int64_t *ret_selected,
                        struct err *err)
{
    int64_t *wanted = mem_array(n, sizeof *wanted, err);
    if (!wanted) {
        return false;
    }
    if (n) {
        memcpy(wanted, ids, n * sizeof *ids);
        qsort(wanted, n, sizeof *wanted, by_id);
    }
    for (size_t i = 0; i < t->n; i++) {
        t->rows[i].selected = n && bsearch(&t->ids[i], wanted, n, sizeof *wanted, by_id);
        *ret_selected += t->rows[i].selected;
    }
    mem_free(wanted);
    return true;
}

static json_t *number_or_null(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static bool push(json_t *report, int64_t id, const struct corfix_row *row,
                 const struct corfix_verdict *v, struct err *err)
{
    bool change = v->act == CORFIX_REPLACE || v->act == CORFIX_FILL;
    const char *list = v->act == CORFIX_REPLACE ? "replaced" : change ? "filled" : "unchanged";
    json_t *o = json_object();
    bool ok = json_put(o, "id", json_integer(id), err) &&
        json_put(o, "name", json_string(row->name), err) &&
        json_put(o, "series", json_string(row->series), err) &&
        json_put(o, "old", number_or_null(row->cor), err) &&
        json_put(o, "new", number_or_null(change ? v->cor : row->cor), err) &&
        json_put(o, "reason", json_string(v->reason), err);
    if (!ok || json_array_append(json_object_get(report, list), o) != 0) {
        ok = err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(o);
    return ok;
}

static json_t *make_report(const struct table *t, const struct corfix_verdict *v, size_t series,
                           int64_t selected, struct err *err)
{
    json_t *report = json_object();
    bool ok = json_put(report, "series", json_integer((json_int_t)series), err) &&
        json_put(report, "selected", json_integer(selected), err) &&
        json_put(report, "replaced", json_array(), err) &&
        json_put(report, "filled", json_array(), err) &&
        json_put(report, "unchanged", json_array(), err);
    for (size_t i = 0; ok && i < t->n; i++) {
        ok = v[i].act == CORFIX_KEEP || push(report, t->ids[i], &t->rows[i], &v[i], err);
    }
    if (!ok) {
        json_decref(report);
        return NULL;
    }
    return report;
}

json_t *fix_report(struct store *s, int64_t project, const int64_t *ids, size_t n, double max_delta,
                   struct err *err)
{
    struct table t = {0};
    struct corfix_verdict *verdicts = NULL;
    size_t series = 0;
    int64_t selected = 0;
    bool ok = load(s, project, &t, err) && select_rows(&t, ids, n, &selected, err) &&
        (verdicts = mem_array(t.n, sizeof *verdicts, err)) &&
        corfix_judge(t.rows, t.n, max_delta, verdicts, &series, err);
    json_t *report = ok ? make_report(&t, verdicts, series, selected, err) : NULL;
    mem_free(verdicts);
    table_fini(&t);
    return report;
}

static bool apply_list(struct store *s, const json_t *rows, const char *source, struct err *err)
{
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (!cor_write(s, json_get_int(row, "id", 0), json_get_double(row, "new", NAN), source, NAN,
                       0, 0, json_get_text(row, "reason", NULL), err)) {
            return false;
        }
    }
    return true;
}

bool fix_apply(struct store *s, const json_t *report, struct err *err)
{
    return apply_list(s, json_object_get(report, "replaced"), "outlier-fixed", err) &&
        apply_list(s, json_object_get(report, "filled"), "series-mean", err);
}
