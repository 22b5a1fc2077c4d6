/* Everything that needs an order sorts once: O(n log n). */
#include "math/roc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define Z 1.959963984540054 /* the normal distribution's 97.5 % */

void roc_wilson(size_t hits, size_t n, struct roc_share *ret)
{
    double m = (double)n;
    double p = n > 0 ? (double)hits / m : NAN;
    double middle = (p + Z * Z / (2 * m)) / (1 + Z * Z / m);
    double half = Z / (1 + Z * Z / m) * sqrt(p * (1 - p) / m + Z * Z / (4 * m * m));

    if (n == 0) {
        *ret = (struct roc_share){NAN, NAN, NAN};
        return;
    }
    /* at the ends the formula gives 0 and 1 but for rounding */
    ret->value = p;
    ret->low = hits == 0 ? 0 : middle - half;
    ret->high = hits == n ? 1 : middle + half;
}

void roc_rates(struct roc_rates *r)
{
    size_t positive = r->true_positive + r->false_negative;
    size_t negative = r->true_negative + r->false_positive;

    roc_wilson(r->true_positive + r->true_negative, positive + negative, &r->accuracy);
    roc_wilson(r->true_positive, positive, &r->sensitivity);
    roc_wilson(r->true_negative, negative, &r->specificity);
    roc_wilson(r->true_positive, r->true_positive + r->false_positive, &r->ppv);
    roc_wilson(r->true_negative, r->true_negative + r->false_negative, &r->npv);
}

/* ---- by score ---- */

struct scored {
    double score;
    uint8_t positive;
};

static int by_score(const void *a, const void *b)
{
    double x = ((const struct scored *)a)->score;
    double y = ((const struct scored *)b)->score;

    return (x > y) - (x < y);
}

/* Ascending; NULL without memory or with a score that is no number. */
static struct scored *sorted(const double *score, const uint8_t *positive, size_t n,
                             struct err *err)
{
    struct scored *list = mem_array(n + 1, sizeof(*list), err);

    for (size_t i = 0; list != NULL && i < n; i++) {
        list[i] = (struct scored){score[i], positive[i] != 0};
        if (isnan(score[i])) {
            err_set(err, ERR_FORMAT, "score %zu is no number", i + 1);
            mem_free(list);
            list = NULL;
        }
    }
    if (list != NULL) {
        qsort(list, n, sizeof(*list), by_score);
    }
    return list;
}

static size_t tie_end(const struct scored *list, size_t n, size_t i)
{
    size_t end = i + 1;

    while (end < n && list[end].score == list[i].score) {
        end++;
    }
    return end;
}

/* Sum and sum of squares of the structural components of one kind of case, centred: what is added
 * is the share of the other kind that a case beats. */
struct component {
    double mean, square;
    size_t n;
};

/* Welford's, `times` equal values at once. */
static void add(struct component *c, double value, size_t times)
{
    if (times > 0) {
        double d = value - c->mean;
        size_t n = c->n + times;
        c->mean += d * (double)times / (double)n;
        c->square += d * d * (double)c->n * (double)times / (double)n;
        c->n = n;
    }
}

/* A case's midrank among all less its midrank within its kind is what it beats of the other kind,
 * ties counting half: that is counted directly, tie by tie. */
static void components(const struct scored *list, size_t n, const size_t kind[2],
                       struct component ret[2])
{
    size_t below[2] = {0, 0};

    for (size_t i = 0, end; i < n; i = end) {
        size_t here[2] = {0, 0};
        end = tie_end(list, n, i);
        for (size_t k = i; k < end; k++) {
            here[list[k].positive]++;
        }
        add(&ret[1], ((double)below[0] + (double)here[0] / 2) / (double)kind[0], here[1]);
        add(&ret[0], 1 - ((double)below[1] + (double)here[1] / 2) / (double)kind[1], here[0]);
        below[0] += here[0];
        below[1] += here[1];
    }
}

bool roc_auc(const double *score, const uint8_t *positive, size_t n, struct roc_share *ret,
             struct err *err)
{
    struct scored *list = sorted(score, positive, n, err);
    struct component part[2] = {{0, 0, 0}, {0, 0, 0}};
    size_t kind[2] = {0, 0};

    if (list == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        kind[list[i].positive]++;
    }
    *ret = (struct roc_share){NAN, NAN, NAN};
    if (kind[0] > 0 && kind[1] > 0) {
        components(list, n, kind, part);
        ret->value = part[1].mean;
    }
    if (kind[0] > 1 && kind[1] > 1) {
        double m = (double)kind[1];
        double k = (double)kind[0];
        double half = Z * sqrt(part[1].square / (m - 1) / m + part[0].square / (k - 1) / k);
        ret->low = fmax(0, ret->value - half);
        ret->high = fmin(1, ret->value + half);
    }
    mem_free(list);
    return true;
}

bool roc_curve(const double *score, const uint8_t *positive, size_t n, struct roc_point **ret,
               size_t *ret_n, struct err *err)
{
    struct scored *list = sorted(score, positive, n, err);
    struct roc_point *points = list != NULL ? mem_array(n + 1, sizeof(*points), err) : NULL;
    size_t kind[2] = {0, 0};
    size_t seen[2] = {0, 0};
    size_t k = 0;

    for (size_t i = 0; points != NULL && i < n; i++) {
        kind[list[i].positive]++;
    }
    if (points != NULL && kind[0] > 0 && kind[1] > 0) {
        points[k++] = (struct roc_point){INFINITY, 0, 0};
        for (size_t i = n; i > 0;) {
            double at = list[i - 1].score;
            while (i > 0 && list[i - 1].score == at) {
                seen[list[--i].positive]++;
            }
            points[k++] = (struct roc_point){at, (double)seen[0] / (double)kind[0],
                                             (double)seen[1] / (double)kind[1]};
        }
    }
    mem_free(list);
    if (points != NULL) {
        *ret = points;
        *ret_n = k;
    }
    return points != NULL;
}

bool roc_calibrate(const double *probability, const uint8_t *right, size_t n,
                   struct roc_calibration *ret)
{
    double said[ROC_BINS] = {0};
    size_t true_ones[ROC_BINS] = {0};
    struct roc_calibration c = {.brier = 0};

    for (size_t i = 0; i < n; i++) {
        double p = probability[i];
        double d = p - (right[i] ? 1 : 0);
        if (!(p >= 0 && p <= 1)) {
            return false;
        }
        size_t bin = p >= 1 ? ROC_BINS - 1 : (size_t)(p * ROC_BINS);
        c.bin[bin].n++;
        said[bin] += p;
        true_ones[bin] += right[i] != 0;
        c.brier += d * d;
    }
    for (size_t b = 0; b < ROC_BINS; b++) {
        double m = (double)c.bin[b].n;
        c.bin[b].probability = c.bin[b].n > 0 ? said[b] / m : NAN;
        c.bin[b].share = c.bin[b].n > 0 ? (double)true_ones[b] / m : NAN;
        c.ece += c.bin[b].n > 0 ? fabs(said[b] - (double)true_ones[b]) / (double)n : 0;
    }
    c.brier /= (double)n;
    if (n > 0) {
        *ret = c;
    }
    return n > 0;
}
