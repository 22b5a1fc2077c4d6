/*
 * Which mask of which series, under what name and with which values, is decided here; images and
 * masks are written by gantry-imaging nnunet, a few at a time. nnU-Net wants labels numbered from 1
 * without gaps: labels are told apart by their names (in the facts beside each mask), numbered in
 * the order in which they are met.
 */
#include "cli/dataset-export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/dataset.h"
#include "catalog/project.h"
#include "cli/child.h"
#include "os/file.h"
#include "os/pass.h"

#define CASES_AT_ONCE 8
#define NAME_MAX_BYTES 120

struct export
{
    struct cli *c;
    const struct dataset_export *how;
    struct project project;
    char *name; /* of the data set */
    char *aside;
    json_t *rows;   /* series with their masks */
    json_t *labels; /* name -> number */
    json_t *cases, *told;
    const char *modality;
    struct err *err;
};

/* The newest accepted mask; with ?2 else the newest that was not rejected, else a prediction's own.
 */
#define MASKS                                                                                      \
    "WITH s AS (SELECT i.id,i.name,y.stem,y.path,y.uid,y.kind,y.modality,"                         \
    "(SELECT id FROM annotation WHERE item_id=i.id AND state='accepted' ORDER BY t_us DESC,id "    \
    "DESC LIMIT 1) AS accepted,CASE WHEN ?2 THEN (SELECT id FROM annotation WHERE item_id=i.id "   \
    "AND state='draft' ORDER BY t_us DESC,id DESC LIMIT 1) END AS draft,CASE WHEN ?2 THEN "        \
    "(SELECT t.run_id FROM task t JOIN prediction q ON q.run_id=t.run_id WHERE t.item_id=i.id "    \
    "AND t.state IN (5,6) AND q.task='segmentation' AND NOT EXISTS(SELECT 1 FROM annotation n "    \
    "WHERE n.item_id=i.id AND n.run_id=t.run_id AND n.state='rejected') ORDER BY t.run_id DESC "   \
    "LIMIT 1) END AS run FROM dataset_item m JOIN series y ON y.item_id=m.item_id JOIN item i ON " \
    "i.id=m.item_id WHERE m.dataset_id=?1 AND i.gone=0 AND y.problem='') "                         \
    "SELECT s.id,s.name,s.stem,s.path,s.uid,s.kind,s.modality,coalesce(a.path,'') AS mask,"        \
    "coalesce(a.version,0) AS version,coalesce(a.user,'') AS user,a.id AS annotation,"             \
    "p.run_id AS run,coalesce(p.folder,'') AS folder FROM s LEFT JOIN annotation a ON "            \
    "a.id=coalesce(s.accepted,s.draft) LEFT JOIN prediction p ON p.run_id=coalesce(a.run_id,"      \
    "CASE WHEN a.id IS NULL THEN s.run END) WHERE a.id IS NOT NULL OR s.run IS NOT NULL ORDER BY " \
    "s.name"

static bool nomem(const struct export *x)
{
    return err_set(x->err, ERR_NOMEM, "out of memory");
}

static bool load(struct export *x)
{
    int64_t project = 0;
    struct store *s = cli_store(x->c, x->err);
    bool ok = s && dataset_project(s, x->how->dataset, &project, x->err) &&
        project_by_id(s, project, &x->project, x->err) &&
        store_text(s, &x->name, x->err, "SELECT name FROM dataset WHERE id=?1", "i",
                   x->how->dataset);
    x->rows =
        ok ? store_rows(s, x->err, MASKS, "ii", x->how->dataset, (int64_t)x->how->drafts) : NULL;
    if (!x->rows) {
        return false;
    }
    return json_array_size(x->rows) ||
        err_set(x->err, ERR_NOTHING,
                x->how->drafts
                    ? "no series of %s has a mask: run a segmentation first"
                    : "no mask of %s is accepted yet: accept some in the results viewer, "
                      "or take unaccepted ones too with --drafts",
                x->name);
}

/* --- one case */

/* Where the mask lies, and the facts beside it. Both are the caller's. */
static bool find_mask(struct export *x, const json_t *row, char **ret_mask, char **ret_facts)
{
    const char *own = json_get_text(row, "mask", "");
    *ret_mask = *own ? mem_strdup(own, x->err)
                     : mem_printf(x->err, "%s/%s/mask.nii.gz", json_get_text(row, "folder", ""),
                                  json_get_text(row, "stem", ""));
    if (!*ret_mask) {
        return false;
    }
    size_t n = strlen(*ret_mask) - (str_ends(*ret_mask, ".nii.gz") ? strlen(".nii.gz") : 0);
    *ret_facts = mem_printf(x->err, "%.*s.json", (int)n, *ret_mask);
    return *ret_facts != NULL;
}

