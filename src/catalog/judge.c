/* Reads all scans of a project in the order of their series, judges them, and lists what differs.
 */
#include "catalog/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/outputs.h"
#include "catalog/series.h"

struct row {
    int64_t id;
    char *name, *series, *why, *skip_reason, *status;
    bool auto_skip, worked_on;
    int enabled; /* -1 = the rule decides */
};
struct rows {
    struct row *rows;
    struct sized *sized;
    double *medians; /* of the usable peers */
    size_t n, cap;
};

int64_t judge_pct(const struct project *p, int64_t given)
{
    return given >= 0 ? given : p->min_size_pct >= 0 ? p->min_size_pct : UNDERSIZED_PCT_DEFAULT;
}

static void rows_fini(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        mem_free(r->rows[i].name);
        mem_free(r->rows[i].series);
        mem_free(r->rows[i].why);
        mem_free(r->rows[i].skip_reason);
        mem_free(r->rows[i].status);
    }
    mem_free(r->rows);
    mem_free(r->sized);
    mem_free(r->medians);
}

static bool grow(struct rows *r, struct err *err)
{
    size_t cap = r->cap ? r->cap * 2 : 256;
    struct row *rows = mem_resize(r->rows, cap, sizeof *rows, err);
    r->rows = rows ? rows : r->rows;
    struct sized *sized = rows ? mem_resize(r->sized, cap, sizeof *sized, err) : NULL;
    r->sized = sized ? sized : r->sized;
    r->cap = sized ? cap : r->cap;
    return sized != NULL;
}

/* Columns in the order of load()'s SELECT. */
static bool add_row(struct rows *r, const struct query *q, struct err *err)
{
    if (r->n == r->cap && !grow(r, err)) {
        return false;
    }
    size_t i = r->n++;
    struct row *row = &r->rows[i];
    *row = (struct row){
        .id = query_int(q, 0),
        .auto_skip = query_int(q, 9) != 0,
        .enabled = query_null(q, 10) ? -1 : (int)query_int(q, 10),
        .worked_on = query_int(q, 14) != 0,
    };
    row->name = mem_strdup(query_text(q, 1), err);
    row->series = row->name ? mem_strdup(query_text(q, 2), err) : NULL;
    row->why = row->series ? mem_strdup(query_text(q, 7), err) : NULL;
    row->skip_reason = row->why ? mem_strdup(query_text(q, 11), err) : NULL;
    row->status = row->skip_reason ? mem_strdup(query_text(q, 12), err) : NULL;
    bool readable = query_int(q, 8) != 0;
    r->sized[i] = (struct sized){
        .series = row->series,
        .readable = readable,
        .bytes = !readable     ? 0
            : query_null(q, 6) ? query_int(q, 3)
                               : query_int(q, 6),
        .frames = query_null(q, 4) ? -1 : query_int(q, 4),
        .angles = query_null(q, 5) ? -1 : query_int(q, 5),
        .unallocated = query_int(q, 13) != 0,
        .why = row->why,
    };
    return row->status != NULL;
}

static bool load(struct store *s, int64_t project, struct rows *r, struct err *err)
{
    struct err late;
    struct query *q = store_query(
        s, err,
        "SELECT id,name,series,size,frames,angles,logical_bytes,reason,readable,auto_skip,enabled,"
        "skip_reason,status,coalesce(json_extract(extra,'$.unallocated'),json_extract(extra,'$."
        "incomplete'),0),"
        "EXISTS(SELECT 1 FROM task WHERE item_id=item.id) FROM item WHERE project_id=?1 AND "
        "level='scan' AND hidden=0 AND gone=0 ORDER BY series,idx,name",
        "i", project);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        ok = add_row(r, q, err);
    }
    return q && query_end(q, ok ? err : &late) && ok;
}

static bool wanted_status(const struct row *row, bool skip, struct outputs *o, char *out,
                          size_t size, struct err *err)
{
    bool was_skipped = str_starts(row->status, STATUS_SKIPPED);
    if (skip) {
        (void)snprintf(out, size, "%s", row->enabled == 0 ? STATUS_SKIPPED : STATUS_SKIPPED_SMALL);
    } else if (row->worked_on && !was_skipped) {
        (void)snprintf(out, size, "%s", row->status);
    } else {
        return outputs_status(o, row->name, row->status, out, size, err);
    }
    return true;
}

static bool judge_row(const struct row *row, const struct size_verdict *v, struct outputs *o,
                      json_t *changes, struct err *err)
{
    char status[64];
    bool skip = row->enabled == 0 || (v->skip && row->enabled < 0);
    if (!wanted_status(row, skip, o, status, sizeof status, err)) {
        return false;
    }
    /* A watch adds to the reason ("...; nothing new for 10 min"): that stays while it is true. */
    bool same_reason = *v->reason ? str_starts(row->skip_reason, v->reason) : !*row->skip_reason;
    if (v->skip == row->auto_skip && same_reason && !strcmp(status, row->status)) {
        return true;
    }
    json_t *change = json_object();
    bool ok = json_put(change, "id", json_integer(row->id), err) &&
        json_put(change, "skip", json_boolean(v->skip), err) &&
        json_put(change, "reason", json_string(same_reason ? row->skip_reason : v->reason), err) &&
        json_put(change, "status", json_string(status), err);
    if (!ok || json_array_append(changes, change) != 0) {
        ok = err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(change);
    return ok;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A sorted copy of the wanted ids; NULL without an error means all. */
static bool sorted_ids(const int64_t *only, size_t n, int64_t **ret, struct err *err)
{
    *ret = NULL;
    if (only) {
        *ret = mem_array(n, sizeof **ret, err);
        if (!*ret) {
            return false;
        }
        if (n) {
            memcpy(*ret, only, n * sizeof *only);
            qsort(*ret, n, sizeof **ret, by_id);
        }
    }
    return true;
}

json_t *judge_rows(struct store *s, const struct project *p, int64_t pct, const int64_t *only,
                   size_t n_only, struct err *err)
{
    struct rows r = {0};
    struct outputs *o = outputs_new(p->rec, err);
    json_t *changes = json_array();
    int64_t *wanted = NULL;
    bool ok = o && (changes || err_set(err, ERR_NOMEM, "out of memory")) &&
        sorted_ids(only, n_only, &wanted, err) && load(s, p->id, &r, err) &&
        (r.medians = mem_array(r.n, sizeof *r.medians, err)) &&
        series_medians(r.sized, r.n, r.medians, err);
    for (size_t i = 0; ok && i < r.n; i++) {
        if (wanted && !bsearch(&r.rows[i].id, wanted, n_only, sizeof *wanted, by_id)) {
            continue;
        }
        struct size_verdict v;
        series_verdict(&r.sized[i], r.medians[i], pct, &v);
        ok = judge_row(&r.rows[i], &v, o, changes, err);
    }
    rows_fini(&r);
    mem_free(wanted);
    outputs_free(o);
    if (!ok) {
        json_decref(changes);
        return NULL;
    }
    return changes;
}
