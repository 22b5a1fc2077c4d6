/* Of masks: the figures of each series are in its compare.json. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "os/file.h"
#include "steps/figures.h"
#include "steps/validation.h"

static const char *const metrics[] = {"dice",      "iou",      "hd95",         "surface_dice",
                                      "volume_ml", "truth_ml", "predicted_ml", "volume_percent",
                                      NULL};

static bool out_of_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

/* The lowest Dice and the greatest distance of its labels: what series are sorted by. */
static bool put_worst(json_t *row, struct err *err)
{
    const json_t *label;
    size_t i;
    double dice = NAN;
    double hd95 = NAN;

    json_array_foreach(json_object_get(row, "labels"), i, label)
    {
        dice = fmin(dice, figures_value(json_object_get(label, "dice")));
        hd95 = fmax(hd95, figures_value(json_object_get(label, "hd95")));
    }
    return json_put(row, "dice", figures_number(dice), err) &&
        json_put(row, "hd95", figures_number(hd95), err);
}

/* What the comparison of one series says; without a file its task has failed. */
static bool read_one(const struct validation *v, json_t *row, struct err *err)
{
    char *path = mem_printf(err, "%s/%s/compare.json", v->folder, json_get_text(row, "stem", ""));
    struct err why = {ERR_NONE, ""};
    json_t *found = path != NULL && file_exists(path) ? json_read(path, &why) : NULL;
    bool good = path != NULL;

    if (good && found == NULL) {
        good = validation_refuse(
            row, why.code != ERR_NONE ? why.text : "not compared: see the log of its task", err);
    } else if (good && strcmp(json_get_text(found, "state", ""), "compared") != 0) {
        good = validation_refuse(row, json_get_text(found, "reason", "not compared"), err);
    } else if (good) {
        good = json_put(row, "state", json_string("compared"), err) &&
            json_put(row, "notes", json_incref(json_object_get(found, "notes")), err) &&
            json_put(row, "labels", json_incref(json_object_get(found, "labels")), err) &&
            put_worst(row, err);
    }
    mem_free(path);
    json_decref(found);
    return good;
}

/* Series that were compared first, the worst of them on top; the others in the plan's order. */
static int worst_first(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a;
    const json_t *y = *(json_t *const *)b;
    double p = figures_value(json_object_get(x, "dice"));
    double q = figures_value(json_object_get(y, "dice"));
    double d = figures_value(json_object_get(x, "hd95"));
    double e = figures_value(json_object_get(y, "hd95"));
    int64_t i = json_get_int(x, "item", 0);
    int64_t k = json_get_int(y, "item", 0);

    if (isnan(p) != isnan(q)) {
        return isnan(p) ? 1 : -1;
    }
    if (!isnan(p) && p != q) {
        return p < q ? -1 : 1;
    }
    if (!isnan(p) && d != e) {
        return d > e ? -1 : 1;
    }
    return (i > k) - (i < k);
}

/* Labels of all series by their number: {value, name, colour}. */
static bool collect_labels(const struct validation *v, json_t *labels, struct err *err)
{
    const json_t *row;
    const json_t *label;
    size_t i;
    size_t k;

    json_array_foreach(v->rows, i, row)
    {
        json_array_foreach(json_object_get(row, "labels"), k, label)
        {
            int64_t value = json_get_int(label, "value", 0);
            size_t at = 0;
            while (at < json_array_size(labels) &&
                   json_get_int(json_array_get(labels, at), "value", 0) < value) {
                at++;
            }
            if (json_get_int(json_array_get(labels, at), "value", 0) != value &&
                json_array_insert_new(labels, at,
                                      json_pack("{s:I, s:s, s:s*}", "value", (json_int_t)value,
                                                "name", json_get_text(label, "name", ""), "colour",
                                                json_get_text(label, "colour", NULL))) != 0) {
                return out_of_memory(err);
            }
        }
    }
    return true;
}

/* One figure of one label over all series. */
static json_t *summary_of(const struct validation *v, int64_t value, const char *metric,
                          double *room, struct err *err)
{
    const json_t *row;
    const json_t *label;
    size_t i;
    size_t k;
    size_t n = 0;

    json_array_foreach(v->rows, i, row)
    {
        json_array_foreach(json_object_get(row, "labels"), k, label)
        {
            if (json_get_int(label, "value", 0) == value && n < json_array_size(v->rows)) {
                room[n++] = figures_value(json_object_get(label, metric));
            }
        }
    }
    return figures_summary(room, n, err);
}

static bool put_summary(struct validation *v, struct err *err)
{
    json_t *labels = json_array();
    json_t *label;
    size_t i;
    double *room = mem_array(json_array_size(v->rows) + 1, sizeof(*room), err);
    bool good =
        room != NULL && json_put(v->doc, "summary", labels, err) && collect_labels(v, labels, err);

    json_array_foreach(labels, i, label)
    {
        for (size_t k = 0; good && metrics[k] != NULL; k++) {
            good = json_put(label, metrics[k],
                            summary_of(v, json_get_int(label, "value", 0), metrics[k], room, err),
                            err);
        }
    }
    mem_free(room);
    return good;
}

bool validation_masks(struct validation *v, struct err *err)
{
    const json_t *planned;
    const json_t *all = json_object_get(v->plan, "series");
    size_t i;

    json_array_foreach(all, i, planned)
    {
        json_t *row = validation_row(planned, err);
        bool good = row != NULL &&
            (strcmp(json_get_text(row, "state", ""), "found") != 0 || read_one(v, row, err)) &&
            (json_array_append(v->rows, row) == 0 || out_of_memory(err));
        json_decref(row);
        if (!good || !job_go_on(v->job, err)) {
            return false;
        }
        job_progress(v->job, 0.7 * (double)i / (double)json_array_size(all), "reading");
    }
    return validation_sort(v, worst_first, err) && put_summary(v, err);
}
