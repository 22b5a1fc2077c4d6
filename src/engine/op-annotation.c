/*
 * What people say of predictions, and the masks they drew: <rec>/annotations/<stem>/v001.nii.gz and
 * v001.json. A version once written is never written over; two people who save at once get two. The
 * mask was checked by whoever asks (api/route-annotations.c) and lies beside its place already.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/op-catalog.h"
#include "os/file.h"

#define VERSIONS 100000

struct annotation {
    int64_t item, run, project, version, id;
    const char *state, *comment, *user;
    char *path, *facts; /* of its mask; NULL for a verdict on the prediction as it is */
};

static bool check(struct store *s, struct annotation *a, const json_t *args, struct err *err)
{
    int64_t part = 1;
    a->item = json_get_int(args, "item", 0);
    a->run = json_get_int(args, "run", 0);
    a->state = json_get_text(args, "state", "draft");
    a->comment = json_get_text(args, "comment", "");
    a->user = json_get_text(args, "user", "");
    if (strcmp(a->state, "draft") != 0 && strcmp(a->state, "accepted") != 0 &&
        strcmp(a->state, "rejected") != 0) {
        return err_set(err, ERR_USAGE, "state is draft, accepted or rejected, not '%.40s'",
                       a->state);
    }
    return store_int(s, 0, &a->project, err,
                     "SELECT i.project_id FROM series s JOIN item i ON i.id=s.item_id WHERE "
                     "s.item_id=?1",
                     "i", a->item) &&
        (a->project || err_set(err, ERR_NOTHING, "there is no series %" PRId64, a->item)) &&
        (!a->run ||
         store_int(s, 0, &part, err,
                   "SELECT 1 FROM prediction p JOIN task t ON t.run_id=p.run_id WHERE p.run_id=?1 "
                   "AND t.item_id=?2 LIMIT 1",
                   "ii", a->run, a->item)) &&
        (part ||
         err_set(err, ERR_NOTHING, "series %" PRId64 " is not part of prediction %" PRId64, a->item,
                 a->run));
}

/* The first number that is free in the store and on the disk; the mask is moved there. */
static bool publish(struct store *s, struct annotation *a, const char *from, struct err *err)
{
    char *folder = path_dir(from, err);
    bool ok = folder &&
        store_int(s, 0, &a->version, err,
                  "SELECT coalesce(max(version),0) FROM annotation WHERE item_id=?1", "i", a->item);
    do {
        mem_free(a->path);
        a->version++;
        a->path = ok ? mem_printf(err, "%s/v%03" PRId64 ".nii.gz", folder, a->version) : NULL;
        ok = a->path != NULL;
    } while (ok && file_exists(a->path) && a->version < VERSIONS);
    a->facts = ok ? mem_printf(err, "%s/v%03" PRId64 ".json", folder, a->version) : NULL;
    ok = a->facts != NULL;
    /* this process is the only one that puts masks there, so nothing came in between */
    if (ok && rename(from, a->path) != 0) {
        ok = err_errno(err, errno, "putting the mask in its place");
    }
    mem_free(folder);
    return ok;
}

static bool write_facts(const struct annotation *a, const json_t *facts, int64_t now,
                        struct err *err)
{
    char iso[32];
    clock_iso(now, iso, sizeof iso);
    json_t *doc =
        json_pack("{s:i, s:I, s:s, s:s, s:s, s:s, s:O?}", "gantry", 1, "version",
                  (json_int_t)a->version, "state", a->state, "comment", a->comment, "user", a->user,
                  "saved", iso, "labels", json_object_get(facts, "labels"));
    bool ok = doc && (!a->run || json_put(doc, "of_run", json_integer(a->run), err));
    char *text = ok ? json_pretty(doc, err) : NULL;
    ok = text ? file_write(a->facts, text, strlen(text), true, err)
              : err_set(err, ERR_NOMEM, "out of memory");
    mem_free(text);
    json_decref(doc);
    return ok;
}

