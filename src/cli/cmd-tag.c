/* `gantry tag`: words on files, studies and subjects. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "catalog/apply.h"
#include "catalog/cohort.h"
#include "catalog/pattern.h"
#include "cli/command.h"
#include "cli/rows.h"
#include "model/layout.h"
#include "report/items.h"
#include "report/studies.h"

static const struct opt options[] = {
    {0, "study", OPT_FLAG, NULL, "tags of studies, named by subject selectors", false},
    {0, "subject", OPT_FLAG, NULL, "tags of subjects", false},
    {'s', "of", OPT_TEXT, "SUBJECT", "files of these studies, named by file selectors", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool is_cohort(const struct rows *rows)
{
    return strcmp(rows->project.layout_now, LAYOUT_SCANS) != 0;
}

/* --- ls */

/* The tags of one domain, each told which it is. */
static bool add_domain(struct cli *c, const struct rows *rows, const char *domain, json_t *all,
                       struct err *err)
{
    json_t *tags = studies_tags(c->store, rows->project.id, domain, err), *row;
    bool ok = tags != NULL;
    size_t i;
    json_array_foreach(tags, i, row)
    {
        ok = ok && json_put(row, "domain", json_string(domain), err);
    }
    ok = ok && json_array_extend(all, tags) == 0;
    json_decref(tags);
    return ok;
}

static json_t *read_tags(struct cli *c, const struct rows *rows, struct err *err)
{
    static const char *const domains[] = {"file", "study", "subject"};
    bool study = cli_has(c, "study"), subject = cli_has(c, "subject");
    if (!is_cohort(rows) && !study && !subject) {
        return items_tags(c->store, rows->project.id, err);
    }
    json_t *all = json_array();
    bool ok = all || err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; ok && i < 3; i++) {
        if ((!study && !subject) || (study && i == 1) || (subject && i == 2)) {
            ok = add_domain(c, rows, domains[i], all, err);
        }
    }
    if (!ok) {
        json_decref(all);
        return NULL;
    }
    return all;
}

static bool list_tags(struct cli *c, struct err *err)
{
    static const struct column plain[] = {
        {"Tag", "tag", CELL_TEXT}, {"Files", "files", CELL_INT}, {NULL, NULL, CELL_TEXT}};
    static const struct column domains[] = {{"Tag", "tag", CELL_TEXT},
                                            {"Of a", "domain", CELL_TEXT},
                                            {"How many", "files", CELL_INT},
                                            {NULL, NULL, CELL_TEXT}};
    struct rows rows = {.n = 0};
    json_t *tags = NULL;
    bool ok = rows_open(c, &rows, err) && (tags = read_tags(c, &rows, err));
    if (ok) {
        ok = c->json
            ? cli_json(c, tags, err)
            : cli_table(c, tags,
                        json_object_get(json_array_get(tags, 0), "domain") ? domains : plain, err);
    }
    json_decref(tags);
    rows_fini(&rows);
    return ok;
}

/* --- add and rm */

