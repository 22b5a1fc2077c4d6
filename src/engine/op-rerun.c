/*
 * Fix and rerun (J4): the job of a cause is edited and runs again for exactly those items. A linked
 * run is made of the edited job and of those behind it, which the failure kept from running; the
 * old failures are dealt with. What was changed stands in the new run's options, so that every view
 * of it can tell.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "engine/difference.h"
#include "engine/op-run.h"
#include "model/state.h"
#include "plan/batch.h"

struct rerun {
    json_t *tasks;   /* rows of id, run_id, item_id, job_id, state, cause_id */
    json_t *old;     /* the newest run among theirs: project_id, name, batch, params, options */
    int64_t run;     /* its id */
    const char *job; /* id of the job; points into tasks */
    size_t at;       /* its index in the old batch */
    json_t *batch, *phases, *changes;
};

static json_t *wanted_tasks(struct store *s, const json_t *args, struct err *err)
{
    int64_t cause = json_get_int(args, "cause", 0), run = json_get_int(args, "run", 0);
    json_t *all, *id;
    size_t i;
    if (cause) {
        return store_rows(s, err,
                          "SELECT id,run_id,item_id,job_id,state FROM task WHERE cause_id=?1 AND "
                          "state=7 AND cleared=0 AND (?2=0 OR run_id=?2) ORDER BY id",
                          "ii", cause, run);
    }
    all = json_array();
    json_array_foreach(json_object_get(args, "tasks"), i, id)
    {
        json_t *rows =
            store_rows(s, err, "SELECT id,run_id,item_id,job_id,state FROM task WHERE id=?1", "i",
                       (int64_t)json_integer_value(id));
        if (!rows || json_array_extend(all, rows) != 0) {
            json_decref(rows);
            json_decref(all);
            return NULL;
        }
        json_decref(rows);
    }
    return all;
}

/* All of one job, all over; the newest run is the one that is repeated. */
static bool check_tasks(struct rerun *r, struct err *err)
{
    json_t *t;
    size_t i;
    if (json_array_size(r->tasks) == 0) {
        return err_set(err, ERR_NOTHING,
                       "nothing to rerun: no failed task has this cause (gantry errors)");
    }
    r->job = json_get_text(json_array_get(r->tasks, 0), "job_id", "");
    json_array_foreach(r->tasks, i, t)
    {
        const char *job = json_get_text(t, "job_id", "");
        int64_t id = json_get_int(t, "id", 0), run = json_get_int(t, "run_id", 0);
        if (strcmp(job, r->job) != 0) {
            return err_set(err, ERR_USAGE,
                           "task %" PRId64 " is of job '%s', others are of job '%s': one job at a "
                           "time can be edited",
                           id, job, r->job);
        }
        if (!task_state_final((enum task_state)json_get_int(t, "state", 0))) {
            return err_set(err, ERR_USAGE, "task %" PRId64 " is on its way: kill it first", id);
        }
        r->run = run > r->run ? run : r->run;
    }
    return true;
}

static bool read_old(struct store *s, struct rerun *r, struct err *err)
{
    json_t *rows = store_rows(s, err,
                              "SELECT project_id,batch AS batch_json,params AS params_json,options "
                              "AS options_json FROM run WHERE id=?1",
                              "i", r->run);
    r->old = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return r->old || (err->code == ERR_NONE ? err_bug(err, "tasks without a run") : false);
}

/* The edited job in its place, those behind it, nothing before it. */
static bool edit_batch(struct rerun *r, const json_t *edited, struct err *err)
{
    json_t *old = json_object_get(r->old, "batch"), *jobs = json_object_get(old, "jobs"), *list;
    json_t *own = json_is_object(edited) ? json_deep_copy(edited) : NULL;
    const char *called = json_get_text(own, "id", r->job);
    r->at = 0;
    while (r->at < json_array_size(jobs) &&
           strcmp(json_get_text(json_array_get(jobs, r->at), "id", ""), r->job) != 0) {
        r->at++;
    }
    if (!own || strcmp(called, r->job) != 0) {
        json_decref(own);
        return err_set(err, ERR_USAGE, "the edited job is wanted as an object with the id '%s'",
                       r->job);
    }
    r->changes = json_array();
    r->phases = json_array();
    r->batch = json_copy(old);
    list = json_array();
    bool ok = r->changes && r->phases && r->batch && list &&
        json_put(own, "id", json_string(r->job), err) && json_array_append(list, own) == 0;
    for (size_t k = r->at + 1; ok && k < json_array_size(jobs); k++) {
        ok = json_array_append(list, json_array_get(jobs, k)) == 0;
    }
    for (size_t k = 0; ok && k < json_array_size(list); k++) {
        ok = json_array_append(r->phases, json_object_get(json_array_get(list, k), "id")) == 0;
    }
    if (ok) {
        difference(r->changes, "", json_array_get(jobs, r->at), own);
        ok = json_object_set(r->batch, "jobs", list) == 0;
    }
    json_decref(list);
    json_decref(own);
    return ok || (err->code == ERR_NONE ? err_set(err, ERR_NOMEM, "out of memory") : false);
}

