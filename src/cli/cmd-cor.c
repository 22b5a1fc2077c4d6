/* `gantry cor`: rotation centres listed, set, and repaired (REQUIREMENTS F). */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "catalog/cor.h"
#include "catalog/fix.h"
#include "cli/command.h"
#include "cli/rows.h"
#include "model/options.h"

/* F4: the range of the spin box. */
#define DELTA_LEAST 1.0
#define DELTA_MOST 1000.0

static const struct opt options[] = {
    {0, "max-delta", OPT_NUMBER, "PIXELS", "fix: the largest deviation never flagged (50)", false},
    {0, "dry-run", OPT_FLAG, NULL, "fix: say what would change, change nothing", false},
    {0, "history", OPT_FLAG, NULL, "list: earlier values too", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static json_t *history_of(struct cli *c, int64_t item, struct err *err)
{
    return store_rows(c->store, err,
                      "SELECT t_us,text,run_id,task_id,data AS data_json FROM event WHERE "
                      "item_id=?1 AND kind='cor' ORDER BY id",
                      "i", item);
}

static json_t *cor_row(struct cli *c, int64_t item, bool history, struct err *err)
{
    json_t *rows = store_rows(c->store, err,
                              "SELECT id,name,series,idx AS \"index\",cor,cor_source,"
                              "cor_confidence,status FROM item WHERE id=?1",
                              "i", item);
    json_t *row = rows ? json_incref(json_array_get(rows, 0)) : NULL;
    json_decref(rows);
    if (row && history) {
        json_t *events = history_of(c, item, err);
        if (!events || !json_put(row, "history", events, err)) {
            json_decref(row);
            row = NULL;
        }
    }
    return row;
}

static bool print_history(struct cli *c, const json_t *rows, struct err *err)
{
    static const struct column columns[] = {
        {"When", "t_us", CELL_TIME}, {"Change", "text", CELL_TEXT}, {NULL, NULL, CELL_TEXT}};
    json_t *all = json_array();
    const json_t *row;
    size_t i;
    bool ok = all != NULL;
    json_array_foreach(rows, i, row)
    {
        ok = ok && json_array_extend(all, json_object_get(row, "history")) == 0;
    }
    ok = ok && cli_table(c, all, columns, err);
    json_decref(all);
    return ok;
}

static bool list(struct cli *c, struct err *err)
{
    static const struct column columns[] = {
        {"File", "name", CELL_TEXT},
        {"Series", "series", CELL_TEXT},
        {"COR", "cor", CELL_COR},
        {"Source", "cor_source", CELL_TEXT},
        {"Confidence", "cor_confidence", CELL_SCORE},
        {NULL, NULL, CELL_TEXT},
    };
    struct rows rows;
    json_t *all = json_array();
    bool history = cli_has(c, "history");
    bool ok = all && rows_select(c, c->args, c->n_args, SELECT_SCANS, &rows, err);
    for (size_t i = 0; ok && i < rows.n; i++) {
        json_t *row = cor_row(c, rows.ids[i], history, err);
        ok = row && json_array_append_new(all, row) == 0;
    }
    if (ok && c->json) {
        ok = cli_json(c, all, err);
    } else if (ok) {
        ok = cli_table(c, all, columns, err) && (!history || print_history(c, all, err));
    }
    json_decref(all);
    rows_fini(&rows);
    return ok;
}

static bool set(struct cli *c, struct err *err)
{
    struct rows rows = {.n = 0};
    json_t *args = NULL, *answer = NULL, *values = NULL;
    double cor = NAN;
    char shown[40];
    if (c->n_args < 2) {
        return cli_usage(c, err, "usage: gantry cor set FILE X");
    }
    const char *text = c->args[c->n_args - 1];
    if (strcmp(text, "none") != 0 && !cor_parse(text, &cor)) {
        return err_set(err, ERR_USAGE,
                       "'%s' is not a rotation centre: give a finite number, or none", text);
    }
    values = json_object();
    bool ok = values &&
        json_put(values, "cor", isfinite(cor) ? json_real(cor) : json_null(), err) &&
        rows_select(c, c->args, c->n_args - 1, SELECT_SCANS, &rows, err) && rows_need(&rows, err) &&
        (args = rows_args(&rows, err)) && json_put(args, "set", json_incref(values), err) &&
        (answer = rows_call(c, "item.set", args, err));
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        cor_show(cor, shown, sizeof shown);
        cli_print(c, "COR %s set on %zu file%s\n", shown, rows.n, rows.n == 1 ? "" : "s");
    }
    json_decref(answer);
    json_decref(args);
    json_decref(values);
    rows_fini(&rows);
    return ok;
}

/* F12: name [series] : old -> new [reason] */
static bool print_rows(struct cli *c, const json_t *rows, struct err *err)
{
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        char old[40], new[40];
        char *name = cli_shown(json_get_text(row, "name", ""), err);
        cor_show(json_get_double(row, "old", NAN), old, sizeof old);
        cor_show(json_get_double(row, "new", NAN), new, sizeof new);
        if (!name) {
            return false;
        }
        cli_print(c, "%s [%s] : %s → %s [%s]\n", name, json_get_text(row, "series", ""), old, new,
                  json_get_text(row, "reason", ""));
        mem_free(name);
    }
    return true;
}

