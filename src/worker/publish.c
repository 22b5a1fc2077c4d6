/*
 * Publishing: staged outputs are checked, synced, journalled (publish.json) and renamed into their
 * places; provenance is written beside them. A name in its final place is always complete. A worker
 * that dies half-way leaves the journal: the next attempt of the task goes on from there instead of
 * running the tool again.
 *
 * Journal: {"result":{...}, "moves":[{"from","to","ino"}], "provenance":[{"path","text"}],
 * "prune":[...], "roots":[...]}
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"
#include "os/proc.h"
#include "worker/attempt.h"

static bool is_kind(const json_t *output, const char *kind)
{
    return !strcmp(json_get_text(output, "kind", ""), kind);
}

static bool in_place(const json_t *output)
{
    return !strcmp(json_get_text(output, "publish", "rename"), "in-place");
}

/* The .gantry-<attempt> folder that holds an output's staging. Caller frees. */
static char *staging_root(const json_t *output, struct err *err)
{
    const char *staging = json_get_text(output, "staging", "");
    return is_kind(output, "files") ? mem_strdup(staging, err) : path_dir(staging, err);
}

bool staging_make(const struct attempt *a, struct err *err)
{
    size_t i;
    json_t *output;
    json_array_foreach(json_object_get(a->job, "outputs"), i, output)
    {
        const char *final = json_get_text(output, "final", ""),
                   *staging = json_get_text(output, "staging", "");
        if (final[0] != '/' || staging[0] != '/') {
            return err_set(err, ERR_FORMAT,
                           "job.json: output %zu has no absolute 'final' and 'staging'", i);
        }
        if (!is_kind(output, "files") && file_exists(final) &&
            !json_get_bool(output, "replace", false)) {
            return err_set(err, ERR_EXISTS,
                           "'%s' exists and was not made by Gantry: run with --overwrite, or take "
                           "it with `gantry adopt`",
                           final);
        }
        char *folder = is_kind(output, "file") ? path_dir(staging, err) : mem_strdup(staging, err);
        bool ok = folder && file_mkdirs(folder, 0777, err);
        mem_free(folder);
        if (!ok) {
            return err_wrap(err, "preparing output '%s'", json_get_text(output, "name", "?"));
        }
    }
    return true;
}

void staging_remove(const json_t *job)
{
    size_t i;
    json_t *output;
    json_array_foreach(json_object_get(job, "outputs"), i, output)
    {
        char *root = staging_root(
            output, err_ignore("a leftover folder is hidden and named after its attempt"));
        if (root && strstr(path_base(root), ".gantry-")) { /* never anything but our own */
            err_waive(file_remove_tree(root, err_ignore("as above")));
        }
        mem_free(root);
    }
}

/* ---- checks ---- */

static bool missing(const json_t *output, const char *how, struct err *err)
{
    return err_set(err, ERR_FAILED, "exit 0, but output '%s' %s: '%s'",
                   json_get_text(output, "name", "?"), how, json_get_text(output, "final", "?"));
}

/* What claims a format must be readable as that; asked of gantry-imaging, for tools that are not
 * its own steps. */
static bool readable(const struct attempt *a, const char *path, const char *final, struct err *err)
{
    static const char *const known[] = {".tif", ".tiff", ".h5",  ".hdf5",  ".nxs",
                                        ".png", ".xlsx", ".nii", ".nii.gz"};
    const char *imaging = json_get_text(a->job, "imaging", NULL), *ext = path_ext(path);
    bool checked = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        checked = checked || !strcmp(ext, known[i]);
    }
    if (!checked || !imaging) {
        return true;
    }
    const char *argv[] = {imaging, "check", path, NULL};
    struct proc_spec spec = {.argv = argv,
                             .in = PROC_NULL,
                             .out = PROC_NULL,
                             .errs = PROC_NULL,
                             .keep_fd = a->claim_fd,
                             .group = true};
    pid_t pid;
    struct proc_end end;
    if (!proc_spawn(&spec, &pid, err)) {
        return err_wrap(err, "checking '%s'", final);
    }
    if (proc_reap(pid, true, &end) != 1 || end.exit != 0) {
        return err_set(err, ERR_FAILED, "exit 0, but the output is not readable as %s: '%s'", ext,
                       final);
    }
    return true;
}

