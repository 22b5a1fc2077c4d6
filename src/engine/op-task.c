/* Signals and retries: what people do to tasks that are there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "engine/collect-job.h"
#include "engine/engine.h"
#include "engine/op-run.h"
#include "plan/batch.h"

/* The tasks that `args` names by "tasks" (ids) and "runs" (ids), as rows of id, run_id, item_id,
 * job, state. */
static json_t *named_tasks(struct store *s, const json_t *args, struct err *err)
{
    json_t *all = json_array(), *id, *rows;
    size_t i;
    json_array_foreach(json_object_get(args, "tasks"), i, id)
    {
        rows = store_rows(s, err, "SELECT id,run_id,item_id,job,state FROM task WHERE id=?1", "i",
                          (int64_t)json_integer_value(id));
        if (!rows ||
            (json_array_size(rows) == 0 &&
             !err_set(err, ERR_USAGE, "there is no task %lld",
                      (long long)json_integer_value(id)))) {
            json_decref(rows);
            json_decref(all);
            return NULL;
        }
        (void)json_array_extend(all, rows);
        json_decref(rows);
    }
    json_array_foreach(json_object_get(args, "runs"), i, id)
    {
        rows = store_rows(
            s, err, "SELECT id,run_id,item_id,job,state FROM task WHERE run_id=?1 ORDER BY id", "i",
            (int64_t)json_integer_value(id));
        if (!rows ||
            (json_array_size(rows) == 0 &&
             !err_set(err, ERR_USAGE, "there is no run %lld", (long long)json_integer_value(id)))) {
            json_decref(rows);
            json_decref(all);
            return NULL;
        }
        (void)json_array_extend(all, rows);
        json_decref(rows);
    }
    return all;
}

static bool set_state(struct store *s, int64_t task, enum task_state from, enum task_state to,
                      struct err *err)
{
    if (!task_state_allows(from, to)) {
        return err_set(err, ERR_BUG, "a task may not go from %s to %s", task_state_name(from),
                       task_state_name(to));
    }
    return store_exec(s, err, "UPDATE task SET state=?2 WHERE id=?1", "ii", task, (int64_t)to);
}

static bool control(struct live *l, const char *word, struct err *err)
{
    return local_control(l->dir, word, l->pid, l->pid_start, err);
}

/* Later jobs of a cancelled one can no longer run. */
static bool cancel_later(struct store *s, const json_t *t, struct err *err)
{
    return store_exec(
        s, err,
        "UPDATE task SET state=8,message='cancelled' WHERE run_id=?1 AND item_id=?2 "
        "AND id>?3 AND state IN (0,1,2) AND (SELECT coalesce(json_extract(batch,'$.options.mode'),"
        "'split') FROM run WHERE run.id=?1)<>'split-ignore-dependencies'",
        "iii", json_get_int(t, "run_id", 0), json_get_int(t, "item_id", 0),
        json_get_int(t, "id", 0));
}

static bool kill_task(struct engine *e, struct store *s, const json_t *t, enum task_state state,
                      bool *ret, struct err *err)
{
    int64_t id = json_get_int(t, "id", 0);
    struct live *l = engine_find_task(e, id);
    if (l) {
        l->stop = STOP_BY_USER;
        *ret = true;
        return store_exec(s, err, "UPDATE task SET stopping=1 WHERE id=?1", "i", id) &&
            control(l, "cancel", err);
    }
    if (state == TASK_WAITING || state == TASK_READY || state == TASK_HELD) {
        engine_drop_ready(e, id);
        *ret = true;
        return set_state(s, id, state, TASK_CANCELLED, err) && cancel_later(s, t, err) &&
            store_exec(s, err, "UPDATE item SET status='Cancelled',changed_us=?2 WHERE id=?1", "ii",
                       json_get_int(t, "item_id", 0), clock_utc_us());
    }
    return true;
}

static bool previous_done(struct store *s, const json_t *t, bool *ret, struct err *err)
{
    int64_t open = 0;
    bool ok = store_int(
        s, 0, &open, err,
        "SELECT count(*) FROM task t JOIN run r ON r.id=t.run_id WHERE t.item_id=?2 AND "
        "t.run_id=?1 AND t.id<?3 "
        "AND coalesce(json_extract(r.batch,'$.options.mode'),'split')<>'split-ignore-dependencies' "
        "AND NOT (t.state IN (5,6) OR (t.state=7 AND coalesce(json_extract(r.options,'$.on_error'),"
        "json_extract(r.batch,'$.jobs['||t.job||'].on_error'),"
        "json_extract(r.batch,'$.options.on_error'),'break')<>'break'))",
        "iii", json_get_int(t, "run_id", 0), json_get_int(t, "item_id", 0),
        json_get_int(t, "id", 0));
    *ret = open == 0;
    return ok;
}

