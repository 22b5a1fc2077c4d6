/* Names and files of studies, for binding and after publishing. */
#include "engine/study.h"

#include <dirent.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/cohort.h"
#include "catalog/pattern.h"
#include "engine/nearest.h"
#include "engine/study-memo.h"
#include "model/found.h"
#include "os/file.h"

/* Of a published folder, so many files at most become rows at once; a scan finds the rest. */
#define FOLDER_FILES 2000
#define FOLDER_DEPTH 8

bool study_level(const char *level)
{
    return !strcmp(level, "study") || !strcmp(level, "subject");
}

const char *study_reference(const json_t *variables, const json_t *spec)
{
    const char *of = json_get_text(spec, "of", "");
    const char *meant = json_get_text(variables, of, of);
    /* the names that NORA's users know */
    return !strcmp(meant, "Study") ? "STUDY" : !strcmp(meant, "Patient") ? "SUBJECT" : meant;
}

char *study_patterns(const json_t *spec, struct err *err)
{
    const json_t *file = json_object_get(spec, "FILE");
    struct str all = STR_INIT;
    if (!json_is_array(file)) {
        str_add(&all, json_is_string(file) ? json_string_value(file) : "");
    }
    for (size_t i = 0; json_is_array(file) && i < json_array_size(file); i++) {
        const char *one = json_string_value(json_array_get(file, i));
        str_addf(&all, "%s%s", i ? " " : "", one ? one : "");
    }
    str_add(&all, "");
    return str_take(&all, err);
}

struct gathered {
    json_t *rows;
    const char *root;
};

json_t *study_file_row(const struct pattern_file *f, struct err *err)
{
    json_t *row = json_pack("{s:s, s:I, s:I}", "path", f->path, "size", (json_int_t)f->size,
                            "mtime_ns", (json_int_t)f->mtime_ns);
    if (!row) {
        (void)err_set(err, ERR_NOMEM, "out of memory, or a path that is no valid UTF-8: '%.200s'",
                      f->path);
    }
    return row;
}

static bool add_row(void *arg, const struct pattern_file *f, struct err *err)
{
    struct gathered *found = arg;
    json_t *row = study_file_row(f, err);
    return row &&
        (json_array_append_new(found->rows, row) == 0 || err_set(err, ERR_NOMEM, "out of memory"));
}

/* Nothing was found: which file, of whom, and what comes near. */
static bool say_missing(struct study *st, const char *name, const json_t *spec,
                        const char *patterns, const int64_t *studies, size_t n, struct err *err)
{
    const char *of = study_reference(st->variables, spec);
    /* what an earlier job will make is not missing, and nothing has to come near it */
    bool made = st->run->memo && memo_made_before(st->run->memo, spec);
    char *near = n && !made
        ? nearest_files(st->store, studies, n, patterns, err_ignore("then nothing is suggested"))
        : NULL;
    (void)err_set(err, ERR_FAILED, "input '%s' of %s: nothing matches '%s'%s%s%s%s%s", name,
                  st->bind.psid, patterns, of[0] ? " in " : "", of, near && near[0] ? " (" : "",
                  near ? near : "", near && near[0] ? ")" : "");
    mem_free(near);
    return false;
}

/* The same from what was looked up for a slice of studies; *ret_known false: it was not. */
static bool find_kept(struct study *st, int64_t item, const char *name, const json_t *spec,
                      json_t *rows, bool *ret_known, struct err *err)
{
    const json_t *kept = st->run->memo ? memo_files(st->run->memo, spec, item) : NULL;
    *ret_known = kept != NULL;
    if (!kept || json_array_size(kept) > 0 || json_get_bool(spec, "optional", false)) {
        return !kept || json_array_extend(rows, (json_t *)kept) == 0 ||
            err_set(err, ERR_NOMEM, "out of memory");
    }
    char *patterns = study_patterns(spec, err);
    bool ok = patterns && say_missing(st, name, spec, patterns, &item, 1, err);
    mem_free(patterns);
    return ok;
}

/* "." is a study's folder: one that was parted from others (layout dicom) has none. */
static bool has_folder(struct study *st, int64_t item, const char *name, struct err *err)
{
    int64_t beside = 0;
    return store_int(st->store, 0, &beside, err,
                     "SELECT 1 FROM file WHERE study_id=?1 AND place=?2 AND gone=0 LIMIT 1", "is",
                     item, PLACE_BESIDE) &&
        (!beside ||
         err_set(err, ERR_FAILED,
                 "input '%s' of %s: the study has no folder of its own (its files lie among those "
                 "of others, or in a ZIP): name its files, '*' means all",
                 name, st->bind.psid));
}