static bool check_output(const struct attempt *a, const json_t *output, bool *ret_present,
                         struct err *err)
{
    const char *staging = json_get_text(output, "staging", "");
    bool optional = json_get_bool(output, "optional", false),
         step = json_get_bool(a->job, "step", false);
    struct file_measure m;
    *ret_present = false;
    if (is_kind(output, "files")) {
        if (!file_measure_glob(staging, json_get_text(output, "pattern", "*"), &m, err)) {
            return false;
        }
    } else if (!file_exists(staging)) {
        return optional || missing(output, "is missing", err);
    } else if (!file_measure(staging, &m, err)) {
        return false;
    }
    if (m.files == 0) {
        return optional || missing(output, "is missing (its folder is empty)", err);
    }
    if (is_kind(output, "file") ? m.folder : !m.folder) {
        return missing(output, m.folder ? "is a folder, not a file" : "is a file, not a folder",
                       err);
    }
    if (m.size == 0) {
        return missing(output, "is empty", err);
    }
    *ret_present = true;
    return step || !is_kind(output, "file") ||
        readable(a, staging, json_get_text(output, "final", ""), err);
}

/* ---- the journal ---- */

static bool add_move(json_t *moves, const char *from, const char *to, struct err *err)
{
    struct stat st;
    if (lstat(from, &st) != 0) {
        return err_errno(err, errno, "cannot read '%s'", from);
    }
    json_t *move =
        json_pack("{s:s, s:s, s:I}", "from", from, "to", to, "ino", (json_int_t)st.st_ino);
    return (move && json_array_append_new(moves, move) == 0) ||
        err_set(err, ERR_NOMEM, "out of memory");
}

static bool add_files(json_t *moves, const json_t *output, bool may_replace, struct err *err)
{
    const char *staging = json_get_text(output, "staging", ""),
               *final = json_get_text(output, "final", "");
    size_t n = 0;
    char **names = file_list(staging, &n, err);
    bool ok = names != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        if (fnmatch(json_get_text(output, "pattern", "*"), names[i], FNM_PERIOD) != 0) {
            continue;
        }
        char *from = path_join(staging, names[i], err),
             *to = from ? path_join(final, names[i], err) : NULL;
        ok = to != NULL;
        if (ok && !may_replace && file_exists(to)) {
            ok = err_set(
                err, ERR_EXISTS,
                "'%s' exists and was not made by Gantry: run with --overwrite, or take it with "
                "`gantry adopt`",
                to);
        }
        ok = ok && add_move(moves, from, to, err);
        mem_free(from);
        mem_free(to);
    }
    file_list_free(names);
    return ok;
}

static char *provenance_path(const json_t *output, struct err *err)
{
    const char *final = json_get_text(output, "final", "");
    if (is_kind(output, "files")) {
        return mem_printf(err, "%s/%s.prov.json", final, json_get_text(output, "name", "output"));
    }
    return path_beside(final, ".prov.json", err);
}

static bool add_provenance(const struct attempt *a, json_t *list, const json_t *output,
                           json_t *result, struct err *err)
{
    char started[32], ended[32];
    clock_iso(a->started_us, started, sizeof started);
    clock_iso(clock_utc_us(), ended, sizeof ended);
    json_t *j = a->job;
    json_t *doc = json_pack(
        "{s:s, s:[s], s:O, s:O, s:O, s:O, s:O, s:O, s:s, s:s, s:s, s:s, s:O, s:O, s:O}", "gantry",
        GANTRY_VERSION, "outputs", path_base(json_get_text(output, "final", "")), "tool",
        json_object_get(j, "tool"), "version", json_object_get(j, "version"), "command",
        json_object_get(j, "repeat") ? json_object_get(j, "repeat") : json_object_get(j, "command"),
        "params", json_object_get(j, "params"), "inputs", json_object_get(j, "inputs"), "values",
        json_object_get(result, "values"), "host", json_get_text(result, "host", ""), "user",
        json_get_text(j, "user", ""), "started", started, "ended", ended, "run",
        json_object_get(j, "run"), "task", json_object_get(j, "task"), "attempt",
        json_object_get(j, "attempt"));
    char *text = doc ? json_pretty(doc, err) : NULL,
         *path = text ? provenance_path(output, err) : NULL;
    json_t *entry = path ? json_pack("{s:s, s:s}", "path", path, "text", text) : NULL;
    bool ok = entry && json_array_append_new(list, entry) == 0;
    mem_free(text);
    mem_free(path);
    json_decref(doc);
    return ok ||
        err_set(err, ERR_NOMEM,
                "out of memory while writing provenance (or a value is missing in job.json)");
}

