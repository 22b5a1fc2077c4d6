/* Batches and what people say of results: stars and groups of the list, copies, verdicts. */
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/apply.h"
#include "catalog/cohort.h"
#include "engine/batches.h"
#include "engine/engine.h"
#include "engine/op-run.h"
#include "engine/study.h"
#include "plan/batch.h"

static bool known(struct store *s, const char *name, struct err *err)
{
    json_t *batch = batches_find(s, name, err);
    bool ok = batch != NULL;
    json_decref(batch);
    return ok;
}

/* {"name", "starred"?, "group"?}: of the list, not of the batch. One that ships gets a row without
 * a batch of its own, so that it goes on following the program. */
bool op_batch_mark(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    const char *name = json_get_text(args, "name", ""), *group = json_get_text(args, "group", NULL);
    const json_t *starred = json_object_get(args, "starred");
    (void)e;
    (void)ret;
    return known(s, name, err) &&
        store_exec(s, err,
                   "INSERT INTO batch(name,json,changed_us) VALUES(?1,'',?2) ON CONFLICT(name) DO "
                   "NOTHING",
                   "si", name, clock_utc_us()) &&
        (!json_is_boolean(starred) ||
         store_exec(s, err, "UPDATE batch SET starred=?2 WHERE name=?1", "si", name,
                    (int64_t)json_is_true(starred))) &&
        (!group || store_exec(s, err, "UPDATE batch SET grp=?2 WHERE name=?1", "ss", name, group));
}

/* {"name", "as"} -> {"name"}: under another name, which must be free. */
bool op_batch_copy(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    const char *as = json_get_text(args, "as", "");
    int64_t taken = 0;
    json_t *batch = batches_find(s, json_get_text(args, "name", ""), err);
    bool ok = batch && json_put(batch, "name", json_string(as), err) &&
        batch_check(batch, e->tools, err) &&
        store_int(s, 0, &taken, err, "SELECT 1 FROM batch WHERE name=?1 AND json<>''", "s", as) &&
        (!taken || err_set(err, ERR_EXISTS, "there is a batch '%s' already", as)) &&
        store_exec(s, err,
                   "INSERT INTO batch(name,json,changed_us) VALUES(?1,?2,?3) ON CONFLICT(name) DO "
                   "UPDATE SET json=excluded.json, changed_us=excluded.changed_us",
                   "sji", as, batch, clock_utc_us());
    json_decref(batch);
    if (ok) {
        *ret = json_pack("{s:s}", "name", as);
    }
    return ok;
}

static bool tag_item(struct store *s, int64_t project, int64_t item, const char *level,
                     const char *tag, bool add, struct err *err)
{
    int64_t changed;
    json_t *args = study_level(level)
        ? json_pack("{s:I, s:s, s:[I], s:[s], s:b}", "project", (json_int_t)project, "domain",
                    level, "ids", (json_int_t)item, "tags", tag, "add", (int)add)
        : json_pack("{s:I, s:[I], s:s, s:b}", "project", (json_int_t)project, "items",
                    (json_int_t)item, "tag", tag, "add", (int)add);
    bool ok = (args || err_set(err, ERR_NOMEM, "out of memory")) &&
        (study_level(level) ? cohort_tag(s, args, &changed, err)
                            : apply_tag(s, args, &changed, err));
    json_decref(args);
    return ok;
}

/* {"run", "item", "good", "comment"?, "user"?}: what somebody says after looking. The item is
 * tagged good or bad, and loses the other. */
bool op_verdict_put(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                    struct err *err)
{
    int64_t run = json_get_int(args, "run", 0), item = json_get_int(args, "item", 0), project = 0;
    bool good = json_get_bool(args, "good", false);
    char *level = NULL;
    (void)e;
    (void)ret;
    bool ok = store_int(s, 0, &project, err, "SELECT project_id FROM run WHERE id=?1", "i", run) &&
        store_text(s, &level, err, "SELECT level FROM item WHERE id=?1 AND project_id=?2", "ii",
                   item, project) &&
        (level || err_set(err, ERR_USAGE, "there is no such run, or no such item in its project"));
    ok = ok &&
        store_exec(s, err,
                   "INSERT INTO verdict(run_id,item_id,good,comment,user,t_us) "
                   "VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(run_id,item_id) DO UPDATE SET "
                   "good=excluded.good,comment=excluded.comment,user=excluded.user,t_us=excluded.t_"
                   "us",
                   "iiissi", run, item, (int64_t)good, json_get_text(args, "comment", ""),
                   json_get_text(args, "user", ""), clock_utc_us()) &&
        tag_item(s, project, item, level, good ? "good" : "bad", true, err) &&
        tag_item(s, project, item, level, good ? "bad" : "good", false, err) &&
        store_event(s, "verdict", project, run, 0, item, good ? "good" : "bad", NULL, err);
    mem_free(level);
    return ok;
}
