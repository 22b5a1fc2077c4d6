/* Series keys and the undersized rule. */
#include "catalog/series.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"

/* D1 is ^(.*?)[._-]*(\d+)$ on the stem. The lazy first group leaves the longest run of digits at
 * the end, and in front of it every separator. */
bool series_of(const char *name, char **ret_key, int64_t *ret_index, struct err *err)
{
    size_t folder = (size_t)(path_base(name) - name);
    size_t end = strlen(name) - strlen(path_ext(name));
    size_t digits = end, key = 0;
    int64_t index = 0;
    while (digits > folder && isdigit((unsigned char)name[digits - 1])) {
        digits--;
    }
    key = digits;
    while (digits < end && key > folder && strchr("._-", name[key - 1])) {
        key--;
    }
    for (size_t i = digits; i < end; i++) {
        int d = name[i] - '0';
        index = index > (INT64_MAX - d) / 10 ? INT64_MAX : index * 10 + d;
    }
    char *text = mem_strndup(name, key, err);
    if (!text) {
        return false;
    }
    *ret_key = text;
    *ret_index = index;
    return true;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Median of the sizes > 0; an even count takes the mean of the two middle ones. Negative with fewer
 * than two usable sizes. `work` has room for n. */
static double usable_median(const struct sized *rows, size_t n, int64_t *work)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].readable && rows[i].bytes > 0) {
            work[m++] = rows[i].bytes;
        }
    }
    if (m < 2) {
        return -1;
    }
    qsort(work, m, sizeof *work, by_value);
    return m % 2 ? (double)work[m / 2] : 0.5 * ((double)work[m / 2 - 1] + (double)work[m / 2]);
}

bool series_medians(const struct sized *rows, size_t n, double *ret, struct err *err)
{
    int64_t *work = mem_array(n, sizeof *work, err);
    if (!work) {
        return false;
    }
    for (size_t a = 0, b = 0; a < n; a = b) {
        while (b < n && !strcmp(rows[a].series, rows[b].series)) {
            b++;
        }
        double median = usable_median(rows + a, b - a, work);
        for (size_t i = a; i < b; i++) {
            ret[i] = median;
        }
    }
    mem_free(work);
    return true;
}

void series_verdict(const struct sized *row, double median, int64_t pct, struct size_verdict *ret)
{
    *ret = (struct size_verdict){.skip = false};
    if (!row->readable) {
        ret->skip = true;
        (void)snprintf(ret->reason, sizeof ret->reason, "%s", *row->why ? row->why : "unreadable");
        return;
    }
    if (pct <= 0) {
        return;
    }
    if (row->frames >= 0 && row->angles > 0 && row->frames < row->angles) {
        ret->skip = true;
        (void)snprintf(ret->reason, sizeof ret->reason,
                       "%" PRId64 " of %" PRId64 " projections written", row->frames, row->angles);
    } else if (row->unallocated) {
        ret->skip = true;
        (void)snprintf(ret->reason, sizeof ret->reason,
                       "parts of the preallocated projections were never written");
    } else if (median > 0 && (double)row->bytes < (double)pct / 100.0 * median) {
        char own[24], peers[24];
        num_show_bytes(row->bytes, own, sizeof own);
        num_show_bytes((int64_t)median, peers, sizeof peers);
        ret->skip = true;
        (void)snprintf(ret->reason, sizeof ret->reason,
                       "%s of projections, under %" PRId64 " %% of the series' median %s", own, pct,
                       peers);
    }
}