/* The labels of a mask get their numbers; *ret: {"value": number}. */
static json_t *number_labels(struct export *x, const json_t *facts, const char *path)
{
    json_t *values = json_object();
    const json_t *label;
    size_t i;
    bool ok = values || nomem(x);
    json_array_foreach(json_object_get(facts, "labels"), i, label)
    {
        const char *name = json_get_text(label, "name", "");
        char key[24];
        (void)snprintf(key, sizeof key, "%" PRId64, json_get_int(label, "value", 0));
        if (ok && (!*name || !strcmp(name, "background"))) {
            ok = err_set(x->err, ERR_FORMAT, "%s: label %s has no name", path, key);
        }
        if (ok && !json_object_get(x->labels, name)) {
            size_t number = json_object_size(x->labels) + 1;
            ok = json_put(x->labels, name, json_integer((json_int_t)number), x->err);
        }
        ok = ok && json_put(values, key, json_incref(json_object_get(x->labels, name)), x->err);
    }
    if (!ok) {
        json_decref(values);
        return NULL;
    }
    return values;
}

/* "lung/p 1" -> "lung_p_1": what nnU-Net takes as a case's name, each once. */
static char *case_name(struct export *x, const json_t *row, const json_t *taken)
{
    const char *stem = json_get_text(row, "stem", "");
    size_t n = strlen(stem);
    stem += n > NAME_MAX_BYTES ? n - NAME_MAX_BYTES : 0;
    char *name = mem_strdup(stem, x->err);
    for (char *p = name; p && *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
            (*p >= '0' && *p <= '9') || *p == '-' || *p == '.';
        *p = plain ? *p : '_';
    }
    if (!name || !json_object_get(taken, name)) {
        return name;
    }
    char *other = mem_printf(x->err, "%s_%" PRId64, name, json_get_int(row, "id", 0));
    mem_free(name);
    return other;
}

static bool one_modality(struct export *x, const json_t *row)
{
    const char *word = json_get_text(row, "modality", "");
    if (!x->modality) {
        x->modality = word;
    }
    return !strcmp(x->modality, word) ||
        err_set(x->err, ERR_USAGE,
                "%s has masks on series of several modalities (%s, %s): an nnU-Net folder has one. "
                "Register those of one as a data set",
                x->name, *x->modality ? x->modality : "unknown", *word ? word : "unknown");
}

static bool add_case(struct export *x, const json_t *row)
{
    char *mask = NULL, *facts_path = NULL, *name = NULL, *image = NULL;
    const char *path = json_get_text(row, "path", "");
    json_t *facts = NULL, *values = NULL, *one = NULL, *told = NULL;
    bool ok = one_modality(x, row) && find_mask(x, row, &mask, &facts_path) &&
        (facts = json_read(facts_path, x->err)) && (values = number_labels(x, facts, facts_path)) &&
        (name = case_name(x, row, x->told)) &&
        (image = strcmp(path, ".") ? path_join(x->project.root, path, x->err)
                                   : mem_strdup(x->project.root, x->err));
    if (ok) {
        bool dicom = !strcmp(json_get_text(row, "kind", ""), "dicom");
        one = json_pack("{s:s, s:s, s:s, s:s, s:O}", "name", name, "image", image, "uid",
                        dicom ? json_get_text(row, "uid", "") : "", "mask", mask, "values", values);
        told = json_pack("{s:s, s:I, s:s, s:O, s:O}", "series", json_get_text(row, "name", ""),
                         "version", (json_int_t)json_get_int(row, "version", 0), "user",
                         json_get_text(row, "user", ""), "run", json_object_get(row, "run"),
                         "annotation", json_object_get(row, "annotation"));
        ok = (one && told && json_array_append(x->cases, one) == 0 &&
              json_object_set(x->told, name, told) == 0) ||
            nomem(x);
    }
    json_decref(told);
    json_decref(one);
    json_decref(values);
    json_decref(facts);
    mem_free(image);
    mem_free(name);
    mem_free(facts_path);
    mem_free(mask);
    return ok;
}

/* --- the folder */

static bool check_target(struct export *x)
{
    const char *to = x->how->to;
    size_t n = 0;
    char *parent = path_dir(to, x->err);
    char **names = NULL;
    bool ok = parent != NULL;
    if (ok && file_is_folder(to)) {
        names = file_list(to, &n, x->err);
        ok = names && (n == 0 || err_set(x->err, ERR_EXISTS, "'%s' is not empty", to));
    } else if (ok && file_exists(to)) {
        ok = err_set(x->err, ERR_EXISTS, "'%s' is a file", to);
    } else if (ok && !file_is_folder(parent)) {
        ok = err_set(x->err, ERR_IO, "there is no folder '%s' to make '%s' in", parent, to);
    }
    x->aside =
        ok ? mem_printf(x->err, "%s/.gantry-%ld-%s", parent, (long)getpid(), path_base(to)) : NULL;
    file_list_free(names);
    mem_free(parent);
    return x->aside != NULL;
}