/* Is an earlier job of the item on its way, so that waiting for it has an end? */
static bool previous_coming(struct store *s, const json_t *t, bool *ret, struct err *err)
{
    int64_t coming = 0;
    bool ok = store_int(s, 0, &coming, err,
                        "SELECT count(*) FROM task WHERE run_id=?1 AND item_id=?2 AND id<?3 AND "
                        "state IN (0,1,2,3,4,10)",
                        "iii", json_get_int(t, "run_id", 0), json_get_int(t, "item_id", 0),
                        json_get_int(t, "id", 0));
    *ret = coming > 0;
    return ok;
}

static bool one_signal(struct engine *e, struct store *s, const char *action, const json_t *t,
                       bool *ret, struct err *err)
{
    int64_t id = json_get_int(t, "id", 0);
    enum task_state state = (enum task_state)json_get_int(t, "state", 0);
    struct live *l = engine_find_task(e, id);
    bool first = false;
    if (!strcmp(action, "kill")) {
        return kill_task(e, s, t, state, ret, err);
    }
    if (!strcmp(action, "suspend") && l && !l->suspended) {
        l->suspended = *ret = true;
        return set_state(s, id, TASK_RUNNING, TASK_SUSPENDED, err) && control(l, "suspend", err);
    }
    if (!strcmp(action, "resume") && l && state == TASK_SUSPENDED) {
        l->suspended = false;
        *ret = true;
        return set_state(s, id, state, TASK_RUNNING, err) && control(l, "run", err);
    }
    if (!strcmp(action, "hold") && !l && (state == TASK_READY || state == TASK_WAITING)) {
        engine_drop_ready(e, id);
        *ret = true;
        return set_state(s, id, state, TASK_HELD, err);
    }
    if (!strcmp(action, "release") && state == TASK_HELD) {
        *ret = true;
        bool coming = false;
        return previous_done(s, t, &first, err) && previous_coming(s, t, &coming, err) &&
            set_state(s, id, state,
                      first        ? TASK_READY
                          : coming ? TASK_WAITING
                                   : TASK_BLOCKED,
                      err) &&
            engine_load_run(e, json_get_int(t, "run_id", 0), err);
    }
    return true;
}

/* The last open task before a collecting job was cancelled, perhaps. */
static bool collect_turns(struct engine *e, struct store *s, const json_t *tasks, struct err *err)
{
    bool ok = true;
    for (struct active *r = e->runs; ok && r; r = r->next) {
        bool hit = false;
        for (size_t i = 0; !hit && i < json_array_size(tasks); i++) {
            hit = json_get_int(json_array_get(tasks, i), "run_id", 0) == r->id;
        }
        ok = !hit || collect_turn(s, r->id, r->batch, false, err);
    }
    return ok;
}

