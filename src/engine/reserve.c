/*
 * Reserving: attempts get their numbers in the store before they are given out, some 64 a slot
 * ahead, so that after a crash every one that may have started is known.
 */
#include <stdlib.h>
#include "base/mem.h"
#include "engine/engine.h"

#define AHEAD_PER_SLOT 64

static bool taken(const struct engine *e, const struct active *run, int64_t task)
{
    for (size_t i = 0; i < run->n_ready; i++) {
        if (run->ready[i].task == task) {
            return true;
        }
    }
    for (const struct live *l = e->lives; l; l = l->next) {
        if (l->task == task) {
            return true;
        }
    }
    return false;
}

static size_t count_lives(const struct engine *e, const struct active *run)
{
    size_t n = 0;
    for (const struct live *l = e->lives; l; l = l->next) {
        n += l->run == run;
    }
    return n;
}

static bool grow(struct active *run, size_t want, struct err *err)
{
    if (want > run->cap_ready) {
        struct ready *grown = mem_resize(run->ready, want, sizeof *grown, err);
        if (!grown) {
            return false;
        }
        run->ready = grown;
        run->cap_ready = want;
    }
    return true;
}

static bool reserve_one(struct engine *e, struct ready *r, struct err *err)
{
    if (!store_exec(e->store, err, "UPDATE task SET attempts=attempts+1 WHERE id=?1", "i",
                    r->task) ||
        !store_exec(e->store, err, "INSERT INTO attempt(task_id,n,state) VALUES(?1,?2,0)", "ii",
                    r->task, (int64_t)r->n)) {
        return false;
    }
    r->attempt = store_last_id(e->store);
    return true;
}

/* Lower ids first: an item that was begun is finished before the next is. */
static int by_task(const void *a, const void *b)
{
    int64_t x = ((const struct ready *)a)->task, y = ((const struct ready *)b)->task;
    return x < y ? -1 : x > y;
}

/* `next_only`: the window is full enough, but items that were begun are to go on. */
static bool fill_run(struct engine *e, struct active *run, size_t target, bool next_only,
                     struct err *err)
{
    size_t first = run->n_ready, limit = target + run->n_ready + count_lives(e, run);
    if (!grow(run, target, err)) {
        return false;
    }
    struct query *q = store_query(
        e->store, err,
        "SELECT t.id,t.item_id,t.job,t.attempts,t.force,t.alone,t.lost,"
        "t.params<>'{}',"
        /* the item is part of the fingerprint: only its own tasks can have done the same */
        "EXISTS(SELECT 1 FROM task o WHERE o.item_id=t.item_id AND o.id<>t.id)," ITEM_ROW_COLUMNS
        " FROM task t JOIN item i ON i.id=t.item_id WHERE t.run_id=?1 AND t.state=1 AND (?3=0 OR "
        "t.job>0) "
        "ORDER BY t.id LIMIT ?2",
        "iii", run->id, (int64_t)limit, (int64_t)next_only);
    if (!q) {
        return false;
    }
    bool ok = true;
    while (ok && run->n_ready < target && query_next(q)) {
        struct item_row row;
        if (!taken(e, run, query_int(q, 0)) && (ok = item_row_take(q, 9, &row, err))) {
            run->ready[run->n_ready++] = (struct ready){.task = query_int(q, 0),
                                                        .item = query_int(q, 1),
                                                        .job = (int)query_int(q, 2),
                                                        .n = (int)query_int(q, 3) + 1,
                                                        .force = query_int(q, 4) != 0,
                                                        .alone = query_int(q, 5) != 0,
                                                        .lost = (int)query_int(q, 6),
                                                        .params = query_int(q, 7) != 0,
                                                        .others = query_int(q, 8) != 0,
                                                        .row = row,
                                                        .operations = e->operations};
        }
    }
    struct err late;
    ok = query_end(q, ok ? err : &late) && ok;
    for (size_t i = first; ok && i < run->n_ready; i++) {
        ok = reserve_one(e, &run->ready[i], err);
    }
    while (!ok && run->n_ready > first) {
        ready_drop(run, run->n_ready - 1);
    }
    if (!ok) {
        return false;
    }
    qsort(run->ready, run->n_ready, sizeof *run->ready, by_task);
    return true;
}

/* Inside the flush's transaction. Called when there is something to write or a window runs low. */
bool reserve_fill(struct engine *e, struct err *err)
{
    size_t target = (size_t)e->slots * AHEAD_PER_SLOT;
    for (struct active *run = e->runs; run; run = run->next) {
        bool full = run->n_ready >= target / 2, lanes = run->lanes != 0;
        size_t want = full ? run->n_ready + (size_t)e->slots : target;
        if (full) {
            run->hurry = false;
        }
        if (run->cancelled || e->stopping || (run->drained && !run->hurry) || (full && !lanes)) {
            continue;
        }
        if (!fill_run(e, run, want, full, err)) {
            return false;
        }
        run->drained = run->n_ready < want && !full;
        run->hurry = false;
    }
    return true;
}
