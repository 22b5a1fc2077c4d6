/* gantry ls --filter BAR: the filter bars of the page (REQUIREMENTS Q1, Q2) on the command line. */
#include <stdlib.h>
#include "base/mem.h"
#include "catalog/filter.h"
#include "cli/ls-cohort.h"
#include "report/jobs.h"

#define BARS_MOST 16

static bool jobs(void *arg, int64_t item, struct filter_jobs *ret, struct err *err)
{
    struct jobs_counts counts;
    if (!jobs_of(arg, item, &counts, err)) {
        return false;
    }
    *ret = (struct filter_jobs){counts.queued, counts.running, counts.failed, counts.done};
    return true;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

bool ls_filter(struct cli *c, bool subjects, struct rows *rows, struct err *err)
{
    struct filter *bars[BARS_MOST] = {NULL};
    int64_t *ids = NULL;
    size_t n = cli_count(c, "filter"), n_ids = 0, kept = 0;
    if (!n) {
        return true;
    }
    if (n > BARS_MOST) {
        return cli_usage(c, err, "--filter may be given %d times", BARS_MOST);
    }
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        bars[i] = filter_parse(cli_nth(c, "filter", i), err);
        ok = bars[i] != NULL;
    }
    ok = ok &&
        filter_items(c->store, rows->project.id, subjects, bars, n, jobs, c->store, &ids, &n_ids,
                     err);
    if (ok && n_ids) {
        qsort(ids, n_ids, sizeof *ids, by_value);
    }
    for (size_t i = 0; ok && i < rows->n; i++) {
        if (n_ids && bsearch(&rows->ids[i], ids, n_ids, sizeof *ids, by_value)) {
            rows->ids[kept++] = rows->ids[i];
        }
    }
    rows->n = ok ? kept : rows->n;
    mem_free(ids);
    for (size_t i = 0; i < n; i++) {
        filter_free(bars[i]);
    }
    return ok &&
        (kept ||
         err_set(err, ERR_NOTHING, "nothing passes the filter '%s'", cli_text(c, "filter", "")));
}
