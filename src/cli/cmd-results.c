/* `gantry results`: the table of a run. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/child.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "os/file.h"
#include "os/pass.h"
#include "report/results.h"

#define MOST_JOBS 12  /* shown on a terminal; files have all */
#define MOST_VALUES 6 /* of what a model said */

static const struct opt options[] = {
    {'o', "output", OPT_TEXT, "FILE",
     "write FILE.xlsx, FILE.csv, FILE.tsv or FILE.json instead of printing", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* Excel is written by gantry-imaging, from a file without a name: it is gone with us, however we
 * end.
 */
static bool write_xlsx(const char *path, const json_t *columns, const json_t *rows, struct err *err)
{
    struct memfile file = MEMFILE_NONE;
    json_t *table = results_table(columns, rows, err);
    char *text = table ? json_text(table, err) : NULL, *in = NULL;
    bool ok = text && memfile_new(strlen(text), &file, err) &&
        (in = mem_printf(err, "/proc/%ld/fd/%d", (long)getpid(), file.fd));
    if (ok) {
        memcpy(file.bytes, text, strlen(text));
        const char *args[] = {"table", in, path, NULL};
        ok = child_imaging(args, NULL, err);
    }
    memfile_free(&file);
    mem_free(in);
    mem_free(text);
    json_decref(table);
    return ok;
}

static bool write_file(const char *path, const json_t *columns, const json_t *rows, struct err *err)
{
    const char *ext = path_ext(path);
    char *text = NULL;
    if (!strcmp(ext, ".xlsx")) {
        return write_xlsx(path, columns, rows, err);
    }
    text = !strcmp(ext, ".csv") ? results_csv(columns, rows, err)
        : !strcmp(ext, ".tsv")  ? results_tsv(columns, rows, err)
                                : json_pretty(rows, err);
    bool ok = text && file_write(path, text, strlen(text), true, err);
    mem_free(text);
    return ok;
}

static bool check_target(const struct cli *c, const char *path, struct err *err)
{
    const char *ext = path_ext(path);
    if (strcmp(ext, ".xlsx") && strcmp(ext, ".csv") && strcmp(ext, ".tsv") &&
        strcmp(ext, ".json")) {
        return cli_usage(c, err, "'%s': the name must end in .xlsx, .csv, .tsv or .json", path);
    }
    return cli_target(path, err);
}

/* Is the column behind it JOB_seconds? */
static bool is_job(const json_t *columns, size_t i)
{
    const char *name = json_string_value(json_array_get(columns, i)),
               *next = json_string_value(json_array_get(columns, i + 1));
    size_t n = strlen(name);
    return next && !strncmp(next, name, n) && !strcmp(next + n, "_seconds");
}

static bool has_column(const json_t *columns, const char *name)
{
    for (size_t i = 0; i < json_array_size(columns); i++) {
        if (str_equal(json_string_value(json_array_get(columns, i)), name)) {
            return true;
        }
    }
    return false;
}

/* What a model said of a series, without the name of the job: ml.lung, label, score.normal. */
static size_t add_values(struct column *to, const json_t *columns)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(columns) && n < MOST_VALUES; i++) {
        const char *key = json_string_value(json_array_get(columns, i)), *dot = strchr(key, '.');
        const char *name = dot ? dot + 1 : "";
        if (str_starts(name, "ml.") || str_starts(name, "score.") || !strcmp(name, "best")) {
            to[n++] = (struct column){name, key, CELL_SCORE};
        } else if (!strcmp(name, "label")) {
            to[n++] = (struct column){name, key, CELL_TEXT};
        } else if (!strcmp(name, "boxes")) {
            to[n++] = (struct column){name, key, CELL_INT};
        }
    }
    return n;
}

static bool print_table(struct cli *c, const json_t *columns, const json_t *rows, struct err *err)
{
    static const struct column scans[] = {
        {"File", "name", CELL_TEXT},        {"Status", "status", CELL_STATUS},
        {"COR", "cor", CELL_COR},           {"From", "cor_source", CELL_TEXT},
        {"Sure", "confidence", CELL_SCORE},
    };
    static const struct column studies[] = {
        {"Subject", "PID", CELL_TEXT},
        {"Study", "SID", CELL_TEXT},
        {"Status", "status", CELL_STATUS},
    };
    static const struct column series[] = {
        {"Series", "name", CELL_TEXT},
        {"Patient", "patient", CELL_TEXT},
        {"Date", "date", CELL_TEXT},
        {"Status", "status", CELL_STATUS},
    };
    bool cohort = str_equal(json_string_value(json_array_get(columns, 0)), "PID"),
         images = has_column(columns, "patient");
    const struct column *first = cohort ? studies : images ? series : scans;
    size_t n = cohort ? sizeof studies / sizeof *studies
        : images      ? sizeof series / sizeof *series
                      : sizeof scans / sizeof *scans,
           jobs = 0;
    struct column shown[MOST_JOBS + MOST_VALUES + 8] = {{NULL, NULL, CELL_TEXT}};
    memcpy(shown, first, n * sizeof *shown);
    for (size_t i = 0; i + 1 < json_array_size(columns) && jobs < MOST_JOBS; i++) {
        if (is_job(columns, i)) {
            const char *job = json_string_value(json_array_get(columns, i));
            shown[n++] = (struct column){job, job, CELL_STATUS};
            jobs++;
        }
    }
    n += images ? add_values(shown + n, columns) : 0;
    shown[n++] = (struct column){"Error", "error", CELL_TEXT};
    return cli_table(c, rows, shown, err);
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0, id = 0;
    const char *path = cli_text(c, "output", NULL);
    json_t *columns = NULL, *rows = NULL;
    bool ok = (!path || check_target(c, path, err)) && resolve_project_id(c, &project, err) &&
        cli_store(c, err) && resolve_run(c, c->n_args ? c->args[0] : "last", project, &id, err);
    columns = ok ? results_columns(c->store, id, err) : NULL;
    rows = columns ? results_rows(c->store, id, err) : NULL;
    ok = rows != NULL;
    if (ok && path) {
        ok = write_file(path, columns, rows, err);
        if (ok) {
            cli_note(c, "wrote %zu rows of run %" PRId64 " to %s", json_array_size(rows), id, path);
        }
    } else if (ok && c->json) {
        ok = cli_json(c, rows, err);
    } else if (ok) {
        ok = print_table(c, columns, rows, err);
    }
    json_decref(rows);
    json_decref(columns);
    return ok;
}

const struct command command_results = {
    .name = "results",
    .group = GROUP_RESULTS,
    .summary = "The table of a run: one row an item",
    .usage = "RUN [-o FILE.xlsx|FILE.csv|FILE.tsv|FILE.json]",
    .help = "RUN is a number or 'last' (the default). A file is written aside and renamed: it is "
            "never half there.",
    .options = options,
    .max_args = 1,
    .run = run,
};
