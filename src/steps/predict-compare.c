/*
 * predict.compare: one predicted mask against the true one. A truth that cannot be read or lies on
 * other voxels is a result too (state "failed", with the reason): the report has it as a row, and
 * the other series go on.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "math/overlap.h"
#include "os/file.h"
#include "steps/figures.h"
#include "steps/image-args.h"
#include "steps/mask-pair.h"
#include "steps/step.h"

extern const struct step step_predict_compare;

struct comparison {
    struct job *job;
    const char *prediction, *truth;
    double tolerance;
    json_t *named; /* labels of mask.json; NULL: whatever is there */
    json_t *rows, *notes;
    struct mask_pair pair;
    struct overlap *found;
    size_t n;
};

static bool out_of_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

static bool read_names(struct comparison *c, struct err *err)
{
    const char *path = NULL;
    if (!image_arg_path(c->job, "facts", false, &path, err)) {
        return false;
    }
    json_t *facts = path != NULL ? json_read(path, err) : NULL;

    c->named = json_incref(json_object_get(facts, "labels"));
    json_decref(facts);
    return path == NULL || facts != NULL;
}

static bool note(struct comparison *c, struct err *err, const char *text)
{
    return json_array_append_new(c->notes, json_string(text)) == 0 || out_of_memory(err);
}

static bool is_named(const struct comparison *c, uint16_t label)
{
    const json_t *row;
    size_t i;

    json_array_foreach(c->named, i, row)
    {
        if (json_get_int(row, "value", 0) == label) {
            return true;
        }
    }
    return c->named == NULL;
}

/* A truth of one label is that of a model with one label, whatever its number: masks of 0 and 255
 * are common. */
static bool take_only_label(struct comparison *c, struct err *err)
{
    int64_t mine = json_get_int(json_array_get(c->named, 0), "value", 0);
    size_t voxels = c->pair.n[0] * c->pair.n[1] * c->pair.n[2];
    uint16_t theirs = 0;
    char text[80];

    if (json_array_size(c->named) != 1 || mine < 1 || mine > UINT16_MAX) {
        return true;
    }
    for (size_t i = 0; i < c->n; i++) {
        if (c->found[i].truth > 0 && theirs != 0) {
            return true; /* several */
        }
        theirs = c->found[i].truth > 0 ? c->found[i].label : theirs;
    }
    if (theirs == 0 || theirs == mine) {
        return true;
    }
    for (size_t i = 0; i < voxels; i++) {
        c->pair.truth[i] = c->pair.truth[i] == theirs ? (uint16_t)mine : 0;
    }
    mem_free(c->found);
    c->found = NULL;
    snprintf(text, sizeof(text), "label %u of the truth is taken for label %lld", theirs,
             (long long)mine);
    return overlap_find(c->pair.predicted, c->pair.truth, c->pair.n, &c->found, &c->n, err) &&
        note(c, err, text);
}

/* Labels of the truth that the model does not have are told, not judged. */
static bool tell_unknown(struct comparison *c, struct err *err)
{
    struct str text = STR_INIT;
    bool good = true;

    for (size_t i = 0; i < c->n; i++) {
        if (!is_named(c, c->found[i].label) && c->found[i].truth > 0 && text.len < 200) {
            str_addf(&text, "%s%u", text.len > 0 ? ", " : "the prediction does not have label ",
                     c->found[i].label);
        }
    }
    if (text.len > 0) {
        str_add(&text, " of the truth");
        good = str_ok(&text, err) && note(c, err, str_text(&text));
    }
    str_fini(&text);
    return good;
}

static bool put_values(struct comparison *c, const char *name, const json_t *row, struct err *err)
{
    static const char *const told[] = {"dice", "iou", "hd95", "surface_dice", "volume_ml", NULL};
    bool good = true;

    for (size_t i = 0; good && told[i] != NULL; i++) {
        char key[160];
        snprintf(key, sizeof(key), "%s.%.120s", told[i], name);
        str_utf8_mend(key);
        good = job_value(c->job, key, json_incref(json_object_get(row, told[i])), err);
    }
    return good;
}

/* One label: `about` has its value, name and colour. */
static bool one_label(struct comparison *c, uint16_t label, const char *name, const char *colour,
                      struct err *err)
{
    struct overlap none = {.label = label};
    struct overlap *o = &none;

    for (size_t i = 0; i < c->n; i++) {
        o = c->found[i].label == label ? &c->found[i] : o;
    }
    if (!overlap_measure(c->pair.predicted, c->pair.truth, c->pair.n, c->pair.mm, c->tolerance,
                         c->job->threads, o, err)) {
        return false;
    }
    json_t *row = figures_overlap(o, err);
    bool good = row != NULL && json_put(row, "value", json_integer(label), err) &&
        json_put(row, "name", json_string(name), err) &&
        (colour == NULL || json_put(row, "colour", json_string(colour), err)) &&
        put_values(c, name, row, err) &&
        (json_array_append(c->rows, row) == 0 || out_of_memory(err));
    json_decref(row);
    return good;
}

