/* The engine's own life: start, runs in memory, the flush, the poll, the end. */
#include "engine/engine.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "catalog/corfile.h"
#include "engine/home.h"
#include "engine/server.h"
#include "os/file.h"
#include "os/proc.h"

#define FLUSH_MS 50  /* how late a change may be written */
#define POLL_MS 1000 /* how late a lost wake-up may be noticed */
/* Packing waits for the end of the run, or for so many bytes of names: ext4 is slow at making files
 * for a minute after many were removed. */
#define PACK_BYTES ((size_t)4 << 20)
#define STUCK_US                                                                    \
    (3 * 1000000) /* passed over, and nothing runs, for so long: a person is needed \
                   */

/* ---- the flush ---- */

struct change *engine_change(struct engine *e, struct live *l)
{
    for (size_t i = e->n_changes; i-- > 0;) {
        if (e->changes[i].live == l) {
            return &e->changes[i];
        }
    }
    if (e->n_changes == e->cap_changes) {
        size_t cap = e->cap_changes ? e->cap_changes * 2 : 64;
        struct change *grown = mem_resize(e->changes, cap, sizeof *grown, &e->broken);
        if (!grown) {
            static struct change
                lost; /* the engine stops: e->broken is set; the store still says "reserved" */
            lost = (struct change){.live = l};
            return &lost;
        }
        e->changes = grown;
        e->cap_changes = cap;
    }
    e->changes[e->n_changes] = (struct change){.live = l};
    return &e->changes[e->n_changes++];
}

void engine_schedule_flush(struct engine *e)
{
    bool starving = false, more = false;
    for (const struct active *r = e->runs; r; r = r->next) {
        starving = starving || (!r->cancelled && (r->hurry || (r->n_ready == 0 && !r->drained)));
        more = more || (!r->cancelled && r->n_ready > 0);
    }
    /* Idle (and the dispatch that follows will not change that), or nothing to give out before it
     * is written. */
    bool now = (!e->lives && (!more || e->stopping)) || (starving && !e->stopping);
    if (!loop_timer_active(e->flush_timer) || now) {
        loop_timer_start(e->flush_timer, now ? 0 : FLUSH_MS, 0);
    }
}

static void after_commit(struct engine *e)
{
    bool centres = false;
    for (size_t i = 0; i < e->n_changes; i++) {
        struct change *c = &e->changes[i];
        centres = centres || json_object_get(json_object_get(c->result, "values"), "cor") != NULL;
        if (c->pack) {
            str_addn(&e->to_pack, c->live->dir, strlen(c->live->dir) + 1);
        } else if (c->settled && c->state != TASK_READY && c->state != TASK_DONE && !c->result &&
                   !c->cached_from) {
            str_addn(&e->to_sweep, c->live->dir, strlen(c->live->dir) + 1);
        }
        json_decref(c->result);
        if (c->settled) {
            engine_free_live(c->live);
        }
    }
    e->n_changes = 0;
    for (struct active *r = centres ? e->runs : NULL; r; r = r->next) {
        struct err err;
        if (!cor_mirror(e->store, r->project, &err)) {
            err_waive(store_event(e->store, "cor", r->project, 0, 0, 0, err.text, NULL,
                                  err_ignore("only a note")));
        }
    }
}

/* Packing is left to a slot's worker that is there anyway. */
static void tidy(struct engine *e, struct str *list, const char *what)
{
    struct err err;
    if (list->len == 0) {
        return;
    }
    for (int slot = 0; slot < e->slots; slot++) {
        if (local_pid(e->local, slot, NULL) && !e->by_slot[slot]) {
            if (local_tidy(e->local, slot, what, list->buf, list->len, &err)) {
                str_clear(list);
            }
            return;
        }
    }
}

static bool write_all(struct engine *e, struct err *err)
{
    for (size_t i = 0; i < e->n_changes; i++) {
        if (!settle_write(e, &e->changes[i], err)) {
            return false;
        }
    }
    return reserve_fill(e, err);
}

bool engine_flush(struct engine *e, struct err *err)
{
    loop_timer_stop(e->flush_timer);
    bool ok = store_begin(e->store, err) && write_all(e, err) && store_commit(e->store, err);
    if (ok) {
        after_commit(e);
        ok = !runs_may_end(e) ||
            (store_begin(e->store, err) && runs_end(e, err) && store_commit(e->store, err));
    }
    if (!ok) { /* nothing more is given out: the folders say what happened, and a new engine reads
                  them */
        store_rollback(e->store);
        if (err != &e->broken) {
            e->broken = *err;
        }
        e->stopping = true;
        loop_stop(e->loop);
        return false;
    }
    if (engine_idle(e) || e->to_pack.len > PACK_BYTES) {
        tidy(e, &e->to_pack, "pack");
    }
    tidy(e, &e->to_sweep, "sweep");
    server_changed(e->server);
    if (e->changed) {
        e->changed(e->changed_arg);
    }
    return true;
}