static bool insert(struct store *s, struct annotation *a, int64_t now, struct err *err)
{
    return store_exec(
               s, err,
               "INSERT INTO annotation(item_id,run_id,version,state,path,comment,user,t_us) "
               "VALUES(?1,nullif(?2,0),?3,?4,?5,?6,?7,?8) ON CONFLICT(item_id,run_id,version) "
               "DO UPDATE SET state=excluded.state,comment=excluded.comment,user=excluded.user,"
               "t_us=excluded.t_us WHERE version=0",
               "iiissssi", a->item, a->run, a->version, a->state, a->path ? a->path : "",
               a->comment, a->user, now) &&
        store_int(s, 0, &a->id, err,
                  "SELECT id FROM annotation WHERE item_id=?1 AND run_id IS nullif(?2,0) AND "
                  "version=?3",
                  "iii", a->item, a->run, a->version);
}

static bool tell(struct store *s, const struct annotation *a, struct err *err)
{
    char text[80];
    json_t *data = json_pack("{s:I, s:I, s:s, s:s, s:s}", "annotation", (json_int_t)a->id,
                             "version", (json_int_t)a->version, "state", a->state, "user", a->user,
                             "comment", a->comment);
    (void)snprintf(text, sizeof text, "version %" PRId64 ": %s", a->version, a->state);
    bool ok = data ? store_event(s, "annotation", a->project, a->run, 0, a->item, text, data, err)
                   : err_set(err, ERR_NOMEM, "out of memory");
    json_decref(data);
    return ok;
}

/* {"item", "run"?, "state"?, "comment"?, "user"?, "file"?: a checked mask in the folder of the
 * item's annotations, "facts"?: {"labels"}} -> {"id", "version"}. Without a file: a verdict on the
 * prediction as it is, version 0. */
bool op_annotation_put(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                       struct err *err)
{
    struct annotation a = {.item = 0};
    const char *file = json_get_text(args, "file", NULL);
    int64_t now = clock_utc_us();
    (void)e;
    bool ok = check(s, &a, args, err) &&
        (file || a.run || err_set(err, ERR_USAGE, "name the prediction, or send a mask"));
    ok = ok && (!file || publish(s, &a, file, err));
    ok = ok && (!file || write_facts(&a, json_object_get(args, "facts"), now, err)) &&
        insert(s, &a, now, err) && tell(s, &a, err);
    if (ok) {
        *ret = json_pack("{s:I, s:I}", "id", (json_int_t)a.id, "version", (json_int_t)a.version);
        ok = *ret || err_set(err, ERR_NOMEM, "out of memory");
    }
    mem_free(a.path);
    mem_free(a.facts);
    return ok;
}

/* {"id", "state", "comment"?, "user"?}: what somebody says of a version. Who drew it stays in its
 * row, who judged it is an event. */
bool op_annotation_mark(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                        struct err *err)
{
    struct annotation a = {.id = json_get_int(args, "id", 0)};
    (void)e;
    (void)ret;
    json_t *rows = store_rows(
        s, err, "SELECT item_id,run_id,version,comment FROM annotation WHERE id=?1", "i", a.id);
    const json_t *row = json_array_get(rows, 0);
    json_t *full = row ? json_copy((json_t *)args) : NULL;
    bool ok = rows && (row || err_set(err, ERR_NOTHING, "there is no annotation %" PRId64, a.id)) &&
        (full || err_set(err, ERR_NOMEM, "out of memory"));
    if (ok) {
        ok = json_put(full, "item", json_integer(json_get_int(row, "item_id", 0)), err) &&
            json_put(full, "run", json_integer(json_get_int(row, "run_id", 0)), err) &&
            (json_object_get(full, "comment") ||
             json_put(full, "comment", json_string(json_get_text(row, "comment", "")), err));
    }
    ok = ok && check(s, &a, full, err);
    a.version = json_get_int(row, "version", 0);
    ok = ok &&
        store_exec(s, err, "UPDATE annotation SET state=?2,comment=?3 WHERE id=?1", "iss", a.id,
                   a.state, a.comment) &&
        tell(s, &a, err);
    json_decref(full);
    json_decref(rows);
    return ok;
}