static json_t *measured(const json_t *output, const struct file_measure *m)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "name",
                     json_get_text(output, "name", ""), "path", json_get_text(output, "final", ""),
                     "kind", json_get_text(output, "kind", "file"), "pattern",
                     json_get_text(output, "pattern", ""), "size", (json_int_t)m->size, "mtime_ns",
                     (json_int_t)m->mtime_ns, "files", (json_int_t)m->files);
}

/* One output into the journal: rights and group of the data folder, synced, measured, its moves and
 * provenance. */
static bool journal_output(const struct attempt *a, json_t *journal, const json_t *output,
                           struct err *err)
{
    json_t *result = json_object_get(journal, "result"), *moves = json_object_get(journal, "moves");
    const char *staging = json_get_text(output, "staging", ""),
               *final = json_get_text(output, "final", "");
    struct file_measure m;
    bool files = is_kind(output, "files");
    file_like_folder(staging, json_get_text(a->job, "like", "/nonexistent"));
    if (!file_sync_tree(staging, err)) {
        return false;
    }
    if (files ? !file_measure_glob(staging, json_get_text(output, "pattern", "*"), &m, err)
              : !file_measure(staging, &m, err)) {
        return false;
    }
    bool ok = in_place(output) ? true
        : files ? add_files(moves, output, json_get_bool(output, "replace", false), err)
                : add_move(moves, staging, final, err);
    json_t *row = ok ? measured(output, &m) : NULL;
    ok = ok && row && json_array_append_new(json_object_get(result, "outputs"), row) == 0;
    char *root = ok && !in_place(output) ? staging_root(output, err) : NULL;
    if (root) {
        ok = json_array_append_new(json_object_get(journal, "roots"), json_string(root)) == 0;
    }
    mem_free(root);
    if (!ok) {
        return err->code != ERR_NONE ? false
                                     : err_set(err, ERR_NOMEM, "out of memory while publishing");
    }
    return add_provenance(a, json_object_get(journal, "provenance"), output, result, err);
}

static bool write_json(const char *dir, const char *name, const json_t *value, bool sync,
                       struct err *err)
{
    char *text = json_text(value, err), *path = text ? path_join(dir, name, err) : NULL;
    bool ok = path && file_write(path, text, strlen(text), sync, err);
    mem_free(text);
    mem_free(path);
    return ok;
}

/* ---- carrying the journal out; every step may be done twice ---- */

/* *ret_folder: where it lies now (caller frees). */
static bool move_one(const json_t *move, char **ret_folder, struct err *err)
{
    const char *from = json_get_text(move, "from", ""), *to = json_get_text(move, "to", "");
    struct stat st;
    *ret_folder = path_dir(to, err);
    if (!*ret_folder) {
        return false;
    }
    if (lstat(to, &st) == 0 && (int64_t)st.st_ino == json_get_int(move, "ino", -1)) {
        return true; /* moved already; what still lies at `from` is the old one, exchanged out */
    }
    if (!file_exists(from)) {
        return err_set(err, ERR_IO, "'%s' vanished before it was published", from);
    }
    return file_mkdirs(*ret_folder, 0777, err) && file_replace(from, to, err);
}

/* Each folder is synced once, not after each of its files: a disk takes milliseconds for it. */
static bool move_all(const json_t *moves, struct err *err)
{
    char *last = NULL;
    bool ok = true;
    size_t i;
    json_t *move;
    json_array_foreach(moves, i, move)
    {
        char *folder = NULL;
        ok = ok && move_one(move, &folder, err);
        if (ok && (!last || strcmp(last, folder) != 0)) {
            ok = !last || file_sync(last, err);
            mem_free(last);
            last = folder;
        } else {
            mem_free(folder);
        }
    }
    ok = ok && (!last || file_sync(last, err));
    mem_free(last);
    return ok;
}

/* Files of a set that somebody else's output may share are measured again: the engine corrects
 * their records. */