static void flush_due(void *arg)
{
    struct engine *e = arg;
    if (!engine_flush(e, &e->broken)) {
        e->stopping = true; /* session_follow ends with e->broken; nothing is lost: the folders say
                               what happened */
        loop_stop(e->loop);
        return;
    }
    e->broken.code = ERR_NONE;
    engine_dispatch(e);
    if (e->lives || e->waiting) {
        if (!loop_timer_active(e->poll_timer)) {
            loop_timer_start(e->poll_timer, POLL_MS, POLL_MS);
        }
    }
}

static void poll_due(void *arg)
{
    struct engine *e = arg;
    for (struct live *l = e->lives, *next; l; l = next) {
        next = l->next;
        settle_look(e, l);
    }
    engine_dispatch(e);
    bool stuck = e->waiting && !e->lives && e->n_changes == 0;
    e->stuck_since = !stuck ? 0 : e->stuck_since ? e->stuck_since : clock_mono_us();
    if (!e->lives && !e->waiting) {
        loop_timer_stop(e->poll_timer); /* an idle engine uses no CPU */
    } else {
        loop_timer_start(e->poll_timer, POLL_MS, POLL_MS);
    }
    if (stuck && e->changed) {
        e->changed(e->changed_arg);
    }
}

bool engine_stuck(const struct engine *e, const char **ret_text)
{
    *ret_text = e->stuck_text[0]
        ? e->stuck_text
        : "what is left waits for a GPU, a licence or memory that nobody gives back";
    return e->stuck_since && clock_mono_us() - e->stuck_since > STUCK_US;
}

bool engine_idle(const struct engine *e)
{
    for (const struct active *r = e->runs; r; r = r->next) {
        if (!r->cancelled) {
            return false;
        }
    }
    return !e->lives && e->n_changes == 0;
}

/* ---- what workers say ---- */

static void worker_gone(void *arg, int slot, int exit_status)
{
    struct engine *e = arg;
    struct live *l = e->by_slot[slot];
    if (l) {
        e->by_slot[slot] = NULL;
        l->slot = -1;
        if (exit_status > 0 && !l->failed_text[0]) {
            (void)snprintf(l->failed_code, sizeof l->failed_code, "%s",
                           exit_status == 4 ? "cannot-read-or-write" : "failed");
            (void)snprintf(l->failed_text, sizeof l->failed_text,
                           "the worker could not write in '%.200s'", l->dir);
        }
        settle_look(e, l);
        engine_dispatch(e);
    }
}

void engine_woken(struct engine *e, const char *text)
{
    int64_t attempt = 0;
    char code[32] = "", *rest = NULL;
    int at = 0;
    if (text[0] == 'd') {
        attempt = strtoll(text + 1, &rest, 10);
    } else if (sscanf(text, "x %" SCNd64 " %31s %n", &attempt, code, &at) < 2) {
        return;
    }
    for (struct live *l = e->lives; l; l = l->next) {
        if (l->attempt == attempt) {
            if (code[0]) {
                (void)snprintf(l->failed_code, sizeof l->failed_code, "%s", code);
                (void)snprintf(l->failed_text, sizeof l->failed_text, "%.290s", text + at);
            }
            if (!strcmp(code,
                        "exists")) { /* a folder that is not ours: nobody will bring a result */
                settle_gone(e, l, "its folder was claimed by somebody else");
            } else if (rest) {
                settle_told(e, l, rest);
            } else {
                settle_look(e, l);
            }
            return;
        }
    }
}

/* ---- life ---- */

static bool find_programs(struct engine *e, struct err *err)
{
    char *share = home_share(err), *own = share ? path_join(e->home, "tools", err) : NULL;
    char *shipped = own ? path_join(share, "tools", err) : NULL;
    e->program = path_program(err);
    e->imaging = home_imaging(err);
    const char *folders[] = {shipped, own, NULL};
    e->tools = shipped && e->program && e->imaging ? tools_load(folders, err) : NULL;
    e->models = e->tools ? model_sums_new(e->home, err) : NULL;
    mem_free(share);
    mem_free(own);
    mem_free(shipped);
    return e->models != NULL;
}

/* Runs that have attempts out are brought back in any case; others' waiting tasks only by
 * engine_resume. */
static bool recall_runs(struct engine *e, struct err *err)
{
    json_t *rows = store_rows(e->store, err,
                              "SELECT DISTINCT t.run_id AS id FROM attempt a JOIN task t ON "
                              "t.id=a.task_id WHERE a.state<2",
                              "");
    size_t i;
    json_t *row;
    bool ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        ok = ok && engine_load_run(e, json_get_int(row, "id", 0), err);
    }
    json_decref(rows);
    for (struct active *r = e->runs; r; r = r->next) {
        r->cancelled = true; /* adopted, not queued again */
    }
    return ok && store_exec(e->store, err, "UPDATE run SET queued=0 WHERE state='active'", "");
}