bool op_task_signal(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                    struct err *err)
{
    const char *action = json_get_text(args, "action", "");
    json_t *tasks = named_tasks(s, args, err), *t;
    int64_t changed = 0;
    size_t i;
    bool ok = tasks != NULL;
    json_array_foreach(tasks, i, t)
    {
        bool hit = false;
        ok = ok && one_signal(e, s, action, t, &hit, err);
        changed += hit;
    }
    ok = ok && collect_turns(e, s, tasks, err) &&
        store_event(s, "task", 0, 0, 0, 0, action, (json_t *)args, err);
    if (ok) {
        *ret = json_pack("{s:I, s:I}", "changed", (json_int_t)changed, "tasks",
                         (json_int_t)json_array_size(tasks));
        ok = *ret || err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(tasks);
    return ok;
}

/* ---- retry ---- */

static json_t *retry_tasks(struct store *s, const json_t *args, struct err *err)
{
    int64_t cause = json_get_int(args, "cause", 0), run = json_get_int(args, "run", 0);
    if (cause) {
        return store_rows(s, err,
                          "SELECT id,run_id,item_id,job,state,params AS params_json FROM task "
                          "WHERE cause_id=?1 AND state=7 AND cleared=0 "
                          "AND (?2=0 OR run_id=?2) ORDER BY id",
                          "ii", cause, run);
    }
    if (run) {
        return store_rows(
            s, err,
            "SELECT id,run_id,item_id,job,state,params AS params_json FROM task WHERE run_id=?1 "
            "AND (state=7 OR (state=8 AND ?2=0)) ORDER BY id",
            "ii", run, (int64_t)json_get_bool(args, "failed", false));
    }
    json_t *all = json_array(), *id;
    size_t i;
    json_array_foreach(json_object_get(args, "tasks"), i, id)
    {
        json_t *rows = store_rows(
            s, err,
            "SELECT id,run_id,item_id,job,state,params AS params_json FROM task WHERE id=?1", "i",
            (int64_t)json_integer_value(id));
        if (!rows ||
            (json_array_size(rows) == 0 &&
             !err_set(err, ERR_USAGE, "there is no task %lld",
                      (long long)json_integer_value(id)))) {
            json_decref(rows);
            json_decref(all);
            return NULL;
        }
        bool wanted = !json_get_bool(args, "failed", false) ||
            json_get_int(json_array_get(rows, 0), "state", 0) == 7;
        (void)(wanted ? json_array_extend(all, rows) : 0);
        json_decref(rows);
    }
    return all;
}

/* May it be tried again now: nothing of the item runs behind it, and what it waits for will come.
 */
static bool may_retry(struct engine *e, struct store *s, const json_t *t, bool first,
                      struct err *err)
{
    int64_t id = json_get_int(t, "id", 0), run = json_get_int(t, "run_id", 0),
            item = json_get_int(t, "item_id", 0), busy = 0;
    bool coming = true;
    if (!first && !previous_coming(s, t, &coming, err)) {
        return false;
    }
    if (!coming) {
        return err_set(err, ERR_USAGE,
                       "task %" PRId64 " waits for an earlier job that was not done: retry that "
                       "one (what follows runs again too)",
                       id);
    }
    if (!store_int(s, 0, &busy, err,
                   "SELECT count(*) FROM task WHERE run_id=?1 AND item_id=?2 AND id>?3 AND state "
                   "IN (3,4,10) AND "
                   "(SELECT coalesce(json_extract(batch,'$.options.mode'),'split') FROM run WHERE "
                   "run.id=?1)"
                   "<>'split-ignore-dependencies'",
                   "iii", run, item, id)) {
        return false;
    }
    if (busy > 0) {
        return err_set(
            err, ERR_USAGE,
            "a later job of the same item is running: kill it first, then retry task %" PRId64, id);
    }
    for (int64_t later = id + 1; later <= id + 64;
         later++) { /* reserved ones leave the window; other items' are not hit */
        struct active *r = engine_find_run(e, run);
        for (size_t i = 0; r && i < r->n_ready; i++) {
            if (r->ready[i].task == later && r->ready[i].item == item) {
                engine_drop_ready(e, later);
                break;
            }
        }
    }
    return true;
}

/* What collects all items is stale once one of them runs again. */
static bool retry_collected(struct engine *e, struct store *s, const json_t *t, struct err *err)
{
    const struct active *run = engine_find_run(e, json_get_int(t, "run_id", 0));
    bool own = run && json_get_int(t, "job", 0) >= run->collect_from, due = false;
    if (!run || run->collect_from == (int)json_array_size(json_object_get(run->batch, "jobs"))) {
        return true;
    }
    if (!own) {
        return collect_stale(s, run->id, run->batch, err);
    }
    return collect_due(s, run->id, run->batch, &due, err) &&
        (!due ||
         store_exec(s, err, "UPDATE task SET state=1 WHERE id=?1 AND state=0", "i",
                    json_get_int(t, "id", 0)));
}

static bool retry_one(struct engine *e, struct store *s, json_t *t, const json_t *set, bool *ret,
                      struct err *err)
{
    int64_t id = json_get_int(t, "id", 0), run = json_get_int(t, "run_id", 0),
            item = json_get_int(t, "item_id", 0);
    bool first = false;
    json_t *params = json_object_get(t, "params");
    if (!task_state_final((enum task_state)json_get_int(t, "state", 0))) {
        return true; /* it is on its way anyway */
    }
    if (set && json_object_update(params, (json_t *)set) != 0) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *ret = true;
    return previous_done(s, t, &first, err) && may_retry(e, s, t, first, err) &&
        store_exec(
               s, err,
               "UPDATE task SET "
               "state=?2,force=1,alone=0,lost=0,stopping=0,cleared=0,params=?3,code='',message='',"
               "cause_id=NULL WHERE id=?1",
               "iij", id, (int64_t)(first ? TASK_READY : TASK_WAITING), params) &&
        /* what follows is stale: it runs again (or is found unchanged and taken from the cache) */
        store_exec(s, err,
                   "UPDATE task SET state=0,cleared=0,code='',message='',cause_id=NULL WHERE "
                   "run_id=?1 AND "
                   "item_id=?2 AND id>?3 "
                   "AND state IN (1,5,6,7,8,9) AND (SELECT "
                   "coalesce(json_extract(batch,'$.options.mode'),'split') "
                   "FROM run WHERE run.id=?1)<>'split-ignore-dependencies'",
                   "iii", run, item, id) &&
        store_exec(s, err, "UPDATE item SET status='Queued',changed_us=?2 WHERE id=?1", "ii", item,
                   clock_utc_us()) &&
        store_exec(s, err, "UPDATE run SET state='active',queued=1,ended_us=NULL WHERE id=?1", "i",
                   run) &&
        engine_load_run(e, run, err) && retry_collected(e, s, t, err);
}

/* With what the item, the run and the task have already: pairs in order. */
static bool check_together(struct engine *e, struct store *s, const json_t *t, const json_t *batch,
                           const json_t *set, struct err *err)
{
    struct query *q = store_query(
        s, err,
        "SELECT i.params, r.params, t.params, i.name FROM task t JOIN item i ON i.id=t.item_id "
        "JOIN run r ON r.id=t.run_id WHERE t.id=?1",
        "i", json_get_int(t, "id", 0));
    json_t *all = json_object();
    bool ok = q && all && query_next(q);
    for (int i = 0; ok && i < 3; i++) {
        json_t *more = json_loads(query_text(q, i), 0, NULL);
        ok = more && json_object_update(all, more) == 0;
        json_decref(more);
    }
    ok = ok && json_object_update(all, (json_t *)set) == 0 &&
        (batch_check_order(batch, all, e->tools, err) || err_wrap(err, "%s", query_text(q, 3)));
    json_decref(all);
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

/* --set must fit a tool of the run. */
static bool check_set(struct engine *e, struct store *s, const json_t *tasks, const json_t *set,
                      struct err *err)
{
    char *text = NULL;
    json_t *t;
    size_t i;
    if (json_object_size(set) == 0 || json_array_size(tasks) == 0) {
        return true;
    }
    if (!store_text(s, &text, err, "SELECT batch FROM run WHERE id=?1", "i",
                    json_get_int(json_array_get(tasks, 0), "run_id", 0))) {
        return false;
    }
    json_t *batch = text ? json_loads(text, 0, NULL) : NULL;
    bool ok = batch_check_params(batch, set, e->tools, err);
    json_array_foreach(tasks, i, t)
    {
        ok = ok && check_together(e, s, t, batch, set, err);
    }
    json_decref(batch);
    mem_free(text);
    return ok;
}

bool op_task_retry(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    json_t *tasks = retry_tasks(s, args, err), *t, *set = json_object_get(args, "set");
    int64_t n = 0, run = 0;
    size_t i;
    bool ok = tasks && check_set(e, s, tasks, set, err);
    json_array_foreach(tasks, i, t)
    {
        bool hit = false;
        ok = ok && retry_one(e, s, t, set, &hit, err);
        n += hit;
        run = json_get_int(t, "run_id", 0);
    }
    ok = ok &&
        (n > 0 ||
         err_set(err, ERR_NOTHING, "nothing to retry: no failed%s task is among them",
                 json_get_bool(args, "failed", false) ? "" : " or cancelled"));
    ok = ok && store_event(s, "run", 0, run, 0, 0, "retry", (json_t *)args, err);
    if (ok) {
        *ret = json_pack("{s:I, s:I, s:O*}", "run", (json_int_t)run, "tasks", (json_int_t)n, "diff",
                         set);
        ok = *ret || err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(tasks);
    return ok;
}

/* ---- clear ---- */

/* With the later jobs of its item that it blocked. Others of the selection stay as they are. */
static bool clear_one(struct store *s, const json_t *t, bool *ret, struct err *err)
{
    enum task_state state = (enum task_state)json_get_int(t, "state", 0);
    *ret = state == TASK_FAILED || state == TASK_CANCELLED || state == TASK_BLOCKED;
    return !*ret ||
        store_exec(s, err,
                   "UPDATE task SET cleared=1 WHERE cleared=0 AND (id=?1 OR (run_id=?2 AND "
                   "item_id=?3 AND id>?1 AND state=9))",
                   "iii", json_get_int(t, "id", 0), json_get_int(t, "run_id", 0),
                   json_get_int(t, "item_id", 0));
}

bool op_task_clear(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    json_t *tasks = named_tasks(s, args, err), *t;
    int64_t n = 0;
    size_t i;
    (void)e;
    bool ok = tasks != NULL;
    json_array_foreach(tasks, i, t)
    {
        bool hit = false;
        ok = ok && clear_one(s, t, &hit, err);
        n += hit;
    }
    ok = ok &&
        (n > 0 ||
         err_set(err, ERR_NOTHING, "nothing to clear: no failed or cancelled task is among them"));
    ok = ok && store_event(s, "task", 0, 0, 0, 0, "clear", (json_t *)args, err);
    if (ok) {
        *ret = json_pack("{s:I}", "cleared", (json_int_t)n);
        ok = *ret || err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(tasks);
    return ok;
}
