/* Why a task would run or not, taking existing outputs as done, saved batches, and what the engine
 * is doing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "collect/cached.h"
#include "engine/difference.h"
#include "engine/engine.h"
#include "engine/op-run.h"
#include "engine/prepare.h"
#include "os/file.h"
#include "plan/batch.h"

/* ---- why ---- */

static json_t *task_row(struct store *s, int64_t task, struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT id,run_id,item_id,job,job_id,tool,state,fingerprint,coalesce(basis,'null') AS "
        "basis_json,"
        "message,force AS force_bool,coalesce(cached_from,0) AS cached_from FROM task WHERE id=?1",
        "i", task);
    json_t *row = json_incref(json_array_get(rows, 0));
    if (rows && !row) {
        (void)err_set(err, ERR_USAGE, "there is no task %" PRId64, task);
    }
    json_decref(rows);
    return row;
}

static void add_reason(json_t *reasons, const char *text)
{
    (void)json_array_append_new(reasons, json_string(text));
}

static bool explain(struct engine *e, struct store *s, const json_t *t, json_t *reasons,
                    json_t *changes, struct err *err)
{
    struct bound b = {0};
    struct err why = {ERR_NONE, ""};
    char text[600];
    int64_t cached = 0, from = json_get_int(t, "cached_from", 0), id = json_get_int(t, "id", 0);
    enum task_state state = (enum task_state)json_get_int(t, "state", 0);
    bool there = false;
    char *missing = NULL;
    bool known = engine_find_run(e, json_get_int(t, "run_id", 0)) != NULL;
    if (!known && !engine_load_run(e, json_get_int(t, "run_id", 0), err)) {
        return false;
    }
    struct active *run = engine_find_run(e, json_get_int(t, "run_id", 0));
    run->cancelled = run->cancelled || !known; /* looking at it does not start it */
    struct prepare in = {.run = run,
                         .item = json_get_int(t, "item_id", 0),
                         .task = id,
                         .job = (int)json_get_int(t, "job", 0),
                         .n = 1,
                         .threads = 1,
                         .gpu = -1,
                         .dir = "ATTEMPT"};
    if (!prepare_task(e, s, &in, &b, &why)) {
        (void)snprintf(text, sizeof text, "it cannot run now: %s", why.text);
        add_reason(reasons, text);
        return true;
    }
    if (json_is_object(json_object_get(t, "basis"))) {
        json_t *now = json_loads(b.basis, 0, NULL);
        difference(changes, "", json_object_get(t, "basis"), now);
        json_decref(now);
    }
    bool ok = cached_find(s, run->project, b.fingerprint, &cached, err) &&
        cached_outputs_intact(s, from ? from : id, &there, &missing, err);
    if (json_get_bool(t, "force", false)) {
        add_reason(reasons, "a retry was asked for: the cache is not looked at");
    } else if (json_is_null(json_object_get(t, "basis"))) {
        (void)snprintf(text, sizeof text,
                       cached ? "it would be skipped: task %" PRId64
                                " did the same work and its outputs are in place"
                              : "it has not been done yet",
                       cached);
        add_reason(reasons, text);
    } else if (json_array_size(changes) > 0) {
        add_reason(reasons, "it would run again: what it is made from has changed");
    } else if (missing) {
        (void)snprintf(text, sizeof text,
                       "it would run again: '%.400s' is missing or was changed since", missing);
        add_reason(reasons, text);
    } else {
        add_reason(reasons,
                   state == TASK_CACHED
                       ? "skipped as cached: same fingerprint, every output in place"
                       : "it would be skipped: same fingerprint, every output in place");
    }
    mem_free(missing);
    bound_fini(&b);
    return ok;
}

