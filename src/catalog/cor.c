/* Which rotation centre counts, and writing one with its history. */
#include "catalog/cor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

double cor_effective(double row, double top_bar, enum cor_from *ret_from)
{
    *ret_from = isfinite(row) ? COR_FROM_ROW : isfinite(top_bar) ? COR_FROM_TOP_BAR : COR_FROM_NONE;
    return *ret_from == COR_FROM_ROW ? row : *ret_from == COR_FROM_TOP_BAR ? top_bar : NAN;
}

double cor_seed(double row, double series_mean, double top_bar, enum cor_from *ret_from)
{
    if (isfinite(row) || !isfinite(series_mean)) {
        return cor_effective(row, top_bar, ret_from);
    }
    *ret_from = COR_FROM_SERIES;
    return series_mean;
}

bool cor_parse(const char *text, double *ret)
{
    return num_double(text, ret);
}

void cor_show(double cor, char *out, size_t size)
{
    if (isfinite(cor)) {
        (void)snprintf(out, size, "%.2f", cor);
    } else {
        (void)snprintf(out, size, "none");
    }
}

void cor_show_from(double cor, enum cor_from from, char *out, size_t size)
{
    char number[40];
    const char *origin = from == COR_FROM_TOP_BAR ? " (top bar)"
        : from == COR_FROM_SERIES                 ? " (series mean)"
                                                  : "";
    cor_show(from == COR_FROM_NONE ? NAN : cor, number, sizeof number);
    (void)snprintf(out, size, "%s%s", number, origin);
}

bool cor_series_mean(struct store *s, int64_t project, const char *series, double *ret_mean,
                     int64_t *ret_donors, struct err *err)
{
    struct query *q = store_query(s, err,
                                  "SELECT avg(cor), count(cor) FROM item WHERE project_id=?1 AND "
                                  "series=?2 AND level='scan' AND hidden=0 AND gone=0 "
                                  "AND coalesce(enabled, 1-auto_skip)=1",
                                  "is", project, series);
    if (!q) {
        return false;
    }
    bool found = query_next(q);
    double mean = found ? query_double(q, 0) : NAN;
    int64_t donors = found ? query_int(q, 1) : 0;
    if (!query_end(q, err)) {
        return false;
    }
    *ret_mean = mean;
    *ret_donors = donors;
    return true;
}

struct old_cor {
    int64_t project;
    char *name;
    double cor;
    char *source;
};

static bool read_old(struct store *s, int64_t item, struct old_cor *ret, struct err *err)
{
    struct query *q = store_query(
        s, err, "SELECT project_id, name, cor, cor_source FROM item WHERE id=?1", "i", item);
    if (!q) {
        return false;
    }
    bool ok = query_next(q);
    if (ok) {
        ret->project = query_int(q, 0);
        ret->name = mem_strdup(query_text(q, 1), err);
        ret->cor = query_double(q, 2);
        ret->source = mem_strdup(query_text(q, 3), err);
        ok = ret->name && ret->source;
    } else {
        (void)err_set(err, ERR_NOTHING, "there is no item %" PRId64, item);
    }
    struct err late;
    return query_end(q, ok ? err : &late) && ok;
}

static json_t *number_or_null(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static bool say_change(struct store *s, int64_t item, const struct old_cor *old, double cor,
                       const char *source, int64_t run, int64_t task, const char *why,
                       struct err *err)
{
    char before[40], after[40];
    cor_show(old->cor, before, sizeof before);
    cor_show(cor, after, sizeof after);
    char *text = mem_printf(err, "COR of %s: %s -> %s%s%s", old->name, before, after,
                            source ? ", " : "", source ? source : "");
    json_t *data = json_object();
    bool ok = text && json_put(data, "old", number_or_null(old->cor), err) &&
        json_put(data, "new", number_or_null(cor), err) &&
        json_put(data, "old_source", *old->source ? json_string(old->source) : json_null(), err) &&
        json_put(data, "source", source ? json_string(source) : json_null(), err) &&
        (!why || json_put(data, "reason", json_string(why), err)) &&
        store_event(s, "cor", old->project, run, task, item, text, data, err);
    json_decref(data);
    mem_free(text);
    return ok;
}

bool cor_write(struct store *s, int64_t item, double cor, const char *source, double confidence,
               int64_t run, int64_t task, const char *why, struct err *err)
{
    struct old_cor old = {0};
    const char *kept = isfinite(cor) ? source : NULL;
    bool ok = read_old(s, item, &old, err);
    bool fixed = ok && kept && !strcmp(kept, "outlier-fixed");
    /* A value fixed twice still remembers the measured one. */
    bool again = fixed && old.source && !strcmp(old.source, "outlier-fixed");
    ok = ok &&
        store_exec(s, err,
                   "UPDATE item SET cor_before=CASE WHEN ?5 THEN cor_before WHEN ?6 THEN cor "
                   "ELSE NULL END, cor=?2, cor_source=?3, cor_confidence=?4, changed_us=?7 "
                   "WHERE id=?1",
                   "idsdiii", item, isfinite(cor) ? cor : NAN, kept, confidence, (int64_t)again,
                   (int64_t)fixed, clock_utc_us()) &&
        say_change(s, item, &old, cor, kept, run, task, why, err);
    mem_free(old.name);
    mem_free(old.source);
    return ok;
}
