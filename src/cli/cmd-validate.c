/* `gantry validate RUN --truth DIR|CSV`: a prediction held against the truth, and what came out. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/launch.h"
#include "cli/resolve.h"
#include "engine/session.h"
#include "os/file.h"

#define WORST 5

static const struct opt options[] = {
    {'t', "truth", OPT_TEXT, "DIR|CSV",
     "a folder of masks with the series' names, or a table with columns series and label", false},
    {'o', "output", OPT_TEXT, "FILE", "also write FILE.pdf, FILE.csv or FILE.json (repeat it)",
     false},
    {0, "positive", OPT_TEXT, "LABEL", "the class that counts as positive", false},
    {0, "tolerance", OPT_NUMBER, "MM",
     "how far apart surfaces may lie for surface Dice (default 1 mm)", false},
    {0, "detach", OPT_FLAG, NULL, "do not wait for its end", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* What a file that is asked for is a copy of; NULL when its ending is none of them. */
static const char *source_of(const char *path)
{
    const char *ext = path_ext(path);
    return !strcmp(ext, ".pdf") ? "report.pdf"
        : !strcmp(ext, ".csv")  ? "validation.csv"
        : !strcmp(ext, ".json") ? "validation.json"
                                : NULL;
}

static bool check_words(struct cli *c, struct err *err)
{
    if (!cli_has(c, "truth")) {
        return cli_usage(c, err, "--truth DIR or --truth FILE.csv is wanted");
    }
    for (size_t i = 0; i < cli_count(c, "output"); i++) {
        if (!source_of(cli_nth(c, "output", i))) {
            return cli_usage(c, err, "-o '%s': FILE.pdf, FILE.csv or FILE.json",
                             cli_nth(c, "output", i));
        }
        if (!cli_target(cli_nth(c, "output", i), err)) {
            return false;
        }
    }
    if (cli_has(c, "detach") && cli_has(c, "output")) {
        return cli_usage(c, err, "-o waits for the end and does not go with --detach");
    }
    return true;
}

/* `last` is the newest prediction: a validation is a run too, and not meant. */
static bool find_run(struct cli *c, int64_t *ret, struct err *err)
{
    int64_t project = 0;
    if (strcmp(c->args[0], "last") != 0) {
        return resolve_run(c, c->args[0], 0, ret, err);
    }
    return resolve_project_id(c, &project, err) && cli_store(c, err) &&
        store_int(c->store, 0, ret, err,
                  "SELECT max(p.run_id) FROM prediction p JOIN run r ON r.id=p.run_id WHERE "
                  "p.trial=0 AND (?1=0 OR r.project_id=?1)",
                  "i", project) &&
        (*ret || err_set(err, ERR_NOTHING, "there are no predictions yet (gantry help predict)"));
}

static json_t *arguments(struct cli *c, struct err *err)
{
    const char *given = cli_text(c, "truth", "");
    char real[PATH_MAX];
    int64_t run = 0;
    if (!find_run(c, &run, err)) {
        return NULL;
    }
    if (!realpath(given, real)) {
        (void)err_set(err, ERR_IO, "--truth: there is no '%s'", given);
        return NULL;
    }
    json_t *args =
        json_pack("{s:I, s:s, s:f, s:s}", "run", (json_int_t)run, "truth", real, "tolerance",
                  cli_number(c, "tolerance", 1), "positive", cli_text(c, "positive", ""));
    if (!args) {
        (void)err_set(err, ERR_NOMEM, "out of memory, or a name is no UTF-8");
    }
    return args;
}

/* ---- what came out ---- */

/* A number of the document: "inf" for infinity, null for what is not known. */
static const char *shown(const json_t *value, int digits, char room[32])
{
    const char *text = json_string_value(value);
    if (text) {
        return text;
    }
    (void)snprintf(room, 32, json_is_number(value) ? "%.*f" : "-", digits,
                   json_number_value(value));
    return room;
}

static const char *part(const json_t *label, const char *metric, const char *what, int digits,
                        char room[32])
{
    return shown(json_object_get(json_object_get(label, metric), what), digits, room);
}

static json_t *mask_row(const json_t *label)
{
    char a[32], b[32], d[32], e[32], f[32], g[32], h[32];
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "label", json_get_text(label, "name", ""), "n",
        part(label, "dice", "n", 0, a), "dice", part(label, "dice", "mean", 3, b), "median",
        part(label, "dice", "median", 3, d), "iou", part(label, "iou", "mean", 3, e), "hd95",
        part(label, "hd95", "median", 2, f), "surface", part(label, "surface_dice", "mean", 3, g),
        "volume", part(label, "volume_ml", "mean", 2, h));
}

