/* Data sets as rows: made, renamed, removed, looked up. */
#include "catalog/dataset.h"

#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"

#define NAME_MAX_BYTES 120
/* A message that lists names stays one readable line. */
#define NAMES_SHOWN 300

static bool check_name(struct store *s, const char *name, int64_t own, struct err *err)
{
    int64_t other = 0;
    if (!*name || strlen(name) > NAME_MAX_BYTES || strpbrk(name, "/\n\r\t") ||
        str_starts(name, "id:") || name[0] == '-' || name[0] == ' ') {
        return err_set(
            err, ERR_USAGE,
            "'%.60s' cannot be a data set's name: 1 to %d bytes, no slash, not beginning "
            "with a blank, - or id:",
            name, NAME_MAX_BYTES);
    }
    return store_int(s, 0, &other, err, "SELECT id FROM dataset WHERE name=?1", "s", name) &&
        (!other || other == own ||
         err_set(err, ERR_EXISTS,
                 "there is a data set '%s' already: take another name, or gantry dataset scan '%s' "
                 "to look for new files",
                 name, name));
}

bool dataset_name_check(struct store *s, const char *name, struct err *err)
{
    return check_name(s, name, 0, err);
}

/* DICOM's code strings: CT, MR, PT... */
static bool check_modality(const char *word, struct err *err)
{
    return (strlen(word) <= 16 &&
            strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(word)) ||
        err_set(err, ERR_USAGE,
                "modality '%.40s': a word such as CT, MR or PT is wanted, in capitals", word);
}

bool dataset_add(struct store *s, const json_t *args, int64_t *ret_id, struct err *err)
{
    const char *name = json_get_text(args, "name", ""),
               *modality = json_get_text(args, "modality", "");
    json_t *places = json_object_get(args, "places");
    int64_t project = json_get_int(args, "project", 0);
    if (!json_array_size(places)) {
        return err_set(err, ERR_USAGE, "a data set needs a folder or files");
    }
    if (!check_name(s, name, 0, err) || !check_modality(modality, err) ||
        !store_exec(s, err,
                    "INSERT INTO dataset(project_id,name,description,places,modality,user,"
                    "created_us) VALUES(?1,?2,?3,?4,?5,?6,?7)",
                    "issjssi", project, name, json_get_text(args, "description", ""), places,
                    modality, json_get_text(args, "user", ""), clock_utc_us())) {
        return false;
    }
    *ret_id = store_last_id(s);
    return store_event(s, "dataset.added", project, 0, 0, 0, name, NULL, err);
}

bool dataset_project(struct store *s, int64_t dataset, int64_t *ret_project, struct err *err)
{
    int64_t project = 0;
    if (!store_int(s, 0, &project, err, "SELECT project_id FROM dataset WHERE id=?1", "i",
                   dataset)) {
        return false;
    }
    if (!project) {
        return err_set(err, ERR_NOTHING, "there is no data set number %" PRId64, dataset);
    }
    *ret_project = project;
    return true;
}

bool dataset_change(struct store *s, const json_t *args, struct err *err)
{
    int64_t id = json_get_int(args, "dataset", 0), project;
    const char *name = json_get_text(args, "name", NULL),
               *text = json_get_text(args, "description", NULL),
               *modality = json_get_text(args, "modality", NULL);
    if (!dataset_project(s, id, &project, err) || (name && !check_name(s, name, id, err)) ||
        (modality && !check_modality(modality, err))) {
        return false;
    }
    return store_exec(s, err,
                      "UPDATE dataset SET name=coalesce(?2,name),"
                      "description=coalesce(?3,description),modality=coalesce(?4,modality) WHERE "
                      "id=?1",
                      "isss", id, name, text, modality) &&
        (!modality ||
         store_exec(s, err,
                    "UPDATE series SET modality=?2 WHERE said=0 AND item_id IN (SELECT item_id "
                    "FROM dataset_item WHERE dataset_id=?1)",
                    "is", id, modality));
}

bool dataset_remove(struct store *s, int64_t dataset, struct err *err)
{
    int64_t project;
    return dataset_project(s, dataset, &project, err) &&
        store_exec(s, err, "CREATE TEMP TABLE IF NOT EXISTS dataset_left(id INTEGER PRIMARY KEY)",
                   "") &&
        store_exec(s, err, "DELETE FROM temp.dataset_left", "") &&
        store_exec(s, err,
                   "INSERT INTO temp.dataset_left SELECT item_id FROM dataset_item d WHERE "
                   "dataset_id=?1 AND NOT EXISTS(SELECT 1 FROM dataset_item o WHERE "
                   "o.item_id=d.item_id AND o.dataset_id<>?1) AND NOT EXISTS(SELECT 1 FROM task "
                   "WHERE item_id=d.item_id) AND NOT EXISTS(SELECT 1 FROM annotation WHERE "
                   "item_id=d.item_id)",
                   "i", dataset) &&
        store_exec(s, err, "DELETE FROM dataset_item WHERE dataset_id=?1", "i", dataset) &&
        store_exec(s, err, "DELETE FROM series WHERE item_id IN (SELECT id FROM temp.dataset_left)",
                   "") &&
        store_exec(s, err, "DELETE FROM item WHERE id IN (SELECT id FROM temp.dataset_left)", "") &&
        store_exec(s, err, "DELETE FROM dataset WHERE id=?1", "i", dataset) &&
        store_event(s, "dataset.removed", project, 0, 0, 0, "", NULL, err);
}

static bool unknown(struct store *s, const char *name, struct err *err)
{
    struct str known = STR_INIT;
    struct query *q = store_query(s, err, "SELECT name FROM dataset ORDER BY name", "");
    if (!q) {
        return false;
    }
    while (query_next(q)) {
        if (known.len < NAMES_SHOWN) {
            str_addf(&known, "%s%s", known.len ? ", " : "", query_text(q, 0));
        }
    }
    if (query_end(q, err)) {
        (void)err_set(err, ERR_NOTHING, "there is no data set '%.100s' (%s%s)", name,
                      known.len ? "there are: " : "none is registered: gantry dataset add",
                      str_text(&known));
    }
    str_fini(&known);
    return false;
}

bool dataset_find(struct store *s, const char *name, int64_t *ret_id, int64_t *ret_project,
                  struct err *err)
{
    int64_t id = 0, project = 0, number = 0;
    bool by_id = str_starts(name, "id:") && num_int64(name + 3, &number);
    if (!store_int(s, 0, &id, err,
                   "SELECT id FROM dataset WHERE CASE WHEN ?2>0 THEN id=?2 ELSE name=?1 END", "si",
                   name, by_id ? number : 0)) {
        return false;
    }
    if (!id) {
        return unknown(s, name, err);
    }
    if (!dataset_project(s, id, &project, err)) {
        return false;
    }
    *ret_id = id;
    if (ret_project) {
        *ret_project = project;
    }
    return true;
}