bool op_task_why(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                 struct err *err)
{
    json_t *t = task_row(s, json_get_int(args, "task", 0), err), *reasons = json_array(),
           *changes = json_array();
    bool ok = t && reasons && changes;
    const char *message = json_get_text(t, "message", "");
    if (ok && message[0]) {
        add_reason(reasons, message);
    }
    ok = ok && explain(e, s, t, reasons, changes, err);
    if (ok) {
        *ret = json_pack("{s:O, s:s, s:O, s:O}", "task", json_object_get(t, "id"), "state",
                         task_state_name((enum task_state)json_get_int(t, "state", 0)), "reasons",
                         reasons, "changed", changes);
        ok = *ret || err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(t);
    json_decref(reasons);
    json_decref(changes);
    return ok;
}

/* ---- adopt ---- */

static bool record(struct store *s, int64_t task, const json_t *outputs, bool *ret_all,
                   struct err *err)
{
    size_t i;
    json_t *o;
    *ret_all = json_array_size(outputs) > 0;
    json_array_foreach((json_t *)outputs, i, o)
    {
        struct file_measure m = {0};
        const char *path = json_get_text(o, "final", ""), *kind = json_get_text(o, "kind", "file"),
                   *pattern = json_get_text(o, "pattern", "");
        struct err *quiet = err_ignore("what cannot be measured is not there");
        bool there = !strcmp(kind, "files") ? file_measure_glob(path, pattern, &m, quiet)
                                            : file_measure(path, &m, quiet);
        if (!there || m.files == 0 || m.size == 0) {
            *ret_all = *ret_all && json_get_bool(o, "optional", false);
            continue;
        }
        if (!store_exec(s, err,
                        "INSERT INTO output(task_id,name,path,kind,pattern,size,mtime_ns,files) "
                        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
                        "issssiii", task, json_get_text(o, "name", ""), path, kind, pattern, m.size,
                        m.mtime_ns, m.files)) {
            return false;
        }
    }
    return true;
}

/* Are the outputs there of a job that could not be bound? Then its centre is what is missing. */
static bool lacks_its_centre(struct engine *e, struct store *s, const struct prepare *in)
{
    struct bound b = {0};
    json_t *o;
    size_t i;
    bool there = prepare_without_centre(e, s, in, &b, err_ignore("then it is not the centre"));
    json_array_foreach(b.outputs, i, o)
    {
        there = there &&
            (json_get_bool(o, "optional", false) || file_exists(json_get_text(o, "final", "")));
    }
    there = there && json_array_size(b.outputs) > 0;
    bound_fini(&b);
    return there;
}

/* One job of one item: a done task when all its outputs lie there. Otherwise ret_why may say what
 * else is missing. */
static bool adopt_one(struct engine *e, struct store *s, struct active *run, int64_t item, int job,
                      bool *ret, struct err *ret_why, struct err *err)
{
    struct bound b = {0};
    struct err why;
    bool all = false;
    const json_t *j = json_array_get(json_object_get(run->batch, "jobs"), (size_t)job);
    if (!store_exec(s, err,
                    "INSERT INTO task(run_id,item_id,job,job_id,tool,state,started_us,ended_us) "
                    "VALUES(?1,?2,?3,?4,?5,8,?6,?6)",
                    "iiissi", run->id, item, (int64_t)job, json_get_text(j, "id", ""),
                    json_get_text(j, "tool", ""), clock_utc_us())) {
        return false;
    }
    int64_t task = store_last_id(s);
    struct prepare in = {.run = run,
                         .item = item,
                         .task = task,
                         .job = job,
                         .n = 1,
                         .threads = 1,
                         .gpu = -1,
                         .dir = "ATTEMPT"};
    bool bound = prepare_task(e, s, &in, &b, &why);
    bool ok = !bound || record(s, task, b.outputs, &all, err);
    if (ok && all) {
        ok = store_exec(
            s, err, "UPDATE task SET state=5,fingerprint=?2,basis=?3,message='adopted' WHERE id=?1",
            "iss", task, b.fingerprint, b.basis ? b.basis : "");
        *ret = true;
    } else if (ok) {
        ok = store_exec(s, err, "DELETE FROM output WHERE task_id=?1", "i", task) &&
            store_exec(s, err, "UPDATE task SET message='outputs are missing' WHERE id=?1", "i",
                       task);
    }
    if (!bound && ret_why->code == ERR_NONE && lacks_its_centre(e, s, &in)) {
        *ret_why = why;
    }
    bound_fini(&b);
    return ok;
}

bool op_item_adopt(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    json_t *wanted = json_object_get(args, "batch"),
           *fallback = wanted ? json_incref(wanted) : json_string("tomo-ai-reco");
    json_t *whole = op_find_batch(e, s, fallback, err), *none = json_object(), *id;
    json_t *batch = whole ? batch_phases(whole, NULL, e->tools, err) : NULL;
    json_t *adopted = json_array();
    struct err missing = {ERR_NONE, ""};
    int64_t run = 0, n = 0;
    size_t i;
    bool ok = batch && none && adopted &&
        store_exec(
                  s, err,
                  "INSERT INTO run(project_id,name,batch,params,options,state,created_us,ended_us) "
                  "VALUES(?1,'adopt',?2,?3,?3,'finished',?4,?4)",
                  "ijji", json_get_int(args, "project", 0), batch,
                  json_object_get(args, "params") ? json_object_get(args, "params") : none,
                  clock_utc_us());
    run = store_last_id(s);
    ok = ok && engine_load_run(e, run, err);
    struct active *r = ok ? engine_find_run(e, run) : NULL;
    json_array_foreach(json_object_get(args, "items"), i, id)
    {
        for (size_t k = 0; ok && k < json_array_size(json_object_get(batch, "jobs")); k++) {
            bool hit = false;
            ok = adopt_one(e, s, r, json_integer_value(id), (int)k, &hit, &missing, err);
            n += hit;
            if (ok && hit) {
                (void)json_array_append_new(
                    adopted,
                    json_pack("{s:I, s:s}", "item", json_integer_value(id), "job",
                              json_get_text(json_array_get(json_object_get(batch, "jobs"), k), "id",
                                            "")));
            }
        }
    }
    ok = ok &&
        (n > 0 ||
         (missing.code != ERR_NONE
              ? err_set(
                    err, ERR_NOTHING,
                    "the outputs are there, but what they were made with is not known: %s; then "
                    "adopt again",
                    missing.text)
              : err_set(err, ERR_NOTHING, "nothing to adopt: none of the outputs of '%s' are there",
                        json_get_text(batch, "name", ""))));
    ok = ok &&
        store_event(s, "run", json_get_int(args, "project", 0), run, 0, 0, "adopted", NULL, err);
    if (ok) {
        *ret = json_pack("{s:I, s:I, s:O}", "run", (json_int_t)run, "adopted", (json_int_t)n,
                         "outputs", adopted);
    }
    json_decref(fallback);
    json_decref(whole);
    json_decref(batch);
    json_decref(none);
    json_decref(adopted);
    return ok;
}

/* ---- batches, state ---- */

bool op_batch_save(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    const json_t *batch = json_object_get(args, "batch");
    (void)ret;
    return batch_check(batch, e->tools, err) &&
        store_exec(
               s, err,
               "INSERT INTO batch(name,json,changed_us) VALUES(?1,?2,?3) "
               "ON CONFLICT(name) DO UPDATE SET json=excluded.json, changed_us=excluded.changed_us",
               "sji", json_get_text(batch, "name", ""), batch, clock_utc_us());
}

bool op_batch_remove(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                     struct err *err)
{
    const char *name = json_get_text(args, "name", "");
    (void)e;
    (void)ret;
    return store_exec(s, err, "DELETE FROM batch WHERE name=?1 AND json<>''", "s", name) &&
        (store_changes(s) > 0 || err_set(err, ERR_USAGE, "there is no saved batch '%s'", name));
}

bool op_engine_state(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                     struct err *err)
{
    json_t *live = json_array();
    int64_t queued = 0;
    (void)args;
    for (const struct live *l = e->lives; l; l = l->next) {
        (void)json_array_append_new(
            live,
            json_pack("{s:I, s:I, s:i, s:i, s:I, s:b}", "task", (json_int_t)l->task, "attempt",
                      (json_int_t)l->attempt, "slot", l->slot, "gpu", l->gpu, "pid",
                      (json_int_t)l->pid, "suspended", (int)l->suspended));
    }
    if (!store_int(s, 0, &queued, err, "SELECT count(*) FROM task WHERE state IN (0,1)", "")) {
        json_decref(live);
        return false;
    }
    *ret = json_pack("{s:i, s:i, s:o, s:I, s:i, s:b, s:s}", "slots", e->slots, "threads",
                     e->threads, "running", live, "queued", (json_int_t)queued, "pid",
                     (int)getpid(), "waiting", (int)e->waiting, "waits_for",
                     !e->waiting            ? ""
                         : e->stuck_text[0] ? e->stuck_text
                         : e->waits_gpu ? "no GPU is free: each is in use by this engine's tasks, "
                                          "or locked by another engine of this machine"
                                        : "");
    return *ret || err_set(err, ERR_NOMEM, "out of memory");
}

bool op_engine_flush(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                     struct err *err)
{
    (void)e; /* op_call has flushed already */
    (void)s;
    (void)args;
    (void)ret;
    (void)err;
    return true;
}
