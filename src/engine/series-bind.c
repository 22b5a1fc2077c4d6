/* Rows of the catalog and files on the disk, put together for one task. */
#include "engine/series-bind.h"

#include <glob.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"

char *series_run_folder(struct store *s, int64_t run, const char *rec, const char *name,
                        struct err *err)
{
    char *folder = NULL;
    if (!store_text(s, &folder, err,
                    "SELECT folder FROM prediction WHERE run_id=?1 UNION ALL SELECT folder FROM "
                    "validation WHERE run_id=?1",
                    "i", run)) {
        return NULL;
    }
    return folder ? folder : mem_printf(err, "%s/%s", rec, name);
}

/* The folder of the run that "RUN#12" means; "" is the task's own. Caller frees. */
static char *folder_of(const struct series_bind *sb, const char *of, struct err *err)
{
    int64_t run = 0;
    char *name = NULL, *rec = NULL, *folder = NULL;
    if (!of[0]) {
        return mem_strdup(sb->folder, err);
    }
    if (!str_starts(of, "RUN#") || !num_int64(of + 4, &run)) {
        (void)err_set(err, ERR_USAGE, "'%s': a series refers to another run as RUN#12", of);
        return NULL;
    }
    bool ok =
        store_text(sb->store, &name, err, "SELECT name FROM run WHERE id=?1 AND project_id=?2",
                   "ii", run, sb->run->project) &&
        store_text(sb->store, &rec, err,
                   "SELECT coalesce(r.rec,p.rec) FROM run r JOIN project p ON p.id=r.project_id "
                   "WHERE r.id=?1",
                   "i", run) &&
        ((name && rec) ||
         err_set(err, ERR_USAGE, "there is no run %" PRId64 " in this project", run));
    folder = ok ? series_run_folder(sb->store, run, rec, name, err) : NULL;
    mem_free(name);
    mem_free(rec);
    return folder;
}

static bool add_file(json_t *rows, const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return true;
    }
    json_t *row = json_pack("{s:s, s:I, s:I}", "path", path, "size",
                            (json_int_t)(S_ISREG(st.st_mode) ? st.st_size : 0), "mtime_ns",
                            (json_int_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
    return (row && json_array_append_new(rows, row) == 0) ||
        err_set(err, ERR_NOMEM, "out of memory, or a path that is no valid UTF-8: '%.200s'", path);
}

/* A folder's own name is no pattern. */
static void add_escaped(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("*?[]\\", *text)) {
            str_addc(out, '\\');
        }
        str_addc(out, *text);
    }
}

static bool add_matches(json_t *rows, const char *folder, const char *pattern, struct err *err)
{
    struct str path = STR_INIT;
    glob_t g = {0};
    bool ok, plain = !strpbrk(pattern, "*?[");
    if (plain) {
        str_addf(&path, "%s/%s", folder, pattern);
        ok = str_ok(&path, err) && add_file(rows, str_text(&path), err);
        str_fini(&path);
        return ok;
    }
    add_escaped(&path, folder);
    str_addf(&path, "/%s", pattern);
    ok = str_ok(&path, err);
    if (ok && glob(str_text(&path), 0, NULL, &g) == 0) {
        for (size_t i = 0; ok && i < g.gl_pathc; i++) {
            ok = add_file(rows, g.gl_pathv[i], err);
        }
    }
    globfree(&g);
    str_fini(&path);
    return ok;
}

/* What lies in the folder of one series. */
static bool find_in(const char *folder, const char *stem, const json_t *spec, json_t *rows,
                    struct err *err)
{
    const json_t *file = json_object_get(spec, "FILE");
    size_t n = json_is_array(file) ? json_array_size(file) : 1;
    char *own = mem_printf(err, "%s/%s", folder, stem);
    bool ok = own != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const char *pattern =
            json_string_value(json_is_array(file) ? json_array_get(file, i) : file);
        ok = pattern ? add_matches(rows, own, pattern, err)
                     : err_set(err, ERR_USAGE, "a pattern is a text");
    }
    mem_free(own);
    return ok;
}

