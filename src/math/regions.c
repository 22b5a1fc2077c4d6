/*
 * Values are laid into one block, region behind region; there each quantile is found by selection
 * (Hoare, with three parts, as many values of an image are equal).
 */
#include "math/regions.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"

/* Where the label stands in the list, or would. */
static size_t place_of(const struct regions *r, int32_t label)
{
    size_t low = 0, high = r->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->list[middle].label < label) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool regions_add(struct regions *r, int32_t label, struct err *err)
{
    size_t at = place_of(r, label);

    if (at < r->n && r->list[at].label == label) {
        return true;
    }
    if (r->n == REGIONS_MOST) {
        return err_set(err, ERR_FORMAT, "more than %d different labels", REGIONS_MOST);
    }
    if (r->n == r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        struct region *list = mem_resize(r->list, room, sizeof *list, err);
        if (!list) {
            return false;
        }
        r->list = list;
        r->room = room;
    }
    memmove(r->list + at + 1, r->list + at, (r->n - at) * sizeof *r->list);
    r->list[at] = (struct region){.label = label};
    r->n++;
    return true;
}

bool regions_find(struct regions *r, const double *labels, size_t count, struct err *err)
{
    double last = 0; /* neighbours are mostly alike */

    for (size_t i = 0; i < count; i++) {
        double x = labels[i];
        if (x == last) {
            continue;
        }
        if (!(x >= INT32_MIN && x <= INT32_MAX) || x != rint(x)) {
            return err_set(err, ERR_FORMAT, "%.9g is no label (a whole number)", x);
        }
        if (x != 0 && !regions_add(r, (int32_t)x, err)) {
            return false;
        }
        last = x;
    }
    return true;
}

/* ---- measuring ---- */

/* The value of that rank, in a list that may be turned about; what is below `from` is in place. */
static double ranked(double *x, size_t from, size_t n, size_t rank)
{
    size_t low = from, high = n;

    while (high - low > 1) {
        double a = x[low], b = x[low + (high - low) / 2], c = x[high - 1];
        double pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
        size_t less = low, at = low, more = high;
        while (at < more) {
            double v = x[at];
            if (v < pivot) {
                x[at++] = x[less];
                x[less++] = v;
            } else if (v > pivot) {
                x[at] = x[--more];
                x[more] = v;
            } else {
                at++;
            }
        }
        if (rank < less) {
            high = less;
        } else if (rank >= more) {
            low = more;
        } else {
            return pivot;
        }
    }
    return x[low];
}

static void measure_one(struct region *r, double *x, const double *fraction, size_t fractions)
{
    long double sum = 0, square = 0;
    size_t n = r->count;

    r->mean = r->sd = r->low = r->high = NAN;
    for (size_t f = 0; f < fractions; f++) {
        r->quantile[f] = NAN;
    }
    if (n == 0) {
        return;
    }
    r->low = r->high = x[0];
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        r->low = fmin(r->low, x[i]);
        r->high = fmax(r->high, x[i]);
    }
    long double mean = sum / (long double)n;
    for (size_t i = 0; i < n; i++) {
        square += (x[i] - mean) * (x[i] - mean);
    }
    r->mean = (double)mean;
    r->sd = (double)sqrtl(square / (long double)n);
    size_t known =
        0; /* what stands before it is no larger: quantiles mostly come in ascending order */
    for (size_t f = 0; f < fractions; f++) {
        double at = fmin(fmax(fraction[f], 0), 1) * (double)(n - 1);
        size_t rank = (size_t)at;
        double share = at - (double)rank, low = ranked(x, rank < known ? 0 : known, n, rank);
        r->quantile[f] = share > 0 ? low + share * (ranked(x, rank, n, rank + 1) - low) : low;
        known = rank;
    }
}

/* Which region a place belongs to; n when none. */
static size_t region_of(const struct regions *r, const double *labels, size_t i, size_t *last)
{
    if (!labels) {
        return 0;
    }
    double x = labels[i];
    if (!(x >= INT32_MIN && x <= INT32_MAX) || x != rint(x)) {
        return r->n;
    }
    int32_t label = (int32_t)x;
    if (*last >= r->n || r->list[*last].label != label) {
        *last = place_of(r, label);
    }
    return *last < r->n && r->list[*last].label == label ? *last : r->n;
}

bool regions_measure(struct regions *r, const double *values, const double *labels, size_t count,
                     const double *fraction, size_t fractions, struct err *err)
{
    size_t *start = mem_array(r->n + 1, sizeof *start, err), last = 0, total = 0;
    double *block = NULL;

    if (!start) {
        return false;
    }
    for (size_t k = 0; k < r->n; k++) {
        r->list[k].count = r->list[k].not_finite = 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t k = region_of(r, labels, i, &last);
        if (k < r->n) {
            *(isfinite(values[i]) ? &r->list[k].count : &r->list[k].not_finite) += 1;
        }
    }
    for (size_t k = 0; k < r->n; k++) {
        start[k] = total;
        total += r->list[k].count;
    }
    block = mem_big(total ? total : 1, sizeof *block, err);
    for (size_t i = 0; block && i < count; i++) {
        size_t k = region_of(r, labels, i, &last);
        if (k < r->n && isfinite(values[i])) {
            block[start[k]++] = values[i];
        }
    }
    size_t regions = block ? r->n : 0;
#pragma omp parallel for schedule(dynamic) if (total > 100000)
    for (size_t k = 0; k < regions; k++) {
        measure_one(&r->list[k], block + start[k] - r->list[k].count, fraction, fractions);
    }
    bool good = block != NULL;
    mem_free(block);
    mem_free(start);
    return good;
}