static json_t *new_options(const struct rerun *r, const json_t *args)
{
    json_t *options = json_copy(json_object_get(r->old, "options"));
    json_t *link =
        json_pack("{s:I, s:s, s:O, s:I}", "of", (json_int_t)r->run, "job", r->job, "changes",
                  r->changes, "cause", (json_int_t)json_get_int(args, "cause", 0));
    if (!options || !link || json_object_set(options, "rerun", link) != 0) {
        json_decref(options);
        options = NULL;
    }
    json_decref(link);
    (void)json_object_del(options, "skipped");
    return options;
}

static json_t *create(struct engine *e, struct store *s, const struct rerun *r, const json_t *args,
                      struct err *err)
{
    json_t *items = json_array(), *t, *answer = NULL;
    size_t i;
    json_array_foreach(r->tasks, i, t)
    {
        (void)json_array_append(items, json_object_get(t, "item_id"));
    }
    json_t *launch = json_pack(
        "{s:O, s:O, s:O, s:O, s:o, s:O, s:O*}", "project", json_object_get(r->old, "project_id"),
        "batch", r->batch, "phases", r->phases, "items", items, "options", new_options(r, args),
        "params", json_object_get(r->old, "params"), "user", json_object_get(args, "user"));
    if (!launch) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    } else if (!op_run_create(e, s, launch, &answer, err)) {
        answer = NULL;
    }
    json_decref(launch);
    json_decref(items);
    return answer;
}

/* Dealt with: also what the failures kept from running. */
static bool clear_old(struct store *s, const struct rerun *r, struct err *err)
{
    json_t *t;
    size_t i;
    bool ok = true;
    json_array_foreach(r->tasks, i, t)
    {
        ok = ok &&
            store_exec(s, err,
                       "UPDATE task SET cleared=1 WHERE cleared=0 AND ((id=?1 AND state IN "
                       "(7,8,9)) OR (run_id=?2 AND item_id=?3 AND id>?1 AND state=9))",
                       "iii", json_get_int(t, "id", 0), json_get_int(t, "run_id", 0),
                       json_get_int(t, "item_id", 0));
    }
    return ok;
}

/* A job that runs again as it is was judged by somebody: what it made is not taken from the cache.
 */
static bool force_unchanged(struct store *s, const struct rerun *r, const json_t *answer,
                            struct err *err)
{
    return json_array_size(r->changes) > 0 ||
        store_exec(s, err, "UPDATE task SET force=1 WHERE run_id=?1 AND job_id=?2", "is",
                   json_get_int(answer, "run", 0), r->job);
}

/* {"cause" | "tasks", "run"?, "job": the edited job, "user"?} -> run.create's answer, and "of",
 * "changes": [{key, old, new}] */
bool op_run_rerun(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                  struct err *err)
{
    struct rerun r = {.tasks = wanted_tasks(s, args, err)};
    json_t *answer = NULL;
    bool ok = r.tasks && check_tasks(&r, err) && read_old(s, &r, err) &&
        edit_batch(&r, json_object_get(args, "job"), err) &&
        (answer = create(e, s, &r, args, err)) && force_unchanged(s, &r, answer, err) &&
        clear_old(s, &r, err) && json_put(answer, "of", json_integer(r.run), err) &&
        json_put(answer, "changes", json_incref(r.changes), err);
    if (ok) {
        *ret = json_incref(answer);
    }
    json_decref(answer);
    json_decref(r.tasks);
    json_decref(r.old);
    json_decref(r.batch);
    json_decref(r.phases);
    json_decref(r.changes);
    return ok;
}
