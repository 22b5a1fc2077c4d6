/* `gantry ls`: the catalog's rows. JSON is written row by row, because a project may have a hundred
 * thousand of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "cli/choose.h"
#include "cli/command.h"
#include "cli/ls-cohort.h"
#include "cli/rows.h"
#include "model/layout.h"
#include "report/items.h"

static const struct opt options[] = {
    {0, "level", OPT_TEXT, "LEVEL",
     "scan, file (every file), series; study and subject of a cohort", false},
    {'s', "select", OPT_TEXT, "SUBJECT",
     "studies of a cohort, or with FILE... the paths of files in them", false},
    {0, "filter", OPT_TEXT, "BAR",
     "a filter bar as on the page: 'P00 STAG:qc&JOB:e' (may be repeated: all must hold)", false},
    {0, "byfilename", OPT_FLAG, NULL, "with -s: JSON, per study and then per file name", false},
    {0, "all", OPT_FLAG, NULL, "forgotten items and vanished files too", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool list_json(struct cli *c, const struct rows *rows, struct err *err)
{
    cli_print(c, "[");
    for (size_t i = 0; i < rows->n; i++) {
        json_t *row = NULL;
        char *text = NULL;
        bool ok = (row = items_row(c->store, rows->ids[i], rows->project.root, err)) &&
            (text = json_text(row, err));
        if (ok) {
            cli_print(c, "%s\n%s", i ? "," : "", text);
        }
        mem_free(text);
        json_decref(row);
        if (!ok) {
            return false;
        }
    }
    cli_print(c, "%s]\n", rows->n ? "\n" : "");
    return true;
}

static bool list_table(struct cli *c, const struct rows *rows, struct err *err)
{
    static const struct column columns[] = {
        {"File", "name", CELL_TEXT},       {"COR", "cor", CELL_COR},
        {"Status", "status", CELL_STATUS}, {"Size", "size", CELL_BYTES},
        {"Series", "series", CELL_TEXT},   {"Reason", "reason", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    json_t *all = json_array();
    bool ok = all != NULL;
    int64_t skipped = 0;
    for (size_t i = 0; ok && i < rows->n; i++) {
        json_t *row = NULL;
        ok = (row = items_row(c->store, rows->ids[i], rows->project.root, err)) &&
            json_array_append(all, row) == 0;
        if (ok && !json_get_text(row, "reason", "")[0]) {
            ok = json_put(row, "reason", json_incref(json_object_get(row, "warning")), err);
        }
        skipped += ok && json_get_bool(row, "skipped", false);
        json_decref(row);
    }
    ok = ok && cli_table(c, all, columns, err);
    json_decref(all);
    if (ok) {
        cli_print(c, "%zu file%s, %" PRId64 " skipped\n", rows->n, rows->n == 1 ? "" : "s",
                  skipped);
    }
    return ok;
}

static bool in_rows(const struct rows *rows, json_t **ret, struct err *err)
{
    json_t *set = json_object();
    bool ok = set != NULL;
    for (size_t i = 0; ok && i < rows->n; i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "%" PRId64, rows->ids[i]);
        ok = json_object_set_new(set, key, json_true()) == 0;
    }
    if (!ok) {
        json_decref(set);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *ret = set;
    return true;
}

/* One row a series, over the selected scans. */
struct series_sum {
    char *name;
    int64_t scans, skipped, cors;
    double sum, least, most;
};

static bool push_series(json_t *list, struct series_sum *s, struct err *err)
{
    json_t *row = json_object();
    bool ok = row && json_put(row, "name", json_string(s->name), err) &&
        json_put(row, "scans", json_integer(s->scans), err) &&
        json_put(row, "skipped", json_integer(s->skipped), err) &&
        json_put(row, "cors", json_integer(s->cors), err) &&
        json_put(row, "cor", s->cors ? json_real(s->sum / (double)s->cors) : json_null(), err) &&
        json_put(row, "cor_least", s->cors ? json_real(s->least) : json_null(), err) &&
        json_put(row, "cor_most", s->cors ? json_real(s->most) : json_null(), err) &&
        json_array_append(list, row) == 0;
    json_decref(row);
    mem_free(s->name);
    *s = (struct series_sum){.name = NULL};
    return ok;
}

static bool add_to_series(json_t *list, struct series_sum *s, const struct query *q,
                          struct err *err)
{
    double cor = query_double(q, 2);
    if (s->name && strcmp(s->name, query_text(q, 1)) != 0 && !push_series(list, s, err)) {
        return false;
    }
    if (!s->name) {
        s->name = mem_strdup(query_text(q, 1), err);
    }
    s->scans++;
    s->skipped += query_int(q, 3) != 0;
    if (!query_null(q, 2)) {
        s->least = s->cors == 0 || cor < s->least ? cor : s->least;
        s->most = s->cors == 0 || cor > s->most ? cor : s->most;
        s->sum += cor;
        s->cors++;
    }
    return s->name != NULL;
}

static bool list_series(struct cli *c, const struct rows *rows, struct err *err)
{
    static const struct column columns[] = {
        {"Series", "name", CELL_TEXT},    {"Scans", "scans", CELL_INT},
        {"Skipped", "skipped", CELL_INT}, {"CORs", "cors", CELL_INT},
        {"Mean COR", "cor", CELL_COR},    {"Least", "cor_least", CELL_COR},
        {"Most", "cor_most", CELL_COR},   {NULL, NULL, CELL_TEXT},
    };
    struct series_sum sum = {.name = NULL};
    struct err late;
    json_t *set = NULL, *list = json_array();
    struct query *q = NULL;
    bool ok = list && in_rows(rows, &set, err) &&
        (q = store_query(c->store, err,
                         "SELECT id,series,cor,NOT coalesce(enabled,1-auto_skip) FROM item WHERE "
                         "project_id=?1 AND level='scan' ORDER BY series,idx,name",
                         "i", rows->project.id));
    while (ok && query_next(q)) {
        char key[24];
        (void)snprintf(key, sizeof key, "%" PRId64, query_int(q, 0));
        ok = !json_object_get(set, key) || add_to_series(list, &sum, q, err);
    }
    ok = (!q || query_end(q, ok ? err : &late)) && ok;
    ok = ok && (!sum.name || push_series(list, &sum, err));
    mem_free(sum.name);
    ok = ok && (c->json ? cli_json(c, list, err) : cli_table(c, list, columns, err));
    json_decref(set);
    json_decref(list);
    return ok;
}