static bool print_report(struct cli *c, const json_t *report, bool dry, struct err *err)
{
    if (!print_rows(c, json_object_get(report, "replaced"), err) ||
        !print_rows(c, json_object_get(report, "filled"), err) ||
        !print_rows(c, json_object_get(report, "unchanged"), err)) {
        return false;
    }
    cli_print(
        c, "%zu outliers replaced, %zu missing filled, %zu left unchanged, %" PRId64 " series%s\n",
        json_array_size(json_object_get(report, "replaced")),
        json_array_size(json_object_get(report, "filled")),
        json_array_size(json_object_get(report, "unchanged")), json_get_int(report, "series", 0),
        dry ? " (dry run: nothing was changed)" : "");
    return true;
}

static bool delta_of(struct cli *c, double *ret, struct err *err)
{
    struct options *o = options_load(c->home, err);
    if (!o) {
        return false;
    }
    double delta = cli_number(c, "max-delta", options_number(o, "max_delta"));
    options_free(o);
    if (!(delta >= DELTA_LEAST && delta <= DELTA_MOST)) {
        return cli_usage(c, err, "--max-delta is %g to %g pixels", DELTA_LEAST, DELTA_MOST);
    }
    *ret = delta;
    return true;
}

static bool fix(struct cli *c, struct err *err)
{
    struct rows rows = {.n = 0};
    json_t *args = NULL, *report = NULL;
    double delta = 0;
    bool dry = cli_has(c, "dry-run");
    bool ok = delta_of(c, &delta, err) &&
        rows_select(c, c->args, c->n_args, SELECT_SCANS, &rows, err) && rows_need(&rows, err);
    if (ok && dry) {
        report = fix_report(c->store, rows.project.id, rows.ids, rows.n, delta, err);
    } else if (ok) {
        args = rows_args(&rows, err);
        report = args && json_put(args, "max_delta", json_real(delta), err)
            ? rows_call(c, "cor.fix", args, err)
            : NULL;
    }
    ok = report != NULL;
    if (ok) {
        ok = c->json ? cli_json(c, report, err) : print_report(c, report, dry, err);
    }
    json_decref(report);
    json_decref(args);
    rows_fini(&rows);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    static const char *const words[] = {"list", "set", "fix", NULL};
    const char *what = cli_sub(c, words, "list", err);
    if (!what) {
        return false;
    }
    return !strcmp(what, "list") ? list(c, err) : !strcmp(what, "set") ? set(c, err) : fix(c, err);
}

const struct command command_cor = {
    .name = "cor",
    .group = GROUP_DATA,
    .summary = "Rotation centres: list, set, fix outliers",
    .usage = "list [SELECTOR...] [--history]\nset FILE... X\nfix [SELECTOR...] [--max-delta 50] "
             "[--dry-run]",
    .help = "fix repairs the selected rows (all without a selector), series by series: centres far "
            "from their series' median are\n"
            "replaced by the mean of their neighbours, missing ones filled with the series' mean. "
            "Skipped files take no part.",
    .options = options,
    .max_args = -1,
    .run = run,
};