static json_t *args_for(const struct rows *rows, const char *tag, bool add, const char *domain,
                        struct err *err)
{
    json_t *args = rows_args(rows, err);
    bool ok = args && json_put(args, "tag", json_string(tag), err) &&
        json_put(args, "add", json_boolean(add), err) &&
        (!domain || json_put(args, "domain", json_string(domain), err));
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

/* domain NULL: rows of scans and other files. */
static bool change(struct cli *c, const struct rows *rows, bool add, const char *domain,
                   int64_t *changed, struct err *err)
{
    json_t *args = args_for(rows, c->args[0], add, domain, err);
    json_t *answer = args ? rows_call(c, "tag.change", args, err) : NULL;
    bool ok = answer != NULL;
    *changed += json_get_int(answer, "changed", 0);
    json_decref(answer);
    json_decref(args);
    return ok;
}

static bool gather_file(void *arg, const struct pattern_file *file, struct err *err)
{
    struct rows *rows = arg;
    int64_t *more = mem_resize(rows->ids, rows->n + 1, sizeof *more, err);
    if (!more) {
        return false;
    }
    rows->ids = more;
    more[rows->n++] = file->id;
    return true;
}

/* -s SUBJECT FILE...: files of the catalog by NORA's selectors. */
static bool files_of(struct cli *c, const struct rows *project, struct rows *ret, struct err *err)
{
    int64_t *studies = NULL;
    size_t n = 0;
    const char *subject = cli_text(c, "of", "*");
    bool ok = pattern_studies(c->store, project->project.id, subject, &studies, &n, err);
    for (size_t i = 1; ok && i < c->n_args; i++) {
        ok = pattern_files(c->store, project->project.id, studies, n, c->args[i], gather_file, ret,
                           err);
    }
    mem_free(studies);
    return ok &&
        (ret->n ||
         err_set(err, ERR_NOTHING, "no file of '%s' answers to '%s'", subject, c->args[1]));
}

/* A path to a file of the catalog; 0 when it is none. */
static bool file_at(struct cli *c, const struct project *p, const char *arg, int64_t *ret,
                    struct err *err)
{
    char cwd[PATH_MAX], real[PATH_MAX];
    char *path = path_absolute(getcwd(cwd, sizeof cwd) ? cwd : p->root, arg, err);
    bool ok = path && cohort_find(c->store, p->id, path, ret, err);
    if (ok && !*ret && realpath(path, real)) {
        ok = cohort_find(c->store, p->id, real, ret, err);
    }
    mem_free(path);
    if (ok && !*ret && arg[0] != '/') {
        path = path_absolute(p->root, arg, err);
        ok = path && cohort_find(c->store, p->id, path, ret, err);
        mem_free(path);
    }
    return ok;
}

/* Paths to files of studies go one way, what is left is for the selectors of scans. */
static bool by_path(struct cli *c, struct rows *rows, bool add, int64_t *changed, size_t *total,
                    struct err *err)
{
    struct rows files = {.n = 0}, scans = {.n = 0};
    char **rest = mem_array(c->n_args, sizeof *rest, err);
    size_t n = 0;
    bool ok = rest != NULL;
    files.project = scans.project = rows->project; /* borrowed */
    for (size_t i = 1; ok && i < c->n_args; i++) {
        int64_t id = 0;
        ok = !is_cohort(rows) || file_at(c, &rows->project, c->args[i], &id, err);
        if (ok && id) {
            const struct pattern_file file = {.id = id};
            ok = gather_file(&files, &file, err);
        } else if (ok) {
            rest[n++] = c->args[i];
        }
    }
    if (ok && n) {
        ok = selector_items(c->store, rows->project.id, rest, n, SELECT_FILES, &scans.ids, &scans.n,
                            err) &&
            rows_need(&scans, err);
        if (!ok && err->code == ERR_NOTHING && is_cohort(rows)) {
            ok = err_set(err, ERR_NOTHING,
                         "no file '%s' in the cohort (studies are tagged with --study, files by "
                         "their path or with -s SUBJECT FILE)",
                         rest[0]);
        }
    }
    ok = ok && (!files.n || change(c, &files, add, "file", changed, err)) &&
        (!scans.n || change(c, &scans, add, NULL, changed, err));
    *total = files.n + scans.n;
    mem_free(files.ids);
    mem_free(scans.ids);
    mem_free(rest);
    return ok;
}

static bool change_tags(struct cli *c, bool add, struct err *err)
{
    struct rows rows = {.n = 0};
    bool subjects = cli_has(c, "subject"), studies = cli_has(c, "study");
    int64_t changed = 0;
    size_t total = 0;
    if (c->n_args < 2) {
        return cli_usage(c, err, "usage: gantry tag %s TAG SELECTOR...", add ? "add" : "rm");
    }
    if (subjects + studies + cli_has(c, "of") > 1) {
        return cli_usage(c, err, "--study, --subject and -s exclude each other");
    }
    bool ok = apply_tag_valid(c->args[0], err) && rows_open(c, &rows, err);
    if (ok && (subjects || studies)) {
        ok = rows_studies(c, subjects, c->args + 1, c->n_args - 1, &rows, err) &&
            change(c, &rows, add, subjects ? "subject" : "study", &changed, err);
        total = rows.n;
    } else if (ok && cli_has(c, "of")) {
        ok = files_of(c, &rows, &rows, err) && change(c, &rows, add, "file", &changed, err);
        total = rows.n;
    } else if (ok) {
        ok = by_path(c, &rows, add, &changed, &total, err);
    }
    if (ok && c->json) {
        json_t *answer = json_pack("{s:I}", "changed", (json_int_t)changed);
        ok = answer ? cli_json(c, answer, err) : err_set(err, ERR_NOMEM, "out of memory");
        json_decref(answer);
    } else if (ok) {
        cli_print(c, "%s %s: %" PRId64 " of %zu changed\n", add ? "tagged" : "untagged", c->args[0],
                  changed, total);
    }
    rows_fini(&rows);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    static const char *const words[] = {"add", "rm", "ls", NULL};
    const char *what = cli_sub(c, words, "ls", err);
    if (!what) {
        return false;
    }
    return !strcmp(what, "ls") ? list_tags(c, err) : change_tags(c, !strcmp(what, "add"), err);
}

const struct command command_tag = {
    .name = "tag",
    .group = GROUP_DATA,
    .summary = "Tags on files, studies and subjects: add, rm, ls",
    .usage =
        "add|rm TAG SELECTOR...\nadd|rm TAG --study|--subject SUBJECT...\nadd|rm TAG -s SUBJECT "
        "FILE...\nls [--study|--subject]",
    .help = "A tag is a word without blanks, commas and slashes; the selector tag:WORD finds its "
            "files.\n"
            "In a cohort files, studies and subjects have tags of their own: --study 'P01#*', "
            "--subject P01, -s 'P01*' 'masks/*.nii.gz'.",
    .options = options,
    .max_args = -1,
    .run = run,
};