static bool all_labels(struct comparison *c, struct err *err)
{
    size_t n = c->named != NULL ? json_array_size(c->named) : c->n;
    bool good = true;

    for (size_t i = 0; good && i < n; i++) {
        const json_t *row = json_array_get(c->named, i);
        int64_t value = row != NULL ? json_get_int(row, "value", 0) : c->found[i].label;
        char name[32];
        snprintf(name, sizeof(name), "label%lld", (long long)value);
        good = job_go_on(c->job, err);
        if (good && value > 0 && value <= UINT16_MAX) {
            good = one_label(c, (uint16_t)value, json_get_text(row, "name", name),
                             json_get_text(row, "colour", NULL), err);
        }
        job_progress(c->job, 0.2 + 0.8 * (double)(i + 1) / (double)n, "label %zu of %zu", i + 1, n);
    }
    return good;
}

static bool compare(struct comparison *c, struct err *err)
{
    bool good = read_names(c, err) &&
        mask_pair_read(&c->pair, c->job, c->prediction, c->truth, err) &&
        overlap_find(c->pair.predicted, c->pair.truth, c->pair.n, &c->found, &c->n, err) &&
        take_only_label(c, err) && tell_unknown(c, err) && all_labels(c, err);

    if (good && c->pair.turned) {
        good = note(c, err, "the truth's axes were turned");
    }
    return good;
}

/* Is it the data, so that trying again cannot help? Then it is a result. */
static bool is_result(const struct err *why)
{
    return why->code == ERR_FORMAT || why->code == ERR_UNSUPPORTED || why->code == ERR_IO ||
        why->code == ERR_PERM || why->code == ERR_NOTHING || why->code == ERR_FAILED;
}

static bool write_result(struct comparison *c, const struct err *why, struct err *err)
{
    const char *path = NULL;
    const char *final = NULL;
    bool failed = why->code != ERR_NONE;
    char reason[sizeof(why->text)];

    snprintf(reason, sizeof(reason), "%s", failed ? why->text : "");
    str_utf8_mend(reason);
    if (failed) {
        json_array_clear(c->rows);
    }
    json_t *doc = json_pack("{s:i, s:s, s:s, s:s, s:f, s:O, s:O}", "gantry", 1, "state",
                            failed ? "failed" : "compared", "reason", reason, "truth", c->truth,
                            "tolerance_mm", c->tolerance, "notes", c->notes, "labels", c->rows);
    char *text = doc != NULL ? json_pretty(doc, err) : NULL;
    bool good = (doc != NULL || out_of_memory(err)) && text != NULL &&
        image_arg_out(c->job, "result", true, &path, &final, err) &&
        file_put(path, text, strlen(text), err);

    mem_free(text);
    json_decref(doc);
    if (good && failed) {
        job_progress(c->job, 1, "not compared: %.200s", reason);
        job_say(c->job, "[compare] %s", reason);
        good = job_value(c->job, "reason", json_string(reason), err);
    } else if (good) {
        job_progress(c->job, 1, "compared");
    }
    return good;
}

static bool run(struct job *job, struct err *err)
{
    struct comparison c = {.job = job,
                           .tolerance = json_get_double(job->params, "tolerance", 1),
                           .truth = json_get_text(job->params, "truth", ""),
                           .rows = json_array(),
                           .notes = json_array()};
    bool good = ((c.rows != NULL && c.notes != NULL) || out_of_memory(err)) &&
        image_arg_path(job, "prediction", true, &c.prediction, err) &&
        (c.truth[0] != '\0' || err_set(err, ERR_USAGE, "truth: no file is given"));

    if (good) {
        struct err why = {ERR_NONE, ""};
        job_progress(job, 0, "reading");
        good = compare(&c, &why) || is_result(&why);
        if (good) {
            good = write_result(&c, &why, err);
        } else {
            *err = why;
        }
    }
    mem_free(c.found);
    mask_pair_fini(&c.pair);
    json_decref(c.named);
    json_decref(c.rows);
    json_decref(c.notes);
    return good;
}

const struct step step_predict_compare = {
    .name = "predict.compare",
    .title = "predicted mask against the truth",
    .help = "Dice, IoU, HD95, surface Dice and volumes of each label of a predicted mask and the "
            "true one.",
    .version = 1,
    .phase = "validate",
    .word_done = "Compared",
    .word_failed = "Comparison failed",
    .stall_s = 3600,
    .mem = "4G",
    .run = run,
};