/* A plan through a file in memory; what gantry-imaging says is the error. */
static bool write_some(struct export *x, size_t at)
{
    json_t *cases = json_array();
    struct memfile file = MEMFILE_NONE;
    char *text = NULL, *in = NULL;
    for (size_t i = at; cases && i < json_array_size(x->cases) && i < at + CASES_AT_ONCE; i++) {
        (void)json_array_append(cases, json_array_get(x->cases, i));
    }
    json_t *plan = json_pack("{s:s, s:o}", "to", x->aside, "cases", cases);
    bool ok = plan ? (text = json_text(plan, x->err)) != NULL : nomem(x);
    ok = ok && memfile_new(strlen(text), &file, x->err) &&
        (in = mem_printf(x->err, "/proc/%ld/fd/%d", (long)getpid(), file.fd));
    if (ok) {
        const char *args[] = {"nnunet", in, NULL};
        memcpy(file.bytes, text, strlen(text));
        ok = child_imaging(args, NULL, x->err);
    }
    memfile_free(&file);
    mem_free(in);
    mem_free(text);
    json_decref(plan);
    return ok;
}

static bool write_images(struct export *x)
{
    size_t n = json_array_size(x->cases);
    bool ok = true;
    for (size_t at = 0; ok && at < n; at += CASES_AT_ONCE) {
        if (x->c->terminal_err) {
            (void)fprintf(stderr, "\r\033[Kwriting cases: %zu of %zu", at, n);
        }
        ok = write_some(x, at);
    }
    if (x->c->terminal_err) {
        (void)fputs("\r\033[K", stderr);
    }
    return ok;
}

static bool put_file(struct export *x, const char *name, json_t *value)
{
    char *text = value ? json_pretty(value, x->err) : NULL;
    char *path = text ? path_join(x->aside, name, x->err) : NULL;
    size_t n = text ? strlen(text) : 0;
    bool ok = path != NULL;
    if (ok) {
        text[n] = '\n'; /* in the terminator's place */
        ok = file_put(path, text, n + 1, x->err);
    }
    if (!value) {
        (void)nomem(x);
    }
    mem_free(path);
    mem_free(text);
    json_decref(value);
    return ok;
}

/* As nnU-Net v2 reads it; cases.json is for people. */
static bool put_facts(struct export *x)
{
    json_t *labels = json_object();
    const char *name;
    json_t *number;
    bool ok = labels && json_put(labels, "background", json_integer(0), x->err);
    json_object_foreach(x->labels, name, number)
    {
        ok = ok && json_put(labels, name, json_incref(number), x->err);
    }
    json_t *doc = ok
        ? json_pack("{s:{s:s}, s:O, s:I, s:s, s:s, s:s}", "channel_names", "0",
                    *x->modality ? x->modality : "image", "labels", labels, "numTraining",
                    (json_int_t)json_array_size(x->cases), "file_ending", ".nii.gz", "name",
                    x->name, "description", "exported by Gantry")
        : NULL;
    json_decref(labels);
    return put_file(x, "dataset.json", doc) && put_file(x, "cases.json", json_incref(x->told));
}

static bool make_folders(struct export *x)
{
    static const char *const names[] = {"imagesTr", "labelsTr"};
    bool ok = true;
    for (size_t i = 0; ok && i < 2; i++) {
        char *path = path_join(x->aside, names[i], x->err);
        ok = path && file_mkdirs(path, 0777, x->err);
        mem_free(path);
    }
    return ok;
}

static bool put_in_place(struct export *x)
{
    if (!file_sync_tree(x->aside, x->err)) {
        return false;
    }
    return rename(x->aside, x->how->to) == 0 ||
        err_errno(x->err, errno, "putting '%s' in its place", x->how->to);
}

static json_t *answer_of(struct export *x)
{
    int64_t all = 0;
    struct store *s = cli_store(x->c, x->err);
    if (!s ||
        !store_int(s, 0, &all, x->err,
                   "SELECT count(*) FROM dataset_item m JOIN item i ON i.id=m.item_id WHERE "
                   "m.dataset_id=?1 AND i.gone=0",
                   "i", x->how->dataset)) {
        return NULL;
    }
    int64_t n = (int64_t)json_array_size(x->cases);
    json_t *doc = json_pack("{s:s, s:I, s:I, s:O, s:s}", "folder", x->how->to, "cases",
                            (json_int_t)n, "left_out", (json_int_t)(all - n), "labels", x->labels,
                            "channel", *x->modality ? x->modality : "image");
    if (!doc) {
        (void)nomem(x);
    }
    return doc;
}

bool dataset_export(struct cli *c, const struct dataset_export *how, json_t **ret, struct err *err)
{
    struct export x = {.c = c,
                       .how = how,
                       .labels = json_object(),
                       .cases = json_array(),
                       .told = json_object(),
                       .err = err};
    const json_t *row;
    size_t i;
    bool ok = ((x.labels && x.cases && x.told) || nomem(&x)) && check_target(&x) && load(&x);
    json_array_foreach(x.rows, i, row)
    {
        ok = ok && add_case(&x, row);
    }
    ok = ok && make_folders(&x) && write_images(&x) && put_facts(&x) && put_in_place(&x) &&
        (*ret = answer_of(&x)) != NULL;
    if (x.aside) {
        err_waive(file_remove_tree(x.aside, err_ignore("a leftover takes room and nothing else")));
    }
    json_decref(x.rows);
    json_decref(x.labels);
    json_decref(x.cases);
    json_decref(x.told);
    mem_free(x.name);
    mem_free(x.aside);
    project_fini(&x.project);
    return ok;
}
