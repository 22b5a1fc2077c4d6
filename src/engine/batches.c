/* Rows of the store, then files of the program's own folder. */
#include "engine/batches.h"

#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/home.h"
#include "os/file.h"

static char *batches_folder(struct err *err)
{
    char *share = home_share(err);
    char *folder = share ? path_join(share, "batches", err) : NULL;
    mem_free(share);
    return folder;
}

static json_t *batch_row(const json_t *batch, const char *from)
{
    json_t *jobs = json_array();
    const json_t *list = json_object_get(batch, "jobs");
    for (size_t i = 0; jobs && i < json_array_size(list); i++) {
        (void)json_array_append_new(jobs,
                                    json_string(json_get_text(json_array_get(list, i), "id", "")));
    }
    return json_pack("{s:s, s:s, s:o, s:s, s:s}", "name", json_get_text(batch, "name", ""), "level",
                     json_get_text(batch, "level", "scan"), "jobs", jobs, "from", from,
                     "description", json_get_text(batch, "description", ""));
}

static bool has_name(const json_t *rows, const char *name)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!strcmp(json_get_text(json_array_get(rows, i), "name", ""), name)) {
            return true;
        }
    }
    return false;
}

static bool add_saved(struct store *s, json_t *rows, struct err *err)
{
    json_t *saved = s ? store_rows(s, err,
                                   "SELECT json AS batch_json FROM batch WHERE json<>'' ORDER BY "
                                   "name",
                                   "")
                      : NULL;
    bool ok = saved || !s;
    for (size_t i = 0; ok && i < json_array_size(saved); i++) {
        const json_t *batch = json_object_get(json_array_get(saved, i), "batch");
        ok = json_array_append_new(rows, batch_row(batch, "saved")) == 0 ||
            err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(saved);
    return ok;
}

/* Stars and groups; starred ones come first. A row without a batch marks one that ships. */
static bool add_marks(struct store *s, json_t *rows, struct err *err)
{
    json_t *marks = s ? store_rows(s, err,
                                   "SELECT name, starred AS starred_bool, grp AS \"group\" FROM "
                                   "batch ORDER BY starred, name DESC",
                                   "")
                      : NULL;
    json_t *mark, *row;
    size_t i, k;
    bool ok = marks || !s;
    json_array_foreach(rows, k, row)
    {
        (void)json_object_set_new(row, "starred", json_false());
        (void)json_object_set_new(row, "group", json_string(""));
    }
    json_array_foreach(marks, i, mark)
    {
        for (k = 0; ok && k < json_array_size(rows); k++) {
            row = json_array_get(rows, k);
            if (str_equal(json_get_text(row, "name", ""), json_get_text(mark, "name", NULL))) {
                ok = json_object_update(row, mark) == 0;
                if (ok && json_get_bool(mark, "starred", false)) {
                    json_incref(row);
                    ok =
                        json_array_remove(rows, k) == 0 && json_array_insert_new(rows, 0, row) == 0;
                }
                break;
            }
        }
    }
    json_decref(marks);
    return ok || (err->code == ERR_NONE ? err_set(err, ERR_NOMEM, "out of memory") : false);
}

static bool add_shipped(json_t *rows, struct err *err)
{
    char *folder = batches_folder(err);
    size_t n = 0;
    char **names = folder && file_is_folder(folder) ? file_list(folder, &n, err) : NULL;
    bool ok = folder && (names || !file_is_folder(folder));
    for (size_t i = 0; ok && i < n; i++) {
        char *path = str_ends(names[i], ".json") ? path_join(folder, names[i], err) : NULL;
        json_t *batch = path ? json_read(path, err) : NULL;
        if (path && !batch) {
            ok = false;
        } else if (batch && !has_name(rows, json_get_text(batch, "name", ""))) {
            ok = json_array_append_new(rows, batch_row(batch, "shipped")) == 0 ||
                err_set(err, ERR_NOMEM, "out of memory");
        }
        json_decref(batch);
        mem_free(path);
    }
    file_list_free(names);
    mem_free(folder);
    return ok;
}

json_t *batches_list(struct store *s, struct err *err)
{
    json_t *rows = json_array();
    if (!rows || !add_saved(s, rows, err) || !add_shipped(rows, err) || !add_marks(s, rows, err)) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

json_t *batches_find(struct store *s, const char *name, struct err *err)
{
    char *text = NULL, *folder = NULL, *path = NULL;
    json_t *batch = NULL;
    if (s &&
        !store_text(s, &text, err, "SELECT json FROM batch WHERE name=?1 AND json<>''", "s",
                    name)) {
        return NULL;
    }
    if (text) {
        batch = json_parse(text, strlen(text), name, err);
    } else {
        folder = strchr(name, '/') ? NULL : batches_folder(err);
        path = folder ? mem_printf(err, "%s/%s.json", folder, name) : NULL;
        if (path && file_exists(path)) {
            batch = json_read(path, err);
        } else {
            (void)err_set(err, ERR_USAGE, "there is no batch '%s' (gantry batch ls)", name);
        }
    }
    mem_free(path);
    mem_free(folder);
    mem_free(text);
    return batch;
}
