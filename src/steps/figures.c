/* From structs of math/ to JSON. */
#include "steps/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define MOST_POINTS 400 /* of a drawn curve: more are not seen */

json_t *figures_number(double value)
{
    return isfinite(value) ? json_real(value)
        : isinf(value)     ? json_string(value > 0 ? "inf" : "-inf")
                           : json_null();
}

double figures_value(const json_t *number)
{
    const char *text = json_string_value(number);

    return json_is_number(number)                   ? json_number_value(number)
        : text != NULL && strcmp(text, "inf") == 0  ? INFINITY
        : text != NULL && strcmp(text, "-inf") == 0 ? -INFINITY
                                                    : NAN;
}

static bool put(json_t *object, const char *key, double value, struct err *err)
{
    return json_put(object, key, figures_number(value), err);
}

json_t *figures_overlap(const struct overlap *o, struct err *err)
{
    json_t *row = json_pack("{s:I, s:I}", "predicted_voxels", (json_int_t)o->predicted,
                            "truth_voxels", (json_int_t)o->truth);

    if (row == NULL) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    if (!put(row, "dice", o->dice, err) || !put(row, "iou", o->iou, err) ||
        !put(row, "hd95", o->hd95, err) || !put(row, "surface_dice", o->surface_dice, err) ||
        !put(row, "predicted_ml", o->predicted_ml, err) ||
        !put(row, "truth_ml", o->truth_ml, err) || !put(row, "volume_ml", o->volume_ml, err) ||
        !put(row, "volume_percent", o->volume_percent, err)) {
        json_decref(row);
        return NULL;
    }
    return row;
}

json_t *figures_share(const struct roc_share *share)
{
    return json_pack("{s:o, s:o, s:o}", "value", figures_number(share->value), "low",
                     figures_number(share->low), "high", figures_number(share->high));
}

json_t *figures_rates(const struct roc_rates *r, struct err *err)
{
    json_t *all = json_pack("{s:I, s:I, s:I, s:I}", "tp", (json_int_t)r->true_positive, "fp",
                            (json_int_t)r->false_positive, "tn", (json_int_t)r->true_negative, "fn",
                            (json_int_t)r->false_negative);

    if (all == NULL || !json_put(all, "accuracy", figures_share(&r->accuracy), err) ||
        !json_put(all, "sensitivity", figures_share(&r->sensitivity), err) ||
        !json_put(all, "specificity", figures_share(&r->specificity), err) ||
        !json_put(all, "ppv", figures_share(&r->ppv), err) ||
        !json_put(all, "npv", figures_share(&r->npv), err)) {
        json_decref(all);
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return all;
}

/* Corners of the curve as [false rate, true rate], thinned when there are very many. */
static json_t *curve(const double *score, const uint8_t *positive, size_t n, struct err *err)
{
    struct roc_point *point = NULL;
    size_t points = 0;
    json_t *list = json_array();
    bool good = list != NULL && roc_curve(score, positive, n, &point, &points, err);
    size_t step = points / MOST_POINTS + 1;

    for (size_t i = 0; good && i < points; i++) {
        good = (i % step != 0 && i + 1 != points) ||
            json_array_append_new(
                list, json_pack("[f, f]", point[i].false_rate, point[i].true_rate)) == 0;
    }
    mem_free(point);
    if (!good) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *calibration(const double *score, const uint8_t *positive, size_t n)
{
    struct roc_calibration c;
    json_t *bins = json_array();

    if (bins == NULL || !roc_calibrate(score, positive, n, &c)) {
        json_decref(bins);
        return json_null();
    }
    for (size_t b = 0; b < ROC_BINS; b++) {
        json_t *bin = json_pack("{s:f, s:f, s:I, s:o, s:o}", "low", (double)b / ROC_BINS, "high",
                                (double)(b + 1) / ROC_BINS, "n", (json_int_t)c.bin[b].n,
                                "probability", figures_number(c.bin[b].probability), "share",
                                figures_number(c.bin[b].share));
        if (bin == NULL || json_array_append_new(bins, bin) != 0) {
            json_decref(bins);
            return NULL;
        }
    }
    return json_pack("{s:o, s:f, s:f}", "bins", bins, "brier", c.brier, "ece", c.ece);
}

bool figures_scores(json_t *object, const double *score, const uint8_t *positive, size_t n,
                    struct err *err)
{
    struct roc_share auc;

    return roc_auc(score, positive, n, &auc, err) &&
        json_put(object, "auc", figures_share(&auc), err) &&
        json_put(object, "roc", curve(score, positive, n, err), err) &&
        json_put(object, "calibration", calibration(score, positive, n), err);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorted values; next to an infinite one there is no "between". */
static double quantile(const double *values, size_t n, double fraction)
{
    double at = fraction * (double)(n - 1);
    size_t i = (size_t)at;
    double part = at - (double)i;

    return part > 0 ? values[i] * (1 - part) + values[i + 1] * part : values[i];
}

json_t *figures_summary(double *values, size_t n, struct err *err)
{
    size_t known = 0;
    size_t finite = 0;
    double sum = 0;
    double square = 0;

    for (size_t i = 0; i < n; i++) {
        if (!isnan(values[i])) {
            values[known++] = values[i];
            sum += isfinite(values[i]) ? values[i] : 0;
            finite += isfinite(values[i]);
        }
    }
    double mean = finite > 0 ? sum / (double)finite : NAN;
    for (size_t i = 0; i < known; i++) {
        square += isfinite(values[i]) ? (values[i] - mean) * (values[i] - mean) : 0;
    }
    qsort(values, known, sizeof(*values), by_value);
    json_t *all =
        json_pack("{s:I, s:I}", "n", (json_int_t)known, "infinite", (json_int_t)(known - finite));
    static const char *const name[] = {"min", "q1", "median", "q3", "max"};
    bool good = all != NULL && put(all, "mean", mean, err) &&
        put(all, "sd", finite > 0 ? sqrt(square / (double)finite) : NAN, err);
    for (size_t i = 0; good && i < 5; i++) {
        good = put(all, name[i], known > 0 ? quantile(values, known, (double)i / 4) : NAN, err);
    }
    if (!good) {
        json_decref(all);
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return all;
}
