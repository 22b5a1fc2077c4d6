/* Runs and attempts in memory: found, loaded, unlinked, freed; and which runs are over. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/run-end.h"

/* ---- lists ---- */

struct active *engine_find_run(struct engine *e, int64_t run)
{
    struct active *r = e->runs;
    while (r && r->id != run) {
        r = r->next;
    }
    return r;
}

struct live *engine_find_task(struct engine *e, int64_t task)
{
    struct live *l = e->lives;
    while (l && l->task != task) {
        l = l->next;
    }
    return l;
}

void engine_unlink_live(struct engine *e, struct live *l)
{
    for (struct live **p = &e->lives; *p; p = &(*p)->next) {
        if (*p == l) {
            *p = l->next;
            l->run->running--;
            break;
        }
    }
    if (l->slot >= 0 && e->by_slot[l->slot] == l) {
        e->by_slot[l->slot] = NULL;
    }
    loop_fd_free(l->watch);
    l->watch = NULL;
    if (l->pidfd >= 0) {
        (void)close(l->pidfd);
        l->pidfd = -1;
    }
}

void engine_free_live(struct live *l)
{
    if (l) {
        mem_free(l->basis);
        mem_free(l->dir);
        mem_free(l);
    }
}

void ready_drop(struct active *run, size_t i)
{
    item_row_fini(&run->ready[i].row);
    memmove(&run->ready[i], &run->ready[i + 1], (run->n_ready - i - 1) * sizeof *run->ready);
    run->n_ready--;
}

void runs_free(struct active *r)
{
    while (r->n_ready > 0) {
        ready_drop(r, r->n_ready - 1);
    }
    json_decref(r->batch);
    json_decref(r->params);
    json_decref(r->options);
    mem_free(r->project_name);
    mem_free(r->root);
    mem_free(r->rec);
    mem_free(r->attempts);
    mem_free(r->user);
    mem_free(r->name);
    mem_free(r->ready);
    mem_free(r);
}

/* Numbers that were reserved for nothing: the rows go, the count stays. */
bool runs_give_back(struct engine *e, struct active *run, struct err *err)
{
    while (run->n_ready > 0) {
        if (!store_exec(e->store, err, "DELETE FROM attempt WHERE id=?1 AND state=0", "i",
                        run->ready[run->n_ready - 1].attempt)) {
            return false;
        }
        ready_drop(run, run->n_ready - 1);
    }
    return true;
}

void engine_drop_ready(struct engine *e, int64_t task)
{
    for (struct active *r = e->runs; r; r = r->next) {
        for (size_t i = 0; i < r->n_ready; i++) {
            if (r->ready[i].task == task) {
                err_waive(store_exec(
                    e->store, err_ignore("an unused number is fenced by the next engine"),
                    "DELETE FROM attempt WHERE id=?1 AND state=0", "i", r->ready[i].attempt));
                ready_drop(r, i);
                return;
            }
        }
    }
}

/* ---- runs ---- */

static void read_gpus(struct active *r)
{
    size_t i;
    json_t *g;
    json_array_foreach(json_object_get(r->options, "gpus"), i, g)
    {
        if (r->n_gpus < ENGINE_GPUS_MAX && json_is_integer(g)) {
            r->gpus[r->n_gpus++] = (int)json_integer_value(g);
        }
    }
}

static json_t *parsed(const char *text)
{
    json_t *v = json_loads(text, 0, NULL);
    return v ? v : json_object();
}

bool engine_load_run(struct engine *e, int64_t run, struct err *err)
{
    struct active *r = engine_find_run(e, run);
    if (r) {
        r->hurry = true;
        r->cancelled = false;
        engine_schedule_flush(e);
        return true;
    }
    struct query *q = store_query(
        e->store, err,
        "SELECT "
        "r.id,r.project_id,r.batch,r.params,r.options,r.priority,r.watch,r.user,p.name,p.root,"
        "coalesce(r.rec,p.rec),coalesce(r.attempts,p.attempts),r.name FROM run r JOIN project p ON "
        "p.id=r.project_id WHERE r.id=?1",
        "i", run);
    if (!q) {
        return false;
    }
    bool ok = query_next(q) && (r = mem_zero(sizeof *r, err));
    if (ok) {
        *r = (struct active){.id = query_int(q, 0),
                             .project = query_int(q, 1),
                             .batch = parsed(query_text(q, 2)),
                             .params = parsed(query_text(q, 3)),
                             .options = parsed(query_text(q, 4)),
                             .priority = (int)query_int(q, 5),
                             .watch = query_int(q, 6) != 0,
                             .user = mem_strdup(query_text(q, 7), err),
                             .project_name = mem_strdup(query_text(q, 8), err),
                             .root = mem_strdup(query_text(q, 9), err),
                             .rec = mem_strdup(query_text(q, 10), err),
                             .attempts = mem_strdup(query_text(q, 11), err),
                             .name = mem_strdup(query_text(q, 12), err)};
        ok = r->user && r->project_name && r->root && r->rec && r->attempts && r->name;
    } else if (!r) {
        (void)err_set(err, ERR_USAGE, "there is no run %" PRId64, run);
    }
    struct err late;
    ok = query_end(q, ok ? err : &late) && ok;
    if (!ok) {
        if (r) {
            runs_free(r);
        }
        return false;
    }
    r->cap = (int)json_get_int(r->options, "slots", 0);
    modes_of_run(r);
    r->hurry = true;
    read_gpus(r);
    r->next = e->runs;
    e->runs = r;
    engine_schedule_flush(e);
    return true;
}

bool engine_run_over(struct engine *e, int64_t run)
{
    int64_t open = 1;
    struct active *r = engine_find_run(e, run);
    if (r && (r->running > 0 || r->n_ready > 0 || e->n_changes > 0)) {
        return false;
    }
    return store_int(e->store, 1, &open, err_ignore("then it is not over"),
                     "SELECT count(*) FROM task WHERE run_id=?1 AND state IN (0,1,2,3,4,10)", "i",
                     run) &&
        open == 0;
}

bool runs_may_end(const struct engine *e)
{
    const struct active *r = e->runs;
    while (r && (r->running > 0 || r->n_ready > 0)) {
        r = r->next;
    }
    return r != NULL;
}

/* Runs without any open task end, and leave memory. */
bool runs_end(struct engine *e, struct err *err)
{
    for (struct active **p = &e->runs, *r; (r = *p);) {
        int64_t open = 1;
        if (r->running == 0 && r->n_ready == 0 &&
            !store_int(e->store, 0, &open, err,
                       "SELECT count(*) FROM task WHERE run_id=?1 AND state IN (0,1,2,3,4,10)", "i",
                       r->id)) {
            return false;
        }
        if (open > 0) {
            p = &r->next;
            continue;
        }
        if (!store_exec(
                e->store, err,
                "UPDATE run SET state='finished', ended_us=?2 WHERE id=?1 AND state='active'", "ii",
                r->id, clock_utc_us())) {
            return false;
        }
        /* one that was only looked at (why, adopt) had ended before */
        if (store_changes(e->store) > 0 &&
            (!store_event(e->store, "run", r->project, r->id, 0, 0, "finished", NULL, err) ||
             !run_end_tell(e, r, err))) {
            return false;
        }
        *p = r->next;
        runs_free(r);
    }
    return true;
}
