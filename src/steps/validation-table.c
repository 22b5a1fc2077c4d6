/* The document as CSV: of masks a row a series and label, of classes a row a series. What was not
 * compared has a row too, with its reason. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"
#include "codec/csv.h"
#include "steps/figures.h"
#include "steps/validation.h"

static void number(struct str *out, const json_t *value)
{
    char text[40] = "";

    if (json_is_number(value)) {
        snprintf(text, sizeof(text), "%.10g", json_number_value(value));
    }
    csv_add(out, json_is_string(value) ? json_string_value(value) : text, false);
}

static void head(struct str *out, const json_t *row)
{
    char id[32];

    snprintf(id, sizeof(id), "%lld", (long long)json_get_int(row, "item", 0));
    csv_add(out, id, true);
    csv_add(out, json_get_text(row, "name", ""), false);
    csv_add(out, json_get_text(row, "state", ""), false);
    csv_add(out, json_get_text(row, "reason", ""), false);
    csv_add(out, json_get_text(row, "truth", ""), false);
}

/* What the comparison said besides, such as labels of the truth that the model does not know. */
static void notes(struct str *out, const json_t *row)
{
    struct str all = STR_INIT;
    const json_t *note;
    size_t i;

    json_array_foreach(json_object_get(row, "notes"), i, note)
    {
        str_addf(&all, "%s%s", i > 0 ? "; " : "", json_string_value(note));
    }
    csv_add(out, str_text(&all), false);
    str_fini(&all);
}

static const char *const columns[] = {
    "dice",           "iou", "hd95", "surface_dice", "predicted_ml", "truth_ml", "volume_ml",
    "volume_percent", NULL};

static void masks(struct str *out, const json_t *rows)
{
    const json_t *row;
    const json_t *label;
    size_t i;
    size_t k;

    str_add(out, "id,series,state,reason,truth,label");
    for (size_t c = 0; columns[c] != NULL; c++) {
        str_addf(out, ",%s", columns[c]);
    }
    str_add(out, ",notes");
    csv_end(out);
    json_array_foreach(rows, i, row)
    {
        const json_t *labels = json_object_get(row, "labels");
        json_array_foreach(labels, k, label)
        {
            head(out, row);
            csv_add(out, json_get_text(label, "name", ""), false);
            for (size_t c = 0; columns[c] != NULL; c++) {
                number(out, json_object_get(label, columns[c]));
            }
            notes(out, row);
            csv_end(out);
        }
        if (json_array_size(labels) == 0) {
            head(out, row);
            str_add(out, ",,,,,,,,,");
            notes(out, row);
            csv_end(out);
        }
    }
}

static void classes(struct str *out, const json_t *doc)
{
    const json_t *row;
    const json_t *names = json_object_get(doc, "classes");
    size_t i;

    str_add(out, "id,series,state,reason,truth,predicted,right");
    for (i = 0; i < json_array_size(names); i++) {
        struct str name = STR_INIT;
        str_addf(&name, "score %s", json_string_value(json_array_get(names, i)));
        csv_add(out, str_text(&name), false);
        str_fini(&name);
    }
    csv_end(out);
    json_array_foreach(json_object_get(doc, "rows"), i, row)
    {
        const json_t *scores = json_object_get(row, "scores");
        const json_t *right = json_object_get(row, "right");
        head(out, row);
        csv_add(out, json_get_text(row, "predicted", ""), false);
        csv_add(out, json_is_true(right) ? "true" : right != NULL ? "false" : "", false);
        for (size_t k = 0; k < json_array_size(names); k++) {
            number(out, json_array_get(scores, k));
        }
        csv_end(out);
    }
}

bool validation_csv(const json_t *doc, struct str *out, struct err *err)
{
    if (strcmp(json_get_text(doc, "kind", ""), "labels") == 0) {
        classes(out, doc);
    } else {
        masks(out, json_object_get(doc, "rows"));
    }
    return str_ok(out, err);
}