static bool say_masks(struct cli *c, const json_t *doc, struct err *err)
{
    static const struct column columns[] = {
        {"Label", "label", CELL_TEXT},
        {"Series", "n", CELL_TEXT},
        {"Dice mean", "dice", CELL_TEXT},
        {"median", "median", CELL_TEXT},
        {"IoU mean", "iou", CELL_TEXT},
        {"HD95 median mm", "hd95", CELL_TEXT},
        {"Surface Dice mean", "surface", CELL_TEXT},
        {"Volume mean ml", "volume", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    json_t *rows = json_array(), *label;
    size_t i;
    bool ok = rows != NULL;
    json_array_foreach(json_object_get(doc, "summary"), i, label)
    {
        ok = ok && json_array_append_new(rows, mask_row(label)) == 0;
    }
    ok = (ok || err_set(err, ERR_NOMEM, "out of memory")) && cli_table(c, rows, columns, err);
    json_decref(rows);
    return ok;
}

static void interval(const json_t *share, char room[64])
{
    char a[32], b[32], d[32];
    const json_t *low = json_object_get(share, "low");
    if (json_is_number(low)) {
        (void)snprintf(room, 64, "%s (%s-%s)", shown(json_object_get(share, "value"), 3, a),
                       shown(low, 3, b), shown(json_object_get(share, "high"), 3, d));
    } else {
        (void)snprintf(room, 64, "%s", shown(json_object_get(share, "value"), 3, a));
    }
}

static json_t *class_row(const json_t *one)
{
    const json_t *rates = json_object_get(one, "rates");
    char a[64], b[64], d[64], e[64], f[64];
    interval(json_object_get(rates, "sensitivity"), a);
    interval(json_object_get(rates, "specificity"), b);
    interval(json_object_get(rates, "ppv"), d);
    interval(json_object_get(rates, "npv"), e);
    interval(json_object_get(one, "auc"), f);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", json_get_text(one, "name", ""),
                     "sensitivity", a, "specificity", b, "ppv", d, "npv", e, "auc", f);
}

static void say_matrix(struct cli *c, const json_t *doc)
{
    const json_t *names = json_object_get(doc, "classes"), *row;
    size_t i, k;
    cli_print(c, "confusion (rows: the truth):");
    for (k = 0; k < json_array_size(names); k++) {
        cli_print(c, "%s %s", k ? "," : "", json_string_value(json_array_get(names, k)));
    }
    cli_print(c, "\n");
    json_array_foreach(json_object_get(doc, "confusion"), i, row)
    {
        for (k = 0; k < json_array_size(row); k++) {
            cli_print(c, " %6" PRId64, (int64_t)json_integer_value(json_array_get(row, k)));
        }
        cli_print(c, "  %s\n", json_string_value(json_array_get(names, i)));
    }
}

static bool say_classes(struct cli *c, const json_t *doc, struct err *err)
{
    static const struct column columns[] = {
        {"Positive", "name", CELL_TEXT},
        {"Sensitivity", "sensitivity", CELL_TEXT},
        {"Specificity", "specificity", CELL_TEXT},
        {"PPV", "ppv", CELL_TEXT},
        {"NPV", "npv", CELL_TEXT},
        {"AUC", "auc", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    json_t *rows = json_array(), *one;
    size_t i;
    char text[64], brier[32], ece[32];
    bool ok = rows != NULL;
    json_array_foreach(json_object_get(doc, "per_class"), i, one)
    {
        ok = ok && json_array_append_new(rows, class_row(one)) == 0;
    }
    ok = (ok || err_set(err, ERR_NOMEM, "out of memory")) && cli_table(c, rows, columns, err);
    interval(json_object_get(doc, "accuracy"), text);
    cli_print(c, "accuracy %s", text);
    if (json_array_size(rows) == 1) {
        const json_t *cal =
            json_object_get(json_array_get(json_object_get(doc, "per_class"), 0), "calibration");
        cli_print(c, ", Brier %s, ECE %s", shown(json_object_get(cal, "brier"), 3, brier),
                  shown(json_object_get(cal, "ece"), 3, ece));
    }
    cli_print(c, "; 95 %% intervals\n");
    if (json_get_int(doc, "undecided", 0) > 0) {
        cli_print(c, "%" PRId64 " series reached no class's threshold: counted as wrong\n",
                  json_get_int(doc, "undecided", 0));
    }
    say_matrix(c, doc);
    json_decref(rows);
    return ok;
}

static void say_worst(struct cli *c, const json_t *doc, bool labels)
{
    const json_t *row;
    size_t i;
    char a[32], b[32];
    cli_print(c, "worst:\n");
    json_array_foreach(json_object_get(doc, "rows"), i, row)
    {
        if (i == WORST || strcmp(json_get_text(row, "state", ""), "compared") != 0) {
            break;
        }
        if (labels) {
            cli_print(c, "  %s  %s: said %s, is %s\n",
                      shown(json_object_get(row, "true_score"), 3, a),
                      json_get_text(row, "name", ""), json_get_text(row, "predicted", ""),
                      json_get_text(row, "truth", ""));
        } else {
            const char *note = json_string_value(json_array_get(json_object_get(row, "notes"), 0));
            cli_print(c, "  Dice %s  HD95 %s mm  %s%s%s\n",
                      shown(json_object_get(row, "dice"), 3, a),
                      shown(json_object_get(row, "hd95"), 2, b), json_get_text(row, "name", ""),
                      note ? ": " : "", note ? note : "");
        }
    }
}

/* Who is not in the figures, and why; all of them are in the table. */
static void say_left(struct cli *c, const json_t *doc)
{
    const json_t *row;
    size_t i, n = 0;
    json_array_foreach(json_object_get(doc, "rows"), i, row)
    {
        const char *state = json_get_text(row, "state", "");
        if (strcmp(state, "compared") != 0 && n++ < WORST) {
            cli_print(c, "%s  %s: %s: %s\n", n == 1 ? "not compared:\n" : "",
                      json_get_text(row, "name", ""), state, json_get_text(row, "reason", ""));
        }
    }
    if (n > WORST) {
        cli_print(c, "  and %zu more\n", n - WORST);
    }
}

static bool say(struct cli *c, const json_t *doc, const char *folder, struct err *err)
{
    const json_t *counts = json_object_get(doc, "counts");
    bool labels = !strcmp(json_get_text(doc, "kind", ""), "labels");
    cli_print(c,
              "prediction %" PRId64 " (%s %s on %s): %" PRId64 " series, %" PRId64
              " compared, %" PRId64 " without a truth, %" PRId64 " without a prediction, %" PRId64
              " failed\n",
              json_get_int(doc, "of", 0), json_get_text(doc, "model", ""),
              json_get_text(doc, "version", ""), json_get_text(doc, "dataset", ""),
              json_get_int(counts, "series", 0), json_get_int(counts, "compared", 0),
              json_get_int(counts, "no_truth", 0), json_get_int(counts, "no_prediction", 0),
              json_get_int(counts, "failed", 0));
    bool ok = labels ? say_classes(c, doc, err) : say_masks(c, doc, err);
    say_worst(c, doc, labels);
    say_left(c, doc);
    cli_print(c, "report: %s/report.pdf, validation.csv, validation.json\n", folder);
    return ok;
}

static bool copy_all(struct cli *c, const char *folder, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < cli_count(c, "output"); i++) {
        const char *to = cli_nth(c, "output", i);
        char *from = path_join(folder, source_of(to), err);
        size_t length = 0;
        char *data = from ? file_read(from, (size_t)1 << 30, &length, err) : NULL;
        ok = data && file_write(to, data, length, true, err);
        mem_free(from);
        mem_free(data);
    }
    return ok;
}

static bool finish(struct cli *c, const json_t *answer, struct err *err)
{
    const char *folder = json_get_text(answer, "folder", "");
    char *path = mem_printf(err, "%s/validation.json", folder);
    bool there = path && file_exists(path);
    json_t *doc = there ? json_read(path, err) : NULL;
    bool ok = path &&
        (there ||
         err_set(err, ERR_FAILED, "no report was made: see `gantry errors %" PRId64 "`",
                 json_get_int(answer, "run", 0)));
    ok = ok && doc && copy_all(c, folder, err) &&
        (c->json ? cli_json(c, doc, err) : say(c, doc, folder, err));
    if (ok && c->status == 0 && json_get_int(json_object_get(doc, "counts"), "failed", 0) > 0) {
        c->status = err_exit_status(ERR_FAILED);
    }
    json_decref(doc);
    mem_free(path);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    json_t *args = check_words(c, err) ? arguments(c, err) : NULL, *answer = NULL;
    bool ok = args != NULL;
    if (ok && cli_has(c, "detach")) {
        ok = launch_detached(c, "validation.create", args, err);
    } else if (ok) {
        struct session *session = session_open(c->home, err);
        answer = session ? session_call(session, "validation.create", args, err) : NULL;
        ok = answer && launch_wait(c, session, answer, err);
        session_close(session);
        ok = ok && (c->status == err_exit_status(ERR_CANCELLED) || finish(c, answer, err));
    }
    json_decref(answer);
    json_decref(args);
    return ok;
}

const struct command command_validate = {
    .name = "validate",
    .group = GROUP_RUNS,
    .summary = "hold a prediction against reference masks or labels",
    .usage = "RUN --truth DIR|CSV [options]",
    .help =
        "RUN is a prediction that is over (gantry predict --dataset). Of masks: Dice, IoU, HD95, "
        "surface Dice and\n"
        "volumes of each label. Of classes: sensitivity, specificity, PPV, NPV and AUC with 95 %\n"
        "intervals, confusion matrix, calibration. Series without a truth are rows with their "
        "reason.\n"
        "Results: <folder>_rec/validations/RUN/ (report.pdf, validation.csv, validation.json).\n\n"
        "  gantry validate 12 --truth /data/labelsTr -o report.pdf\n"
        "  gantry validate 13 --truth labels.csv --positive pathology\n\n"
        "Exit status: 1 when a series could not be compared, 3 when none has a truth.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