/* The files of one item (the task's own, or one of many that it collects). */
static bool find_of(struct study *st, int64_t item, const char *name, const json_t *spec,
                    json_t *rows, struct err *err)
{
    if (str_equal(json_get_text(spec, "FILE", NULL), ".")) {
        return has_folder(st, item, name, err);
    }
    bool known, kept = find_kept(st, item, name, spec, rows, &known, err);
    if (!kept || known) {
        return kept;
    }
    const char *of = study_reference(st->variables, spec);
    char *patterns = study_patterns(spec, err);
    int64_t *studies = NULL;
    size_t n = 0, before = json_array_size(rows);
    struct gathered found = {.rows = rows};
    bool ok = patterns &&
        pattern_reference(st->store, st->project, item, of[0] ? of : NULL, &studies, &n, err);
    ok = ok && pattern_files(st->store, st->project, studies, n, patterns, add_row, &found, err);
    ok = ok || (err->code ? err_wrap(err, "input '%s' of %s", name, st->bind.psid) : false);
    if (ok && json_array_size(rows) == before && !json_get_bool(spec, "optional", false)) {
        ok = say_missing(st, name, spec, patterns, studies, n, err);
    }
    mem_free(patterns);
    mem_free(studies);
    return ok;
}

/* Did its last tasks of this batch fail? What lies there of such a study is from an earlier time:
 * of another script, other inputs. */
static bool went_wrong(const struct study *st, int64_t item, bool *ret, struct err *err)
{
    int64_t wrong = 0;
    bool ok = store_int(
        st->store, 0, &wrong, err,
        "SELECT 1 FROM task t JOIN run r ON r.id=t.run_id WHERE t.item_id=?1 AND t.run_id<=?2 AND "
        "r.name=(SELECT name FROM run WHERE id=?2) AND (t.state IN (8,9) OR (t.state=7 AND "
        "coalesce(json_extract(r.options,'$.on_error'),json_extract(r.batch,'$.jobs['||t.job||"
        "'].on_error'),json_extract(r.batch,'$.options.on_error'),'break')='break')) AND "
        "EXISTS (SELECT 1 FROM run c,json_each(c.batch,'$.jobs') j WHERE c.id=?2 AND "
        "json_extract(j.value,'$.id')=t.job_id AND NOT coalesce(json_extract(j.value,"
        "'$.collect'),0)) AND NOT EXISTS (SELECT 1 FROM task n JOIN run m ON m.id=n.run_id WHERE "
        "n.item_id=t.item_id AND n.id>t.id AND n.run_id<=?2 AND n.job_id=t.job_id AND "
        "m.name=r.name) LIMIT 1",
        "ii", item, st->run->id);
    *ret = wrong == 1;
    return ok;
}

static bool find(void *arg, const char *name, const json_t *spec, json_t *rows, struct err *err)
{
    struct study *st = arg;
    json_t *id;
    size_t i;
    if (!st->collect) {
        return find_of(st, st->item, name, spec, rows, err);
    }
    /* of a set, some may lack a file; all of them lacking it is an error */
    json_t *lenient = json_copy((json_t *)spec);
    bool ok = (lenient && json_object_set_new(lenient, "optional", json_true()) == 0) ||
        err_set(err, ERR_NOMEM, "out of memory");
    json_array_foreach((json_t *)st->collect, i, id)
    {
        bool wrong = false;
        ok = ok && went_wrong(st, json_integer_value(id), &wrong, err) &&
            (wrong || find_of(st, json_integer_value(id), name, lenient, rows, err));
    }
    json_decref(lenient);
    if (ok && json_array_size(rows) == 0 && !json_get_bool(spec, "optional", false)) {
        char *patterns = study_patterns(spec, err);
        ok = patterns &&
            err_set(err, ERR_FAILED, "input '%s': in %zu studies nothing matches '%s'", name,
                    json_array_size(st->collect), patterns);
        mem_free(patterns);
    }
    return ok;
}

/* <root>/derivatives/<batch> when outputs go there, else <folder>_rec/<batch>. */
static char *common_folder(const struct active *run, const char *out, const char *batch,
                           struct err *err)
{
    char *derived = mem_printf(err, "%s/derivatives/%s", run->root, batch);
    if (derived && !path_within(out, derived)) {
        mem_free(derived);
        derived = mem_printf(err, "%s/%s", run->rec, batch);
    }
    return derived;
}

static bool refer(void *arg, const char *of, json_t *psids, struct err *err)
{
    struct study *st = arg;
    json_t *spec = json_pack("{s:s}", "of", of);
    const char *meant = study_reference(st->variables, spec);
    int64_t *studies = NULL;
    size_t n = 0;
    bool ok = pattern_reference(st->store, st->project, st->item, meant[0] ? meant : NULL, &studies,
                                &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        json_t *names = cohort_names(st->store, studies[i], err);
        ok = names && json_array_append(psids, json_object_get(names, "psid")) == 0;
        json_decref(names);
    }
    ok = ok && (n > 0 || err_set(err, ERR_FAILED, "there is no study '%s'", meant));
    json_decref(spec);
    mem_free(studies);
    return ok;
}