struct engine *engine_new(const char *home, int lock_fd, struct err *err)
{
    struct engine *e = mem_zero(sizeof *e, err);
    if (!e) {
        return NULL;
    }
    e->lock_fd = lock_fd;
    e->home = mem_strdup(home, err);
    e->loop = e->home ? loop_new(err) : NULL;
    e->store = e->loop ? store_open(home, STORE_WRITE, err) : NULL;
    e->options = e->store ? options_load(home, err) : NULL;
    struct local_hooks hooks = {worker_gone, e};
    bool ok = e->options && find_programs(e, err) &&
        (e->local = local_new(e->loop, e->home, e->program, &hooks, err)) &&
        (e->flush_timer = loop_timer_new(e->loop, flush_due, e, err)) &&
        (e->poll_timer = loop_timer_new(e->loop, poll_due, e, err)) &&
        (e->server = server_new(e, err));
    if (ok) {
        e->slots = proc_cpu_count();
        e->slots_asked = 0;
        ok = recall_runs(e, err) && adopt_all(e, err);
    }
    if (!ok) {
        engine_free(e);
        return NULL;
    }
    if (e->n_changes > 0 || e->lives) {
        engine_schedule_flush(e);
    }
    return e;
}

static bool say_goodbye(struct engine *e, struct err *err)
{
    if (!engine_flush(e, err) || !store_begin(e->store, err)) {
        return false;
    }
    for (struct active *r = e->runs; r; r = r->next) {
        if (!runs_give_back(e, r, err)) {
            store_rollback(e->store);
            return false;
        }
    }
    return store_commit(e->store, err);
}

void engine_free(struct engine *e)
{
    if (!e) {
        return;
    }
    e->stopping = true;
    e->changed = NULL;
    if (e->store && e->server) {
        (void)say_goodbye(e,
                          err_ignore("the next engine finds the same by looking at the folders"));
    }
    server_free(e->server);
    while (e->lives) {
        struct live *l = e->lives;
        engine_unlink_live(e, l);
        engine_free_live(l);
    }
    while (e->runs) {
        struct active *r = e->runs;
        e->runs = r->next;
        runs_free(r);
    }
    local_free(e->local);
    if (e->flush_timer) {
        loop_timer_free(e->flush_timer);
    }
    if (e->poll_timer) {
        loop_timer_free(e->poll_timer);
    }
    loop_free(e->loop);
    store_close(e->store);
    options_free(e->options);
    tools_free(e->tools);
    model_sums_free(e->models);
    str_fini(&e->to_pack);
    str_fini(&e->to_sweep);
    mem_free(e->changes);
    mem_free(e->program);
    mem_free(e->imaging);
    mem_free(e->home);
    mem_free(e);
}

bool engine_resume(struct engine *e, json_t **ret_runs, struct err *err)
{
    json_t *rows =
        store_rows(e->store, err, "SELECT id,name FROM run WHERE state='active' ORDER BY id", "");
    size_t i;
    json_t *row;
    bool ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        ok = ok && engine_load_run(e, json_get_int(row, "id", 0), err);
    }
    ok = ok && store_exec(e->store, err, "UPDATE run SET queued=1 WHERE state='active'", "");
    if (ok) {
        *ret_runs = rows;
    } else {
        json_decref(rows);
    }
    return ok;
}

void engine_interrupt(struct engine *e, int64_t run)
{
    for (struct active *r = e->runs; r; r = r->next) {
        if (run == 0 || r->id == run) {
            r->cancelled = true;
            err_waive(
                runs_give_back(e, r, err_ignore("unused numbers are fenced by the next engine")));
            err_waive(store_exec(e->store, err_ignore("the run is resumable all the same"),
                                 "UPDATE run SET queued=0 WHERE id=?1", "i", r->id));
            err_waive(
                store_exec(e->store, err_ignore("only a word"),
                           "UPDATE item SET status='Cancelled' WHERE status='Queued' AND id IN "
                           "(SELECT item_id FROM task WHERE run_id=?1 AND state IN (0,1))",
                           "i", r->id));
        }
    }
    for (struct live *l = e->lives; l; l = l->next) {
        if (run == 0 || l->run->id == run) {
            l->stop = l->stop == STOP_NO ? STOP_BY_INTERRUPT : l->stop;
            err_waive(local_control(l->dir, "cancel", l->pid, l->pid_start,
                                    err_ignore("it ends by itself")));
        }
    }
    engine_schedule_flush(e);
}
