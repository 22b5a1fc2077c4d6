/*
 * predict.report: what came out of a validation. The plan says which series there are and what the
 * truth of each is; series that could not be judged are rows with their reasons.
 */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"
#include "steps/image-args.h"
#include "steps/step.h"
#include "steps/validation.h"

extern const struct step step_predict_report;

static bool out_of_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

json_t *validation_row(const json_t *planned, struct err *err)
{
    json_t *row = json_copy((json_t *)planned);

    if (row == NULL) {
        out_of_memory(err);
    }
    return row;
}

bool validation_refuse(json_t *row, const char *reason, struct err *err)
{
    char text[sizeof(err->text)];

    strncpy(text, reason, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    str_utf8_mend(text);
    return json_put(row, "state", json_string("failed"), err) &&
        json_put(row, "reason", json_string(text), err);
}

bool validation_sort(struct validation *v, int (*by)(const void *a, const void *b), struct err *err)
{
    size_t n = json_array_size(v->rows);
    json_t **list = mem_array(n + 1, sizeof(*list), err);
    bool good = list != NULL;

    for (size_t i = 0; good && i < n; i++) {
        list[i] = json_incref(json_array_get(v->rows, i));
    }
    if (good) {
        qsort(list, n, sizeof(*list), by);
        json_array_clear(v->rows);
    }
    for (size_t i = 0; list != NULL && i < n; i++) {
        good = json_array_append_new(v->rows, list[i]) == 0 && good;
    }
    mem_free(list);
    return good || out_of_memory(err);
}

bool validation_count(struct validation *v, struct err *err)
{
    static const char *const state[] = {"compared", "failed", "no truth", "no prediction", NULL};
    json_int_t n[4] = {0, 0, 0, 0};
    const json_t *row;
    size_t i;

    json_array_foreach(v->rows, i, row)
    {
        for (size_t k = 0; state[k] != NULL; k++) {
            n[k] += strcmp(json_get_text(row, "state", ""), state[k]) == 0;
        }
    }
    return json_put(v->doc, "counts",
                    json_pack("{s:I, s:I, s:I, s:I, s:I}", "series",
                              (json_int_t)json_array_size(v->rows), "compared", n[0], "failed",
                              n[1], "no_truth", n[2], "no_prediction", n[3]),
                    err);
}

/* What the plan says of the whole, and room for the rows. */
static bool begin(struct validation *v, struct err *err)
{
    static const char *const kept[] = {"run",     "of",    "kind",      "model",    "version",
                                       "dataset", "truth", "tolerance", "positive", NULL};

    v->doc = json_pack("{s:i, s:I}", "gantry", 1, "made_us", (json_int_t)clock_utc_us());
    v->rows = json_array();
    if (v->doc == NULL || !json_put(v->doc, "rows", v->rows, err)) {
        return out_of_memory(err);
    }
    for (size_t i = 0; kept[i] != NULL; i++) {
        json_t *value = json_object_get(v->plan, kept[i]);
        if (value != NULL && !json_put(v->doc, kept[i], json_incref(value), err)) {
            return false;
        }
    }
    return true;
}

static bool put_text(struct job *job, const char *id, const char *text, size_t length,
                     struct err *err)
{
    const char *path = NULL;
    const char *final = NULL;

    return image_arg_out(job, id, true, &path, &final, err) && file_put(path, text, length, err);
}

static bool write_all(struct validation *v, struct err *err)
{
    struct str table = STR_INIT;
    const char *path = NULL;
    const char *final = NULL;
    char *text = json_text(v->doc, err);
    bool good = text != NULL && put_text(v->job, "summary", text, strlen(text), err) &&
        validation_csv(v->doc, &table, err) &&
        put_text(v->job, "table", str_text(&table), table.len, err);

    job_progress(v->job, 0.9, "drawing");
    good = good && image_arg_out(v->job, "pdf", true, &path, &final, err) &&
        validation_pdf(v->doc, path, err);
    mem_free(text);
    str_fini(&table);
    return good;
}

static bool run(struct job *job, struct err *err)
{
    const char *path = json_get_text(job->params, "plan", "");
    struct validation v = {.job = job};
    bool good = path[0] != '\0' || err_set(err, ERR_USAGE, "plan: no file is given");

    job_progress(job, 0, "reading");
    v.plan = good ? json_read(path, err) : NULL;
    v.folder = v.plan != NULL ? path_dir(path, err) : NULL;
    good = v.folder != NULL && begin(&v, err) &&
        (strcmp(json_get_text(v.plan, "kind", ""), "labels") == 0 ? validation_labels(&v, err)
                                                                  : validation_masks(&v, err)) &&
        validation_count(&v, err) && write_all(&v, err);
    if (good) {
        const json_t *counts = json_object_get(v.doc, "counts");
        job_progress(job, 1, "%lld of %lld series compared",
                     (long long)json_get_int(counts, "compared", 0),
                     (long long)json_get_int(counts, "series", 0));
    }
    json_decref(v.doc);
    json_decref(v.plan);
    mem_free(v.folder);
    return good;
}

const struct step step_predict_report = {
    .name = "predict.report",
    .title = "report of a validation",
    .help = "Tables and plots of all series of a validation: JSON, CSV, PDF.",
    .version = 1,
    .phase = "validate",
    .word_done = "Validated",
    .word_failed = "Report failed",
    .stall_s = 3600,
    .mem = "2G",
    .run = run,
};
