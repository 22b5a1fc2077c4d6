/*
 * After a crash: every attempt that was reserved or running is looked at. A result decides; a
 * living worker is adopted (its pidfd hangs in the loop); what was never claimed is fenced and its
 * task stays ready; the rest of a dead worker's tool is killed and the task runs again.
 */
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/prepare.h"
#include "os/claim.h"
#include "os/file.h"
#include "os/proc.h"

static void adopted_ended(void *arg, int fd)
{
    struct live *l = arg;
    (void)fd;
    loop_fd_free(l->watch); /* a dead worker's pidfd stays readable: once is enough */
    l->watch = NULL;
    (void)close(l->pidfd);
    l->pidfd = -1;
    settle_look(l->owner, l);
}

static bool adopt_worker(struct engine *e, struct live *l, const struct claim *claim,
                         struct err *err)
{
    l->pid = claim->worker;
    l->pid_start = claim->worker_start;
    l->pidfd = proc_pidfd(l->pid);
    if (l->pidfd >= 0) {
        l->watch = loop_fd_new(e->loop, l->pidfd, adopted_ended, l, err);
        if (!l->watch) {
            return false;
        }
    }
    engine_change(e, l)->started = true;
    return true;
}

/* A row of attempt -> a struct live of its run (which is loaded when needed). */
static struct live *revive(struct engine *e, struct query *q, struct err *err)
{
    struct active *run = engine_find_run(e, query_int(q, 2));
    struct live *l = run ? mem_zero(sizeof *l, err) : NULL;
    if (!l) {
        return NULL;
    }
    *l = (struct live){.owner = e,
                       .run = run,
                       .attempt = query_int(q, 0),
                       .task = query_int(q, 1),
                       .n = (int)query_int(q, 3),
                       .item = query_int(q, 4),
                       .job = (int)query_int(q, 5),
                       .alone = query_int(q, 6) != 0,
                       .forced = query_int(q, 7) != 0,
                       .lost = (int)query_int(q, 8),
                       .gpu = (int)query_int(q, 9),
                       .slot = -1,
                       .weight = 1,
                       .licenses = "",
                       .pidfd = -1,
                       .free_before = -1,
                       .started_us = query_int(q, 10)};
    if (query_int(q, 11)) {
        l->stop = STOP_BY_USER;
    }
    const json_t *job = json_array_get(json_object_get(run->batch, "jobs"), (size_t)l->job);
    l->licenses = json_get_text(json_object_get(job, "resources"), "licenses", "");
    l->dir = prepare_dir(run, l->task, l->n, err);
    if (!l->dir) {
        mem_free(l);
        return NULL;
    }
    l->next = e->lives;
    e->lives = l;
    run->running++;
    return l;
}

/* The fingerprint that the dead engine gave: it stands in the attempt's own job.json. */
static void recall(struct live *l)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/job.json", l->dir);
    json_t *job = file_exists(path)
        ? json_read(path, err_ignore("then the task will not be found in the cache"))
        : NULL;
    (void)snprintf(l->fingerprint, sizeof l->fingerprint, "%s",
                   json_get_text(job, "fingerprint", ""));
    json_decref(job);
}

static bool fence_reserved(struct engine *e, struct live *l, struct err *err)
{
    if (!claim_fence(l->dir, err)) {
        if (err->code !=
            ERR_EXISTS) { /* else claimed this very moment: looked at again by the poll */
            (void)err_wrap(err, "attempt folder");
            settle_failed(e, l,
                          err); /* one folder out of reach must not keep the others from going on */
        }
        return true;
    }
    if (l->stop == STOP_BY_USER) {
        settle_gone(e, l, "killed before it started");
        return true;
    }
    bool ok =
        store_exec(e->store, err, "UPDATE attempt SET state=3 WHERE id=?1", "i", l->attempt) &&
        store_exec(e->store, err, "UPDATE task SET state=1 WHERE id=?1 AND state IN (3,4)", "i",
                   l->task);
    engine_unlink_live(e, l);
    engine_free_live(l);
    return ok;
}

static bool adopt_one(struct engine *e, struct live *l, struct err *err)
{
    enum claim_state state;
    struct claim claim;
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/result.json", l->dir);
    recall(l);
    if (file_exists(path)) {
        settle_look(e, l);
        return true;
    }
    if (!claim_look(l->dir, &state, &claim, err)) {
        settle_failed(e, l, err);
        return true;
    }
    if (state == CLAIM_NONE) {
        return fence_reserved(e, l, err);
    }
    if (state == CLAIM_WORKER) {
        return adopt_worker(e, l, &claim, err);
    }
    settle_look(e, l); /* kills the rest, or settles it as lost */
    return true;
}

bool adopt_all(struct engine *e, struct err *err)
{
    struct query *q = store_query(
        e->store, err,
        "SELECT a.id,a.task_id,t.run_id,a.n,t.item_id,t.job,t.alone,t.force,t.lost,a.gpu,"
        "coalesce(a.started_us,0),t.stopping FROM attempt a JOIN task t ON t.id=a.task_id "
        "WHERE a.state<2 ORDER BY a.id",
        "");
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        ok = engine_find_run(e, query_int(q, 2)) == NULL || revive(e, q, err);
    }
    ok = q && query_end(q, err) && ok;
    ok = ok && store_begin(e->store, err);
    for (struct live *l = e->lives, *next; ok && l; l = next) {
        next = l->next;
        ok = adopt_one(e, l, err);
    }
    if (ok) {
        ok = store_commit(e->store, err);
    } else {
        store_rollback(e->store);
    }
    return ok || err_wrap(err, "finding what an earlier engine left");
}
