/* Who has several rows is asked of the store; whether they are pieces of one, of the headers. */
#include "cli/dataset-merge.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/child.h"

struct merging {
    const char *root;
    const struct series_units *units;
    json_t *rows, *pieces;
    json_t *found; /* folder -> lines of gantry-imaging series */
    struct err *err;
};

static int by_path(const void *key, const void *unit)
{
    return strcmp(key, ((const struct series_unit *)unit)->path);
}

const struct series_unit *dataset_unit(const struct series_units *units, const char *path)
{
    return units->n ? bsearch(path, units->list, units->n, sizeof *units->list, by_path) : NULL;
}

/* Does `path` lie in the folder `parent`, not deeper? Both relative. */
static bool directly_in(const char *path, const char *parent)
{
    const char *below = strcmp(parent, ".") ? path_below(path, parent) : path;
    return below && *below && strcmp(below, ".") != 0 && !strchr(below, '/');
}

/* --- what was merged before */

static bool unchanged(const json_t *row, const struct series_unit *u)
{
    return u && json_get_int(row, "size", -1) == u->size &&
        json_get_int(row, "mtime_ns", -1) == u->mtime_ns;
}

static bool is_piece(const json_t *row)
{
    return json_get_int(row, "gone", 0) && !strcmp(json_get_text(row, "kind", ""), DATASET_PIECE);
}