static bool find_of_all(struct series_bind *sb, const char *folder, const json_t *spec,
                        json_t *rows, struct err *err)
{
    json_t *id;
    size_t i;
    bool ok = true;
    json_array_foreach((json_t *)sb->collect, i, id)
    {
        char *stem = NULL;
        ok = ok &&
            store_text(sb->store, &stem, err, "SELECT stem FROM series WHERE item_id=?1", "i",
                       json_integer_value(id)) &&
            (!stem || find_in(folder, stem, spec, rows, err));
        mem_free(stem);
    }
    return ok;
}

static bool find(void *arg, const char *name, const json_t *spec, json_t *rows, struct err *err)
{
    struct series_bind *sb = arg;
    const json_t *file = json_object_get(spec, "FILE");
    char *folder = folder_of(sb, json_get_text(spec, "of", ""), err);
    size_t before = json_array_size(rows);
    bool ok = folder &&
        (sb->collect ? find_of_all(sb, folder, spec, rows, err)
                     : find_in(folder, sb->stem, spec, rows, err));
    if (ok && json_array_size(rows) == before && !json_get_bool(spec, "optional", false)) {
        const char *pattern =
            json_string_value(json_is_array(file) ? json_array_get(file, 0) : file);
        ok = err_set(err, ERR_FAILED, "input '%s' of %s: nothing matches '%s' in %s", name,
                     sb->collect ? "the series" : sb->stem, pattern ? pattern : "", folder);
    }
    mem_free(folder);
    return ok;
}

/* The row of the series, in texts of our own. */
static bool read_series(struct series_bind *sb, int64_t item, struct err *err)
{
    struct query *q =
        store_query(sb->store, err,
                    "SELECT path,uid,stem,patient,date FROM series WHERE item_id=?1", "i", item);
    bool found = q && query_next(q);
    if (found) {
        sb->own = path_join(sb->run->root, query_text(q, 0), err);
        sb->uid = mem_strdup(query_text(q, 1), err);
        sb->stem = mem_strdup(query_text(q, 2), err);
        sb->patient = mem_strdup(query_text(q, 3), err);
        sb->date = mem_strdup(query_text(q, 4), err);
    }
    bool ok = q && query_end(q, err);
    return ok &&
        (found ? sb->own && sb->uid && sb->stem && sb->patient && sb->date
               : err_set(err, ERR_FAILED, "the series is not in the catalog any more"));
}

bool series_bind_open(struct store *s, const struct active *run, int64_t item,
                      const json_t *collect, struct series_bind *ret, struct err *err)
{
    *ret = (struct series_bind){.store = s, .run = run, .collect = collect};
    ret->folder =
        series_run_folder(s, run->id, run->rec, json_get_text(run->batch, "name", "batch"), err);
    bool ok = ret->folder && read_series(ret, item, err);
    ret->out = !ok ? NULL
        : collect  ? mem_strdup(ret->folder, err)
                   : mem_printf(err, "%s/%s", ret->folder, ret->stem);
    if (!ret->out) {
        series_bind_close(ret);
        return false;
    }
    ret->bind = (struct bind_study){.out = ret->out,
                                    .pid = collect ? "" : ret->patient,
                                    .sid = collect ? "" : ret->date,
                                    .psid = collect ? "" : ret->stem,
                                    .own = ret->own,
                                    .uid = ret->uid,
                                    .stem = ret->stem,
                                    .collect = collect != NULL,
                                    .find = find,
                                    .arg = ret};
    return true;
}

void series_bind_close(struct series_bind *sb)
{
    mem_free(sb->folder);
    mem_free(sb->out);
    mem_free(sb->own);
    mem_free(sb->uid);
    mem_free(sb->stem);
    mem_free(sb->patient);
    mem_free(sb->date);
    *sb = (struct series_bind){.store = NULL};
}