static bool measure_touched(const json_t *job, json_t *result, struct err *err)
{
    size_t i;
    json_t *output, *touched = json_array();
    bool ok = touched && json_object_set_new(result, "touched", touched) == 0;
    json_array_foreach(json_object_get(job, "touches"), i, output)
    {
        struct file_measure m;
        const char *final = json_get_text(output, "final", "");
        if (ok && file_is_folder(final)) {
            ok = file_measure_glob(final, json_get_text(output, "pattern", "*"), &m, err);
            json_t *row = ok ? measured(output, &m) : NULL;
            ok = ok && row && json_array_append_new(touched, row) == 0;
        }
    }
    return ok || (err->code == ERR_NONE ? err_set(err, ERR_NOMEM, "out of memory") : false);
}

static bool carry_out(const json_t *job, json_t *journal, struct err *err)
{
    size_t i;
    json_t *entry;
    /* provenance first: whatever this puts into its place is known as Gantry's from the first
     * moment */
    json_array_foreach(json_object_get(journal, "provenance"), i, entry)
    {
        const char *text = json_get_text(entry, "text", ""),
                   *path = json_get_text(entry, "path", "");
        if (!file_write(path, text, strlen(text), false, err)) {
            return false;
        }
        file_like_folder(path, json_get_text(job, "like", "/nonexistent"));
    }
    if (!move_all(json_object_get(journal, "moves"), err)) {
        return false;
    }
    json_array_foreach(json_object_get(journal, "prune"), i, entry)
    {
        if (json_is_string(entry)) {
            (void)unlink(json_string_value(
                entry)); /* gone already is fine; what cannot go is only left over */
        }
    }
    json_array_foreach(json_object_get(journal, "roots"), i, entry)
    {
        if (json_is_string(entry) && !file_remove_tree(json_string_value(entry), err)) {
            return false;
        }
    }
    return measure_touched(job, json_object_get(journal, "result"), err);
}

bool publish(const struct attempt *a, json_t *result, struct err *err)
{
    size_t i;
    json_t *output, *outputs = json_object_get(a->job, "outputs");
    json_t *prune = json_object_get(json_object_get(result, "values"), "prune");
    json_t *journal = json_pack("{s:O, s:[], s:[], s:O, s:[]}", "result", result, "moves",
                                "provenance", "prune", prune ? prune : json_null(), "roots");
    bool ok = journal || err_set(err, ERR_NOMEM, "out of memory while publishing");
    if (ok && prune) {
        (void)json_object_del(json_object_get(result, "values"), "prune");
    }
    err->code = ERR_NONE;
    json_array_foreach(outputs, i, output)
    {
        bool present = false;
        ok = ok && check_output(a, output, &present, err);
        ok = ok && (!present || journal_output(a, journal, output, err));
    }
    if (ok && json_array_size(outputs) > 0) {
        ok = write_json(a->dir, "publish.json", journal, true, err) &&
            carry_out(a->job, journal, err);
    }
    json_decref(journal);
    return ok;
}

bool publish_recover(const struct attempt *a, const char *earlier_dir, json_t **ret_result,
                     struct err *err)
{
    char *journal_path = path_join(earlier_dir, "publish.json", err);
    char *job_path = journal_path ? path_join(earlier_dir, "job.json", err) : NULL;
    json_t *job = NULL, *journal = NULL;
    bool ok = job_path != NULL;
    *ret_result = NULL;
    if (ok && file_exists(job_path)) {
        job = json_read(job_path, err_ignore("a torn job.json means that the tool never started"));
    }
    if (ok && job && file_exists(journal_path)) {
        journal = json_read(journal_path,
                            err_ignore("the journal is renamed into place: torn it cannot be"));
    }
    const char *mine = json_get_text(a->job, "fingerprint", ""),
               *theirs = json_get_text(job, "fingerprint", "-");
    if (ok && journal && !strcmp(mine, theirs)) {
        bool done = carry_out(job, journal, err);
        *ret_result = done ? json_incref(json_object_get(journal, "result")) : NULL;
        if (!done && err->code == ERR_IO) { /* what was staged is gone: the tool runs again */
            staging_remove(job);
        } else {
            ok = done ||
                err_wrap(err, "finishing what attempt '%s' had begun to publish", earlier_dir);
        }
    } else if (ok && job) {
        staging_remove(job);
    }
    json_decref(job);
    json_decref(journal);
    mem_free(journal_path);
    mem_free(job_path);
    return ok;
}