/* "uid" -> [pieces], each with its "path". */
static json_t *pieces_of(const json_t *known, struct err *err)
{
    json_t *all = json_object(), *rows, *row;
    const char *path;
    size_t i;
    bool ok = all != NULL;
    json_object_foreach((json_t *)known, path, rows)
    {
        json_array_foreach(rows, i, row)
        {
            const char *uid = json_get_text(row, "uid", "");
            if (ok && is_piece(row) && !json_object_get(all, uid)) {
                ok = json_object_set_new(all, uid, json_array()) == 0;
            }
            ok = ok && (!is_piece(row) || json_array_append(json_object_get(all, uid), row) == 0);
        }
    }
    if (!ok) {
        json_decref(all);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return all;
}

/* How many of the pieces lie in folders of `path`; *ret_intact: all of them as they were. */
static size_t look(const json_t *pieces, const struct series_units *units, const char *path,
                   bool *ret_intact)
{
    const json_t *row;
    size_t i, n = 0;
    *ret_intact = true;
    json_array_foreach(pieces, i, row)
    {
        const char *other = json_get_text(row, "path", "");
        if (directly_in(other, path)) {
            n++;
            *ret_intact = *ret_intact && unchanged(row, dataset_unit(units, other));
        }
    }
    return n;
}

bool dataset_merged(const json_t *known, const struct series_units *units, json_t *whole,
                    json_t *again, struct err *err)
{
    json_t *pieces = pieces_of(known, err), *rows, *row;
    const char *path;
    size_t i;
    bool ok = pieces != NULL, intact = false;
    json_object_foreach((json_t *)known, path, rows)
    {
        json_array_foreach(rows, i, row)
        {
            const char *uid = json_get_text(row, "uid", "");
            const json_t *mine = json_object_get(pieces, uid);
            const struct series_unit *own = dataset_unit(units, path);
            if (!mine || json_get_int(row, "gone", 0) || !look(mine, units, path, &intact)) {
                continue;
            }
            intact = intact && (!own || unchanged(row, own));
            ok = ok &&
                (intact ? json_object_set_new(whole, uid, json_string(path))
                        : json_object_set_new(again, path, json_true())) == 0;
        }
    }
    bool told = pieces == NULL;
    json_decref(pieces);
    return ok || (!told && err_set(err, ERR_NOMEM, "out of memory"));
}

/* --- merging */

/* The folder that holds all of rows[first, first + n), when they lie in it or in folders of it;
 * relative, the caller's. *ret = NULL: they do not belong together. */
static bool holder(struct merging *m, const json_t *rows, size_t first, size_t n, char **ret)
{
    const char **paths = mem_array(n, sizeof *paths, m->err);
    bool ok = paths != NULL, fits = ok;
    for (size_t i = 0; ok && i < n; i++) {
        const char *path = json_get_text(json_array_get(rows, first + i), "path", "");
        const struct series_unit *u = dataset_unit(m->units, path);
        fits = fits && (!u || !strcmp(u->kind, "folder"));
        paths[i] = mem_printf(m->err, "/%s", strcmp(path, ".") ? path : "");
        ok = paths[i] != NULL;
    }
    char *common = ok && fits ? path_common(paths, n, m->err) : NULL;
    ok = ok && (common || !fits);
    for (size_t i = 0; common && fits && i < n; i++) {
        const char *below = path_below(paths[i], common);
        fits = below && !strchr(below, '/');
    }
    if (common && fits) {
        *ret = mem_strdup(common[1] ? common + 1 : ".", m->err);
        ok = *ret != NULL;
    }
    for (size_t i = 0; paths && i < n; i++) {
        mem_free((char *)paths[i]);
    }
    mem_free(paths);
    mem_free(common);
    return ok;
}

/* What the reader says of `path`, a line a series. When it crashes, or says nothing that can be
 * understood, there are no lines: the pieces stay pieces, and the rest goes on. */
static bool read_lines(struct merging *m, const char *path, json_t *lines)
{
    const char *args[] = {"series", path, NULL};
    struct str out = STR_INIT;
    struct err why = {ERR_NONE, ""};
    bool read = child_imaging(args, &out, &why), ok = true;
    for (const char *at = str_text(&out), *nl; ok && read && (nl = strchr(at, '\n')); at = nl + 1) {
        json_t *line = json_parse(at, (size_t)(nl - at), "series", &why);
        read = line != NULL;
        ok = !line || json_array_append_new(lines, line) == 0;
    }
    str_fini(&out);
    if (!ok || why.code == ERR_NOMEM) {
        return err_set(m->err, ERR_NOMEM, "out of memory");
    }
    return read || json_array_clear(lines) == 0;
}

/* Lines of everything below the folder; read once. */
static const json_t *lines_of(struct merging *m, const char *folder)
{
    json_t *lines = json_object_get(m->found, folder);
    if (lines) {
        return lines;
    }
    char *path = path_join(m->root, strcmp(folder, ".") ? folder : "", m->err);
    bool ok = path != NULL;
    lines = ok ? json_array() : NULL;
    ok = ok &&
        ((lines && json_object_set(m->found, folder, lines) == 0) ||
         err_set(m->err, ERR_NOMEM, "out of memory"));
    ok = ok && read_lines(m, path, lines);
    json_decref(lines); /* m->found holds it */
    mem_free(path);
    return ok ? lines : NULL;
}

/* The whole series as the folder has it; NULL when no volume comes of it. */
static const json_t *whole_of(const json_t *lines, const char *uid, size_t *ret_n)
{
    const json_t *line, *whole = NULL;
    size_t i;
    *ret_n = 0;
    json_array_foreach(lines, i, line)
    {
        if (!strcmp(json_get_text(line, "kind", ""), "dicom")) {
            ++*ret_n;
            if (!strcmp(json_get_text(line, "uid", ""), uid) && !json_object_get(line, "problem")) {
                whole = line;
            }
        }
    }
    return whole;
}

/* The row of the whole, when it has more slices than any piece; then the pieces go. */
static bool take(struct merging *m, const json_t *rows, size_t first, size_t n, const char *folder,
                 const json_t *whole, bool many)
{
    const struct series_unit *own = dataset_unit(m->units, folder);
    int64_t most = 0, size = 0, mtime_ns = 0;
    json_t *row = NULL;
    for (size_t i = first; i < first + n; i++) {
        const json_t *piece = json_array_get(rows, i);
        if (!own && !strcmp(json_get_text(piece, "path", ""), folder)) {
            continue; /* what was merged before */
        }
        int64_t slices = json_get_int(piece, "slices", 0), at = json_get_int(piece, "mtime_ns", 0);
        most = slices > most ? slices : most;
        size += json_get_int(piece, "size", 0);
        mtime_ns = at > mtime_ns ? at : mtime_ns;
    }
    if (!whole || json_get_int(whole, "slices", 0) <= most) {
        return true;
    }
    row = json_copy((json_t *)whole);
    bool ok = row && json_put(row, "path", json_string(folder), m->err) &&
        json_put(row, "size", json_integer(own ? own->size : size), m->err) &&
        json_put(row, "mtime_ns", json_integer(own ? own->mtime_ns : mtime_ns), m->err) &&
        json_put(row, "many", json_boolean(many), m->err) && json_array_append(m->rows, row) == 0;
    for (size_t i = first; ok && i < first + n; i++) {
        const json_t *piece = json_array_get(rows, i);
        if (strcmp(json_get_text(piece, "path", ""), folder) != 0) {
            ok = json_array_append(m->pieces, json_object_get(piece, "id")) == 0;
        }
    }
    json_decref(row);
    return ok || err_set(m->err, ERR_NOMEM, "out of memory");
}

static bool merge_one(struct merging *m, const json_t *rows, size_t first, size_t n)
{
    char *folder = NULL;
    const json_t *lines = NULL;
    size_t series = 0;
    bool ok =
        holder(m, rows, first, n, &folder) && (!folder || (lines = lines_of(m, folder)) != NULL);
    if (ok && folder) {
        const char *uid = json_get_text(json_array_get(rows, first), "uid", "");
        const json_t *whole = whole_of(lines, uid, &series);
        ok = take(m, rows, first, n, folder, whole, series > 1);
    }
    mem_free(folder);
    return ok;
}

bool dataset_merge(struct store *s, int64_t dataset, const char *root,
                   const struct series_units *units, json_t *rows, json_t *pieces, struct err *err)
{
    struct merging m = {.root = root,
                        .units = units,
                        .rows = rows,
                        .pieces = pieces,
                        .found = json_object(),
                        .err = err};
    json_t *found = store_rows(
        s, err,
        "WITH p AS (SELECT y.uid,y.path,i.id,y.n_slices AS slices,i.size,i.mtime_ns,"
        "count(*) OVER (PARTITION BY y.uid) AS n FROM dataset_item d JOIN series y ON "
        "y.item_id=d.item_id JOIN item i ON i.id=d.item_id WHERE d.dataset_id=?1 AND i.gone=0 AND "
        "y.kind='dicom' AND y.uid<>'') SELECT * FROM p WHERE n>1 ORDER BY uid,path",
        "i", dataset);
    bool ok = found && (m.found || err_set(err, ERR_NOMEM, "out of memory"));
    for (size_t at = 0; ok && at < json_array_size(found);) {
        size_t n = (size_t)json_get_int(json_array_get(found, at), "n", 1);
        ok = merge_one(&m, found, at, n);
        at += n;
    }
    json_decref(m.found);
    json_decref(found);
    return ok;
}
