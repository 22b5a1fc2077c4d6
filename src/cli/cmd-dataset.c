/* `gantry dataset`: named collections of image series, for predictions. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/dataset.h"
#include "catalog/project.h"
#include "cli/command.h"
#include "cli/dataset-export.h"
#include "cli/dataset-scan.h"
#include "os/file.h"
#include "report/datasets.h"

static const char *const words[] = {"add", "ls", "show", "rm", "scan", "export", NULL};

/* --- saying it */

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static bool say_scan(struct cli *c, int64_t id, const struct dataset_report *r, struct err *err)
{
    struct store *s = cli_store(c, err);
    json_t *rows = s ? datasets_list(s, id, 0, NULL, err) : NULL, *row = json_array_get(rows, 0);
    const json_t *text;
    size_t i;
    bool ok = row != NULL;
    if (ok && c->json) {
        ok = json_put(row, "read", json_integer(r->read), err) &&
            json_put(row, "new", json_integer(r->fresh), err) &&
            json_put(row, "changed", json_integer(r->changed), err) &&
            json_put(row, "gone", json_integer(r->gone), err) &&
            json_put(row, "warnings", json_incref(r->warnings), err) && cli_json(c, row, err);
    } else if (ok) {
        int64_t n = json_get_int(row, "series", 0), patients = json_get_int(row, "patients", 0),
                bad = json_get_int(row, "problems", 0);
        cli_print(c, "%s: %" PRId64 " series", json_get_text(row, "name", ""), n);
        if (patients) {
            cli_print(c, " of %" PRId64 " patient%s", patients, plural(patients));
        }
        cli_print(c, " (project %s): %" PRId64 " new, %" PRId64 " changed, %" PRId64 " gone",
                  json_get_text(row, "project", ""), r->fresh, r->changed, r->gone);
        cli_print(c, bad ? "; %" PRId64 " cannot be used (gantry dataset show)\n" : "\n", bad);
    }
    json_array_foreach(r->warnings, i, text)
    {
        cli_note(c, "%s", json_string_value(text));
    }
    json_decref(rows);
    return ok;
}

/* --- add */

/* A path as given -> absolute, links resolved. */
static char *real_path(const char *path, struct err *err)
{
    char real[PATH_MAX];
    if (!realpath(path, real)) {
        (void)err_errno(err, errno, "'%s'", path);
        return NULL;
    }
    if (!str_utf8(real)) {
        (void)err_set(err, ERR_USAGE, "a name in the path is not UTF-8: rename it to use it here");
        return NULL;
    }
    return mem_strdup(real, err);
}

/* The folder that holds all of them. Caller frees. */
static char *common_folder(char *const *paths, size_t n, struct err *err)
{
    char *common = path_common((const char *const *)paths, n, err);
    char *folder = common && !file_is_folder(common) ? path_dir(common, err) : NULL;
    if (!folder) {
        return common;
    }
    mem_free(common);
    return folder;
}

static bool find_project(struct cli *c, char *const *paths, size_t n, struct project *ret,
                         bool *ret_new, struct err *err)
{
    struct err none = {.code = ERR_NONE};
    bool found = false, have = cli_store(c, &none) != NULL, ok = true;
    if (!have && none.code != ERR_NOTHING) {
        *err = none;
        return false;
    }
    if (c->project) {
        return cli_store(c, err) && project_by_name(c->store, c->project, ret, err);
    }
    char *folder = common_folder(paths, n, err);
    ok = folder && (!have || project_of_folder(c->store, folder, ret, &found, err));
    if (ok && !found) {
        json_t *args = json_pack("{s:s}", "folder", folder);
        json_t *answer = args ? cli_call(c, "project.add", args, err) : NULL;
        cli_store_close(c);
        ok = answer && cli_store(c, err) &&
            project_by_id(c->store, json_get_int(answer, "id", 0), ret, err);
        *ret_new = json_get_bool(answer, "new", false);
        json_decref(answer);
        json_decref(args);
    }
    mem_free(folder);
    return ok;
}

static json_t *places_of(const struct project *p, char *const *paths, size_t n, struct err *err)
{
    json_t *places = json_array();
    for (size_t i = 0; places && i < n; i++) {
        const char *below = path_below(paths[i], p->root);
        if (!below) {
            (void)err_set(err, ERR_USAGE,
                          "'%s' is not below %s, the folder of project %s: a data set lies in one "
                          "project (folders named *_rec hold results and are no input)",
                          paths[i], p->root, p->name);
            json_decref(places);
            return NULL;
        }
        if (json_array_append_new(places, json_string(*below ? below : ".")) != 0) {
            json_decref(places);
            places = NULL;
        }
    }
    if (!places) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return places;
}

