/* `gantry attrs`: attributes of subjects and studies, from a table. */
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "catalog/cohort-attrs.h"
#include "catalog/cohort-table.h"
#include "cli/command.h"
#include "cli/rows.h"
#include "codec/csv.h"
#include "os/file.h"

/* A table of people, not of measurements. */
#define TABLE_MAX ((size_t)64 << 20)
/* Rows of one operation: its transaction stays some tens of milliseconds. */
#define ROWS_AT_ONCE 2000

static const struct opt options[] = {
    {0, "id", OPT_TEXT, "COLUMN", "the column that names the subject (or PID#SID)", false},
    {0, "study", OPT_TEXT, "COLUMN", "the column that names the study", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* What such columns are called, the likeliest first. */
static const char *const of_subject[] = {
    "participant_id", "subject", "subject_id", "psid", "pid", "patient", "patient_id", "id", NULL};
static const char *const of_study[] = {"session_id", "session", "study", "study_id",
                                       "sid",        "visit",   NULL};

struct table {
    struct csv csv;
    const char *name;
    size_t id, study; /* columns; study = n of the head: none */
};

static size_t column_named(const struct csv_row *head, const char *name)
{
    size_t i = 0;
    while (i < head->n && strcmp(head->fields[i], name) != 0) {
        i++;
    }
    return i;
}

/* The column that was named, or the first of the usual ones. */
static bool find_column(const struct table *t, const char *given, const char *const *usual,
                        size_t *ret, struct err *err)
{
    const struct csv_row *head = &t->csv.rows[0];
    size_t at = given ? column_named(head, given) : head->n;
    if (given && at == head->n) {
        return err_set(err, ERR_USAGE, "%s has no column '%s'", t->name, given);
    }
    for (size_t i = 0; at == head->n && usual[i]; i++) {
        at = column_named(head, usual[i]);
    }
    *ret = at;
    return true;
}

static bool read_table(struct cli *c, const char *path, struct table *ret, struct err *err)
{
    size_t length = 0;
    struct table t = {.name = path_base(path)};
    char *text = file_read(path, TABLE_MAX, &length, err);
    bool ok = text && csv_parse_any(text, length, t.name, &t.csv, err) &&
        (t.csv.n > 1 || err_set(err, ERR_FORMAT, "%s has no rows", t.name)) &&
        find_column(&t, cli_text(c, "id", NULL), of_subject, &t.id, err) &&
        find_column(&t, cli_text(c, "study", NULL), of_study, &t.study, err) &&
        (t.id < t.csv.rows[0].n ||
         err_set(err, ERR_USAGE,
                 "%s: which column names the subject? (--id COLUMN; none is called "
                 "participant_id or subject)",
                 t.name));
    mem_free(text);
    if (!ok) {
        csv_fini(&t.csv);
        return false;
    }
    *ret = t;
    return true;
}

static bool put_names(const struct table *t, const struct csv_row *row, json_t *out,
                      struct err *err)
{
    const char *id = csv_field(row, t->id), *study = csv_field(row, t->study);
    size_t n = strcspn(id, "#");
    if (id[n]) {
        study = id + n + 1;
    }
    return json_put(out, "subject", json_stringn(id, n), err) &&
        (!*study || json_put(out, "study", json_string(study), err));
}

/* Empty fields and n/a say nothing. */
static json_t *row_of(const struct table *t, const struct csv_row *row, struct err *err)
{
    const struct csv_row *head = &t->csv.rows[0];
    json_t *out = json_object();
    bool ok = out && put_names(t, row, out, err);
    for (size_t i = 0; ok && i < head->n; i++) {
        const char *key = head->fields[i], *field = csv_field(row, i);
        bool name = i == t->id || i == t->study || !strcmp(key, "subject") || !strcmp(key, "study");
        if (!name && *key && *field && strcmp(field, "n/a") != 0) {
            ok = json_put(out, key, cohort_table_value(field), err);
        }
    }
    if (!ok) {
        json_decref(out);
        (void)err_set(err, ERR_FORMAT, "%s: the row of '%s' is not valid UTF-8", t->name,
                      csv_field(row, t->id));
        return NULL;
    }
    return out;
}

static bool send_rows(struct cli *c, int64_t project, json_t *rows, json_t *sum, struct err *err)
{
    json_t *args = json_pack("{s:I, s:O}", "project", (json_int_t)project, "rows", rows);
    json_t *answer = args ? rows_call(c, "attrs.import", args, err) : NULL;
    static const char *const counts[] = {"subjects", "studies", "n_unknown"};
    bool ok = answer != NULL;
    for (size_t i = 0; ok && i < 3; i++) {
        ok = json_put(
            sum, counts[i],
            json_integer(json_get_int(sum, counts[i], 0) + json_get_int(answer, counts[i], 0)),
            err);
    }
    ok = ok &&
        json_array_extend(json_object_get(sum, "unknown"), json_object_get(answer, "unknown")) == 0;
    json_decref(answer);
    json_decref(args);
    (void)json_array_clear(rows);
    return ok;
}

static bool send_table(struct cli *c, int64_t project, const struct table *t, json_t *sum,
                       struct err *err)
{
    json_t *rows = json_array();
    bool ok = rows || err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 1; ok && i < t->csv.n; i++) {
        if (!*csv_field(&t->csv.rows[i], t->id)) {
            continue;
        }
        json_t *row = row_of(t, &t->csv.rows[i], err);
        ok = row && json_array_append_new(rows, row) == 0;
        if (ok && json_array_size(rows) == ROWS_AT_ONCE) {
            ok = send_rows(c, project, rows, sum, err);
        }
    }
    ok = ok && (!json_array_size(rows) || send_rows(c, project, rows, sum, err));
    json_decref(rows);
    return ok;
}

static void print_sum(struct cli *c, const struct table *t, const json_t *sum)
{
    const json_t *unknown = json_object_get(sum, "unknown");
    int64_t n = json_get_int(sum, "n_unknown", 0);
    cli_print(c, "%s: attributes for %" PRId64 " subjects and %" PRId64 " studies\n", t->name,
              json_get_int(sum, "subjects", 0), json_get_int(sum, "studies", 0));
    if (n) {
        cli_note(c, "%" PRId64 " row%s of nobody here, the first is '%s'", n, n == 1 ? "" : "s",
                 json_string_value(json_array_get(unknown, 0)));
    }
}

static bool import(struct cli *c, struct err *err)
{
    struct table t = {.id = 0};
    struct rows rows = {.n = 0};
    if (c->n_args != 1) {
        return cli_usage(c, err, "usage: gantry attrs import FILE.csv [--id COLUMN]");
    }
    json_t *sum =
        json_pack("{s:i, s:i, s:i, s:[]}", "subjects", 0, "studies", 0, "n_unknown", 0, "unknown");
    bool ok = sum && read_table(c, c->args[0], &t, err) && rows_open(c, &rows, err);
    cli_store_close(c);
    ok = ok && send_table(c, rows.project.id, &t, sum, err);
    if (ok && c->json) {
        ok = cli_json(c, sum, err);
    } else if (ok) {
        print_sum(c, &t, sum);
    }
    bool none = ok && !json_get_int(sum, "subjects", 0) && !json_get_int(sum, "studies", 0);
    json_decref(sum);
    csv_fini(&t.csv);
    if (none) {
        ok = err_set(err, ERR_NOTHING, "no row of the table names a subject of project %s (--id)",
                     rows.project.name);
    }
    rows_fini(&rows);
    return ok;
}

static bool list(struct cli *c, struct err *err)
{
    static const struct column columns[] = {
        {"Attribute", "name", CELL_TEXT}, {"Subjects", "subjects", CELL_INT},
        {"Studies", "studies", CELL_INT}, {"Example", "example", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    struct rows rows = {.n = 0};
    json_t *all = NULL;
    bool ok = rows_open(c, &rows, err) &&
        (all = cohort_attrs_list(c->store, rows.project.id, err)) &&
        (c->json ? cli_json(c, all, err) : cli_table(c, all, columns, err));
    json_decref(all);
    rows_fini(&rows);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    static const char *const words[] = {"import", "ls", NULL};
    const char *what = cli_sub(c, words, "ls", err);
    return what && (!strcmp(what, "ls") ? list(c, err) : import(c, err));
}

const struct command command_attrs = {
    .name = "attrs",
    .group = GROUP_DATA,
    .summary = "Attributes of subjects and studies from a table: import, ls",
    .usage = "import FILE.csv [--id COLUMN] [--study COLUMN]\nls",
    .help = "The first line names the columns; commas, semicolons or tabs part them. The subject's "
            "column is participant_id,\n"
            "subject, pid or id (else --id); rows that name a study too (session_id, study, or "
            "PID#SID) give it to that study.\n"
            "Empty fields change nothing. participants.tsv and *_sessions.tsv of a tree are read "
            "by every scan.",
    .options = options,
    .max_args = -1,
    .run = run,
};
