/* Operations on the files of a cohort: taken into the catalog, given tags, taken off it. The work
 * is in catalog/cohort.c. */
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/cohort.h"
#include "engine/op-catalog.h"

/* FOLDER/.gantry-17/NAME -> FOLDER/NAME: where what a task is writing now will stand. *ret is NULL
 * when `path` is no such place. */
static bool published(const char *path, char **ret, struct err *err)
{
    static const char stage[] = "/.gantry-";
    const char *at = strstr(path, stage);
    const char *digits = at ? at + sizeof stage - 1 : NULL;
    size_t n = digits ? strspn(digits, "0123456789") : 0;
    *ret = NULL;
    if (!n || digits[n] != '/') {
        return true;
    }
    *ret = mem_printf(err, "%.*s%s", (int)(at - path), path, digits + n);
    return *ret != NULL;
}

static bool add_one(struct store *s, int64_t project, const char *path, const char *tags,
                    json_t *answer, struct err *err)
{
    char *final = NULL;
    int64_t file = 0;
    if (!path || *path != '/') {
        return err_set(err, ERR_USAGE, "'%s' is no absolute path", path ? path : "");
    }
    bool ok = published(path, &final, err) &&
        (final ? cohort_promise(s, project, final, tags, &file, err)
               : cohort_take(s, project, path, tags, &file, err));
    json_t *list = json_object_get(answer, !file ? "outside" : final ? "promised" : "files");
    ok = ok &&
        (json_array_append_new(list, file && !final ? json_integer(file) : json_string(path)) ==
             0 ||
         err_set(err, ERR_NOMEM, "out of memory"));
    mem_free(final);
    return ok;
}

/* {"project", "paths": [...], "tags": "a,b"?} -> {"files": [ids], "promised": [paths that a task is
 * still writing], "outside": [paths that are no file of a study]} */
static bool op_file_add(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                        struct err *err)
{
    (void)e;
    size_t i;
    const json_t *path;
    json_t *answer;
    bool ok = op_answer(&answer, err) && json_put(answer, "files", json_array(), err) &&
        json_put(answer, "promised", json_array(), err) &&
        json_put(answer, "outside", json_array(), err);
    json_array_foreach(json_object_get(args, "paths"), i, path)
    {
        ok = ok &&
            add_one(s, json_get_int(args, "project", 0), json_string_value(path),
                    json_get_text(args, "tags", NULL), answer, err);
    }
    return op_finish(ok, answer, ret);
}

/* {"project", "ids": [...]} -> {"dropped": n} */
static bool op_file_drop(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                         struct err *err)
{
    (void)e;
    size_t i;
    int64_t n = 0;
    const json_t *id;
    json_t *answer;
    bool ok = op_answer(&answer, err);
    json_array_foreach(json_object_get(args, "ids"), i, id)
    {
        bool was = false;
        ok = ok &&
            cohort_drop(s, json_get_int(args, "project", 0), json_integer_value(id), &was, err);
        n += was;
    }
    return op_finish(ok && json_put(answer, "dropped", json_integer(n), err), answer, ret);
}

const struct op ops_file[] = {
    {"file.add", op_file_add},
    {"file.drop", op_file_drop},
    {"annotation.put", op_annotation_put},
    {"annotation.mark", op_annotation_mark},
    {NULL, NULL},
};