/* A data set of nothing is a mistake in the path: it is taken back. `registered`: the project that
 * it made, or NULL. */
static bool scan_new(struct cli *c, int64_t id, const char *first, const struct project *registered,
                     struct err *err)
{
    struct dataset_report r = {.warnings = NULL};
    int64_t n = 0;
    bool ok = dataset_scan(c, id, &r, err) && cli_store(c, err) &&
        store_int(c->store, 0, &n, err, "SELECT count(*) FROM dataset_item WHERE dataset_id=?1",
                  "i", id);
    const char *why = json_string_value(json_array_get(r.warnings, 0));
    if (ok && !n) {
        ok = err_set(err, ERR_NOTHING, "no image series in '%s'%s%s", first, why ? ": " : "",
                     why ? why : " (NIfTI, or DICOM in files, folders and ZIPs)");
    }
    if (!ok) {
        json_t *args = json_pack("{s:I}", "dataset", (json_int_t)id);
        json_decref(args ? cli_call(c, "dataset.remove", args, err_ignore("it is said already"))
                         : NULL);
        json_decref(args);
    }
    if (ok && registered) {
        cli_note(c, "registered '%s' as project %s", registered->root, registered->name);
    }
    ok = ok && say_scan(c, id, &r, err);
    json_decref(r.warnings);
    return ok;
}

/* A mistaken path has registered its folder: what is registered may be read from elsewhere. */
static void forget_project(struct cli *c, int64_t id)
{
    json_t *args = json_pack("{s:I}", "project", (json_int_t)id);
    cli_store_close(c);
    json_decref(args ? cli_call(c, "project.forget", args, err_ignore("it is said already"))
                     : NULL);
    json_decref(args);
}

static bool add_at(struct cli *c, const char *name, char *const *paths, size_t n, struct err *err)
{
    struct project p = {0};
    json_t *places = NULL, *args = NULL, *answer = NULL;
    bool is_new = false;
    bool ok =
        find_project(c, paths, n, &p, &is_new, err) && (places = places_of(&p, paths, n, err));
    if (ok) {
        args =
            json_pack("{s:I, s:s, s:s, s:O, s:s, s:s*}", "project", (json_int_t)p.id, "name", name,
                      "description", cli_text(c, "description", ""), "places", places, "modality",
                      cli_text(c, "modality", ""), "user", cli_text(c, "user", getenv("USER")));
        ok = args || err_set(err, ERR_USAGE, "the name or the description is not UTF-8");
    }
    answer = ok ? cli_call(c, "dataset.add", args, err) : NULL;
    cli_store_close(c);
    ok = answer && scan_new(c, json_get_int(answer, "id", 0), paths[0], is_new ? &p : NULL, err);
    if (!ok && is_new) {
        forget_project(c, p.id);
    }
    json_decref(answer);
    json_decref(args);
    json_decref(places);
    project_fini(&p);
    return ok;
}

static bool add(struct cli *c, struct err *err)
{
    if (c->n_args < 2) {
        return cli_usage(c, err, "gantry dataset add wants a name, and folders or files");
    }
    size_t n = c->n_args - 1;
    char **paths = mem_array(n, sizeof *paths, err);
    bool ok = paths != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        paths[i] = real_path(c->args[i + 1], err);
        ok = paths[i] != NULL;
    }
    ok = ok && add_at(c, c->args[0], paths, n, err);
    for (size_t i = 0; paths && i < n; i++) {
        mem_free(paths[i]);
    }
    mem_free(paths);
    return ok;
}

/* --- the others */

static bool one(struct cli *c, int64_t *ret, struct err *err)
{
    if (c->n_args != 1) {
        return cli_usage(c, err, "the name of one data set is wanted");
    }
    struct err why = {.code = ERR_NONE};
    if (!cli_store(c, &why)) {
        return err_set(err, why.code,
                       why.code == ERR_NOTHING ? "there is no data set '%s' (gantry dataset add)"
                                               : "%s",
                       why.code == ERR_NOTHING ? c->args[0] : why.text);
    }
    return dataset_find(c->store, c->args[0], ret, NULL, err);
}

static bool rescan(struct cli *c, struct err *err)
{
    int64_t id = 0;
    struct dataset_report r = {.warnings = NULL};
    bool ok = one(c, &id, err) && dataset_scan(c, id, &r, err) && say_scan(c, id, &r, err);
    json_decref(r.warnings);
    return ok;
}

