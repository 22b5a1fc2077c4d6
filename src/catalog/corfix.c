/* The two passes of Fix COR Outliers. */
#include "catalog/corfix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* Equal to this relative difference is the same value: means of the same numbers summed again. */
#define SAME 1e-12

/* A row in the order of its series, with what the passes know of it. */
struct ranked {
    const struct corfix_row *row;
    struct corfix_verdict *verdict;
    double judged; /* what the statistics see; NaN = does not count */
    bool flagged;
};

static int by_series(const void *a, const void *b)
{
    const struct corfix_row *x = ((const struct ranked *)a)->row;
    const struct corfix_row *y = ((const struct ranked *)b)->row;
    int d = strcmp(x->series, y->series);
    if (d == 0) {
        d = (x->index > y->index) - (x->index < y->index);
    }
    return d ? d : strcmp(x->name, y->name);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/* F2, F3, X15. `work` has room for n. */
static void flag(struct ranked *r, size_t n, double max_delta, double *work)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(r[i].judged)) {
            work[m++] = r[i].judged;
        }
    }
    if (m < 2) {
        return;
    }
    double middle = median(work, m);
    m = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(r[i].judged)) {
            work[m++] = fabs(r[i].judged - middle);
        }
    }
    double limit = fmin(max_delta, fmax(CORFIX_FLOOR, CORFIX_MADS * median(work, m)));
    for (size_t i = 0; i < n; i++) {
        double delta = fabs(r[i].judged - middle);
        if (isfinite(r[i].judged) && delta > limit) {
            r[i].flagged = true;
            (void)snprintf(r[i].verdict->reason, sizeof r[i].verdict->reason,
                           "%.2f from the series' median %.2f, limit %.2f", delta, middle, limit);
        }
    }
}

static bool donates(const struct ranked *r)
{
    return isfinite(r->judged) && !r->flagged;
}

/* The nearest donors on one side of `at`, nearest first, at most two. */
static size_t donors(const struct ranked *r, size_t n, size_t at, int step, double ret[2])
{
    size_t found = 0;
    for (size_t i = at + (size_t)step; i < n && found < 2; i += (size_t)step) {
        if (donates(&r[i])) {
            ret[found++] = r[i].row->cor;
        }
    }
    return found;
}

/* F5 and DESIGN 6. False when there is no donor at all. */
static bool neighbours(const struct ranked *r, size_t n, size_t at, double *ret)
{
    double left[2], right[2];
    size_t nl = donors(r, n, at, -1, left); /* stepping below 0 wraps past n and ends */
    size_t nr = donors(r, n, at, 1, right);
    if (nl && nr) {
        *ret = 0.5 * (left[0] + right[0]);
    } else if (nl || nr) {
        const double *side = nl ? left : right;
        *ret = (nl ? nl : nr) == 2 ? 0.5 * (side[0] + side[1]) : side[0];
    }
    return nl || nr;
}

static bool same(double a, double b)
{
    return fabs(a - b) <= SAME * fmax(fabs(a), fabs(b));
}

static void repair(const struct ranked *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct corfix_verdict *v = r[i].verdict;
        double value;
        if (!r[i].flagged) {
            continue;
        }
        if (!neighbours(r, n, i, &value)) {
            size_t used = strlen(v->reason);
            v->act = CORFIX_NO_DONOR;
            (void)snprintf(v->reason + used, sizeof v->reason - used,
                           "; no unflagged neighbour in series");
        } else if (!same(value, r[i].row->cor)) {
            v->act = CORFIX_REPLACE;
            v->cor = value;
        }
    }
}

/* F7, F8, F11, X3: the mean over the whole table, after pass 1. */
static void fill(const struct ranked *r, size_t n)
{
    double sum = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        double cor = r[i].verdict->act == CORFIX_REPLACE ? r[i].verdict->cor : r[i].row->cor;
        if (isfinite(cor)) {
            sum += cor;
            m++;
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct corfix_verdict *v = r[i].verdict;
        if (!r[i].row->selected || isfinite(r[i].row->cor)) {
            continue;
        }
        v->act = m ? CORFIX_FILL : CORFIX_EMPTY;
        v->cor = m ? sum / (double)m : NAN;
        if (m) {
            (void)snprintf(v->reason, sizeof v->reason, "mean of %zu COR%s of the series", m,
                           m == 1 ? "" : "s");
        } else {
            (void)snprintf(v->reason, sizeof v->reason, "no COR donor in series (whole table)");
        }
    }
}

static double judged_value(const struct corfix_row *row)
{
    if (!row->selected || row->filled || !isfinite(row->cor)) {
        return NAN;
    }
    return isfinite(row->before) ? row->before : row->cor;
}

bool corfix_judge(const struct corfix_row *rows, size_t n, double max_delta,
                  struct corfix_verdict *ret, size_t *ret_series, struct err *err)
{
    if (!isfinite(max_delta) || max_delta <= 0) {
        return err_set(err, ERR_USAGE, "the largest COR delta must be a number above 0");
    }
    struct ranked *r = mem_array(n, sizeof *r, err);
    double *work = r ? mem_array(n, sizeof *work, err) : NULL;
    size_t series = 0;
    if (!work) {
        mem_free(r);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct corfix_verdict){.act = CORFIX_KEEP, .cor = rows[i].cor};
        r[i] = (struct ranked){&rows[i], &ret[i], judged_value(&rows[i]), false};
    }
    qsort(r, n, sizeof *r, by_series);
    for (size_t a = 0, b = 0; a < n; a = b) {
        bool any = false;
        while (b < n && !strcmp(r[a].row->series, r[b].row->series)) {
            any = any || r[b].row->selected;
            b++;
        }
        if (any) {
            series++;
            flag(r + a, b - a, max_delta, work);
            repair(r + a, b - a);
            fill(r + a, b - a);
        }
    }
    mem_free(work);
    mem_free(r);
    *ret_series = series;
    return true;
}