bool study_open(struct store *s, const struct active *run, int64_t item, const json_t *collect,
                struct study *ret, struct err *err)
{
    const char *batch = json_get_text(run->batch, "name", "batch");
    *ret = (struct study){.store = s,
                          .run = run,
                          .project = run->project,
                          .item = item,
                          .variables = json_object_get(run->batch, "variables"),
                          .collect = collect};
    if (run->memo && !collect) {
        if (!memo_names(run->memo, s, item, batch, &ret->names, &ret->out, err)) {
            return false;
        }
    } else {
        ret->out = cohort_out_folder(s, item, batch, err);
    }
    if (collect) {
        char *own = ret->out;
        ret->out = own ? common_folder(run, own, batch, err) : NULL;
        ret->names =
            ret->out ? json_pack("{s:s, s:s, s:s}", "pid", "", "sid", "", "psid", "") : NULL;
        mem_free(own);
    } else if (!ret->names) {
        ret->names = ret->out ? cohort_names(s, item, err) : NULL;
    }
    if (!ret->names) {
        study_close(ret);
        return false;
    }
    ret->bind = (struct bind_study){.out = ret->out,
                                    .pid = json_get_text(ret->names, "pid", ""),
                                    .sid = json_get_text(ret->names, "sid", ""),
                                    .psid = json_get_text(ret->names, "psid", ""),
                                    .collect = collect != NULL,
                                    .find = find,
                                    .refer = refer,
                                    .arg = ret};
    return true;
}

void study_close(struct study *st)
{
    mem_free(st->out);
    json_decref(st->names);
    *st = (struct study){.store = NULL};
}

/* Every file of a published folder. */
static bool take_folder(struct store *s, int64_t project, const char *folder, const char *tags,
                        int depth, int *left, struct err *err)
{
    size_t n = 0;
    char **names = depth > 0 && file_is_folder(folder)
        ? file_list(folder, &n, err_ignore("gone again, or not to be read: a scan will tell"))
        : NULL;
    bool ok = true;
    for (size_t i = 0; ok && names && i < n; i++) {
        if (*left <= 0 || names[i][0] == '.' || str_ends(names[i], ".prov.json")) {
            continue;
        }
        char *path = path_join(folder, names[i], err);
        int64_t file;
        ok = path != NULL;
        if (ok && file_is_folder(path)) {
            ok = take_folder(s, project, path, tags, depth - 1, left, err);
        } else if (ok) {
            (*left)--;
            ok = cohort_take(s, project, path, tags, &file, err);
        }
        mem_free(path);
    }
    file_list_free(names);
    return ok;
}

static bool describe(const char *folder, const char *batch, struct err *err)
{
    char *path = path_join(folder, "dataset_description.json", err);
    if (!path || file_exists(path)) {
        mem_free(path);
        return path != NULL;
    }
    json_t *doc =
        json_pack("{s:s, s:s, s:s, s:[{s:s, s:s, s:s}], s:[{s:s}]}", "Name", batch, "BIDSVersion",
                  "1.8.0", "DatasetType", "derivative", "GeneratedBy", "Name", "gantry", "Version",
                  GANTRY_VERSION, "Description", batch, "SourceDatasets", "URL", "../..");
    char *text = doc ? json_pretty(doc, err) : NULL;
    bool ok = text && file_write(path, text, strlen(text), false, err);
    mem_free(text);
    mem_free(path);
    json_decref(doc);
    return ok;
}

/* What cannot be written there is no failure of the task whose output lies beside it. */
static void describe_derivatives(const struct active *run, const json_t *outputs)
{
    struct err *quiet = err_ignore("the next task of the batch tries again");
    const char *first = json_get_text(json_array_get(outputs, 0), "path", ""),
               *batch = json_get_text(run->batch, "name", "batch");
    char *folder = mem_printf(quiet, "%s/derivatives/%s", run->root, batch);
    if (folder && path_within(first, folder)) {
        err_waive(describe(folder, batch, quiet));
    }
    mem_free(folder);
}

bool study_take_outputs(struct store *s, const struct active *run, const json_t *job,
                        const json_t *outputs, struct err *err)
{
    int64_t project = run->project;
    json_t *row, *args = json_object_get(job, "args");
    size_t i;
    bool ok = true;
    json_array_foreach((json_t *)outputs, i, row)
    {
        const json_t *spec = json_object_get(args, json_get_text(row, "name", ""));
        struct bind_out out =
            bind_out(json_get_text(spec, "OUT", json_get_text(spec, "PATHOUT", "")));
        char *tags = ok && out.tags_length ? mem_strndup(out.tags, out.tags_length, err) : NULL;
        const char *path = json_get_text(row, "path", "");
        int left = FOLDER_FILES;
        int64_t file;
        ok = ok && (tags || !out.tags_length) &&
            (strcmp(json_get_text(row, "kind", "file"), "file") != 0
                 ? take_folder(s, project, path, tags, FOLDER_DEPTH, &left, err)
                 : cohort_take(s, project, path, tags, &file, err));
        ok =
            ok || err->code == ERR_USAGE; /* a tag that is none: of a batch from before the check */
        mem_free(tags);
    }
    if (json_array_size(outputs) > 0) {
        describe_derivatives(run, outputs);
    }
    return ok;
}