static bool ls(struct cli *c, struct err *err)
{
    static const struct column columns[] = {
        {"Data set", "name", CELL_TEXT},
        {"Series", "series", CELL_INT},
        {"Patients", "patients", CELL_INT},
        {"Problems", "problems", CELL_INT},
        {"Modality", "modalities", CELL_TEXT},
        {"Project", "project", CELL_TEXT},
        {"Scanned", "scanned", CELL_TIME},
        {"Description", "description", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    struct err why = {.code = ERR_NONE};
    struct project p = {0};
    json_t *rows = NULL;
    bool have = cli_store(c, &why) != NULL;
    if (c->n_args) {
        return cli_usage(c, err, "gantry dataset ls takes no name");
    }
    if (!have && why.code != ERR_NOTHING) {
        *err = why;
        return false;
    }
    bool ok = !have || !c->project || project_by_name(c->store, c->project, &p, err);
    rows = !ok ? NULL : have ? datasets_list(c->store, 0, p.id, NULL, err) : json_array();
    ok = rows && (c->json ? cli_json(c, rows, err) : cli_table(c, rows, columns, err));
    json_decref(rows);
    project_fini(&p);
    return ok;
}

static bool print_series(struct cli *c, json_t *rows, struct err *err)
{
    static const struct column columns[] = {
        {"Patient", "patient", CELL_TEXT},
        {"Date", "date", CELL_TEXT},
        {"Series", "name", CELL_TEXT},
        {"", "modality", CELL_TEXT},
        {"Slices", "slices", CELL_INT},
        {"Size", "grid", CELL_TEXT},
        {"mm", "mm", CELL_TEXT},
        {"", "orientation", CELL_TEXT},
        {"Description", "description", CELL_TEXT},
        {"Problem", "problem", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    json_t *row;
    size_t i;
    bool ok = true;
    json_array_foreach(rows, i, row)
    {
        const json_t *mm = json_object_get(row, "spacing");
        char grid[80] = "", step[80] = "";
        if (json_array_size(mm) == 3) {
            (void)snprintf(grid, sizeof grid, "%" PRId64 " x %" PRId64,
                           json_get_int(row, "columns", 0), json_get_int(row, "rows", 0));
            (void)snprintf(
                step, sizeof step, "%.3g x %.3g x %.3g", json_number_value(json_array_get(mm, 0)),
                json_number_value(json_array_get(mm, 1)), json_number_value(json_array_get(mm, 2)));
        }
        ok = ok && json_put(row, "grid", json_string(grid), err) &&
            json_put(row, "mm", json_string(step), err);
    }
    return ok && cli_table(c, rows, columns, err);
}

static bool show(struct cli *c, struct err *err)
{
    struct datasets_query q = {.filter = cli_text(c, "filter", ""), .limit = -1};
    const char *by = cli_text(c, "by", "name");
    json_t *about = NULL, *list = NULL, *doc = NULL;
    q.by_patient = !strcmp(by, "patient");
    if (!q.by_patient && strcmp(by, "name") != 0) {
        return cli_usage(c, err, "--by is name or patient");
    }
    bool ok = one(c, &q.dataset, err) &&
        (about = datasets_list(c->store, q.dataset, 0, NULL, err)) &&
        (list = datasets_series(c->store, &q, err));
    json_t *rows = json_object_get(list, "rows");
    doc = ok ? json_incref(json_array_get(about, 0)) : NULL;
    if (ok && c->json) {
        ok = doc &&
            (q.by_patient ? json_put(doc, "by_patient", datasets_patients(rows, err), err)
                          : json_put(doc, "rows", json_incref(rows), err)) &&
            cli_json(c, doc, err);
    } else if (ok) {
        ok = print_series(c, rows, err);
    }
    json_decref(doc);
    json_decref(list);
    json_decref(about);
    return ok;
}

static bool rm(struct cli *c, struct err *err)
{
    int64_t id = 0;
    json_t *args = NULL, *answer = NULL;
    bool ok = one(c, &id, err);
    cli_store_close(c);
    args = ok ? json_pack("{s:I}", "dataset", (json_int_t)id) : NULL;
    answer = args ? cli_call(c, "dataset.remove", args, err) : NULL;
    ok = answer != NULL;
    if (ok && c->json) {
        json_t *doc = json_pack("{s:s}", "removed", c->args[0]);
        ok = doc ? cli_json(c, doc, err) : err_set(err, ERR_NOMEM, "out of memory");
        json_decref(doc);
    } else if (ok) {
        cli_note(c, "removed %s; its files and results stay where they are", c->args[0]);
    }
    json_decref(answer);
    json_decref(args);
    return ok;
}

/* A folder that is not there yet, in one that is. Caller frees. */
static char *new_folder(const char *path, struct err *err)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') {
        n--;
    }
    char *own = mem_strndup(path, n, err), *parent = own ? path_dir(own, err) : NULL;
    char *real = parent ? real_path(parent, err) : NULL;
    char *whole = real ? path_join(real, path_base(own), err) : NULL;
    mem_free(real);
    mem_free(parent);
    mem_free(own);
    return whole;
}

static bool export_to(struct cli *c, struct err *err)
{
    struct dataset_export how = {.drafts = cli_has(c, "drafts")};
    json_t *doc = NULL;
    char *to = NULL;
    if (!cli_has(c, "to")) {
        return cli_usage(c, err, "--to DIR is wanted: the nnU-Net folder to be made");
    }
    bool ok = one(c, &how.dataset, err) && (to = new_folder(cli_text(c, "to", ""), err)) != NULL;
    how.to = to;
    ok = ok && dataset_export(c, &how, &doc, err);
    if (ok && c->json) {
        ok = cli_json(c, doc, err);
    } else if (ok) {
        int64_t out = json_get_int(doc, "left_out", 0);
        cli_print(c, "%s: %" PRId64 " cases of %s with %zu label%s", to,
                  json_get_int(doc, "cases", 0), json_get_text(doc, "channel", ""),
                  json_object_size(json_object_get(doc, "labels")),
                  plural((int64_t)json_object_size(json_object_get(doc, "labels"))));
        cli_print(c, out ? "; %" PRId64 " series without such a mask are left out\n" : "\n", out);
    }
    json_decref(doc);
    mem_free(to);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    const char *word = cli_sub(c, words, "ls", err);
    if (!word) {
        return false;
    }
    if (strcmp(word, "add") != 0 && (cli_has(c, "modality") || cli_has(c, "description"))) {
        return cli_usage(c, err, "--modality and --description go with gantry dataset add");
    }
    if (strcmp(word, "show") != 0 && (cli_has(c, "by") || cli_has(c, "filter"))) {
        return cli_usage(c, err, "--by and --filter go with gantry dataset show");
    }
    if (strcmp(word, "export") != 0 && (cli_has(c, "to") || cli_has(c, "drafts"))) {
        return cli_usage(c, err, "--to and --drafts go with gantry dataset export");
    }
    return !strcmp(word, "add")   ? add(c, err)
        : !strcmp(word, "ls")     ? ls(c, err)
        : !strcmp(word, "show")   ? show(c, err)
        : !strcmp(word, "scan")   ? rescan(c, err)
        : !strcmp(word, "export") ? export_to(c, err)
                                  : rm(c, err);
}

static const struct opt options[] = {
    {0, "modality", OPT_TEXT, "CT", "add: modality of NIfTI files that do not say it themselves",
     false},
    {0, "description", OPT_TEXT, "TEXT", "add: a line about it", false},
    {0, "by", OPT_TEXT, "name|patient", "show: the order; patient = each patient's series by date",
     false},
    {0, "filter", OPT_TEXT, "WORDS", "show: only series in whose row all the words occur", false},
    {0, "to", OPT_TEXT, "DIR", "export: the nnU-Net raw folder to be made (DatasetXXX_Name)",
     false},
    {0, "drafts", OPT_FLAG, NULL, "export: also masks that nobody has accepted yet", false},
    {0, "user", OPT_TEXT, "NAME", "add: who registers it (the server says it)", true},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

const struct command command_dataset = {
    .name = "dataset",
    .group = GROUP_DATA,
    .summary =
        "Named collections of image series for predictions: add, list, show, scan, remove, export",
    .usage = "add NAME PATH... [--modality CT] [--description TEXT]\nls\nshow NAME [--by patient] "
             "[--filter WORDS]\nscan NAME\nrm NAME\nexport NAME --to DIR [--drafts]",
    .help = "A data set is a folder, several, or single files of one project; a folder in no "
            "project becomes one.\n"
            "A series is a NIfTI file, or one SeriesInstanceUID of DICOM in files, folders and "
            "ZIPs. Only headers are\n"
            "read; scan reads those of new and changed files. Series that make no volume are kept "
            "with the reason.\n"
            "The patient is the PatientID (in BIDS and SUBJECT/STUDY folders the subject); names "
            "of patients are never stored.\n"
            "rm forgets the collection: files, predictions and annotations stay.\n"
            "export makes an nnU-Net raw folder (imagesTr, labelsTr, dataset.json) of the series "
            "whose masks were accepted.\n\n"
            "  gantry dataset add chests /data/ct --modality CT\n"
            "  gantry dataset show chests --by patient\n"
            "  gantry dataset export chests --to /data/nnUNet_raw/Dataset101_Lung",
    .options = options,
    .max_args = -1,
    .run = run,
};