/* What is listed when nobody says: scans, where there are any; studies of a cohort without. */
static bool usual_level(struct cli *c, const struct project *p, const char **ret, struct err *err)
{
    int64_t scans = 1;
    bool cohort = strcmp(p->layout_now, LAYOUT_SCANS) != 0;
    if (cohort &&
        !store_int(c->store, 0, &scans, err,
                   "SELECT EXISTS(SELECT 1 FROM item WHERE project_id=?1 AND level='scan' AND "
                   "gone=0 AND hidden=0)",
                   "i", p->id)) {
        return false;
    }
    *ret = scans ? "scan" : "study";
    return true;
}

static bool list_scans(struct cli *c, const char *level, struct rows *rows, struct err *err)
{
    int scope = (cli_has(c, "all") ? SELECT_HIDDEN | SELECT_GONE : 0) |
        (!strcmp(level, "file") ? SELECT_FILES : 0);
    if (!selector_items(c->store, rows->project.id, c->args, c->n_args, scope, &rows->ids, &rows->n,
                        err)) {
        return false;
    }
    return !strcmp(level, "series") ? list_series(c, rows, err)
        : c->json                   ? list_json(c, rows, err)
                                    : list_table(c, rows, err);
}

/* -s SUBJECT [FILE...], NORA's selectors. Within a job the catalog is taken as it is. */
static bool list_selected(struct cli *c, struct err *err)
{
    struct rows rows = {.n = 0};
    struct choice ch = {.n = 0};
    size_t found = 0;
    const char **words = mem_array(c->n_args + 1, sizeof *words, err);
    bool ok = words && (getenv("GANTRY_ATTEMPT") || rows_open(c, &rows, err));
    for (size_t i = 0; ok && i <= c->n_args; i++) {
        words[i] = i ? c->args[i - 1] : cli_text(c, "select", "*");
    }
    ok = ok && choose(c, words, c->n_args + 1, &ch, err) &&
        choice_print(c, &ch, cli_has(c, "byfilename"), &found, err) &&
        (found ||
         err_set(err, ERR_NOTHING, "nothing matches '%s'%s%s", words[0], ch.files.len ? " " : "",
                 str_text(&ch.files)));
    choice_fini(&ch);
    rows_fini(&rows);
    mem_free(words);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    static const char *const levels[] = {"scan", "file", "series", "study", "subject", NULL};
    const char *level = cli_text(c, "level", NULL);
    struct rows rows = {.n = 0};
    size_t known = 0;
    if (cli_has(c, "select")) {
        return list_selected(c, err);
    }
    if (cli_has(c, "byfilename")) {
        return cli_usage(c, err, "--byfilename goes with -s SUBJECT FILE...");
    }
    while (level && levels[known] && strcmp(levels[known], level) != 0) {
        known++;
    }
    if (!levels[known]) {
        return cli_usage(c, err, "there is no level '%s': scan, file, series, study, subject",
                         level);
    }
    bool ok = rows_open(c, &rows, err) && (level || usual_level(c, &rows.project, &level, err));
    bool subjects = ok && !strcmp(level, "subject"),
         cohort = ok &&
        (subjects || !strcmp(level, "study") ||
         (!strcmp(level, "file") && strcmp(rows.project.layout_now, LAYOUT_SCANS) != 0));
    if (ok && cohort) {
        ok = rows_studies(c, subjects, c->args, c->n_args, &rows, err) &&
            ls_filter(c, subjects, &rows, err) &&
            (!strcmp(level, "file") ? ls_files(c, &rows, err)
                                    : ls_studies(c, &rows, subjects, err));
    } else if (ok && cli_has(c, "filter")) {
        ok = cli_usage(c, err, "--filter is for studies and subjects");
    } else if (ok) {
        ok = list_scans(c, level, &rows, err);
    }
    if (!ok && c->json && err->code == ERR_NOTHING) {
        cli_print(c, "[]\n"); /* one document in any case; the status says the rest */
    }
    rows_fini(&rows);
    return ok;
}

const struct command command_ls = {
    .name = "ls",
    .group = GROUP_DATA,
    .summary = "List scans, series, subjects, studies or files",
    .usage = "[SELECTOR...] [--level scan|file|series|study|subject] [--all]\n-s SUBJECT [FILE...] "
             "[--byfilename]",
    .help = "Selectors, here and everywhere: paths, globs ('sample_0*'), id:17, series:sample, "
            "scan:12-45,50 (trailing indices),\n"
            "status:failed, error:2, tag:x. Several are a union; nothing given means all.\n"
            "Studies, subjects and the files of a cohort are named by subject selectors: 'P01*', "
            "P01#S1, P01#LATEST, stag:done.\n"
            "A cohort without scans is listed by its studies.\n"
            "-s prints one path a line: gantry ls -s '10*' 'ROIS/mask*.nii.gz' tag:mask. * is any "
            "run of characters, _ exactly one;\n"
            "SORT, SORTDESC and NTH(n) order and pick the files of each study.",
    .options = options,
    .max_args = -1,
    .run = run,
};
