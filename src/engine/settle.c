/*
 * Settling: what an attempt's end means for its task, and the rows that say so.
 *
 *   result "done"          -> done; the item's next job becomes ready
 *   cancelled by a person  -> cancelled; by Ctrl-C: ready again (resumable)
 *   out of memory          -> once more, alone; then failed
 *   worker or tool killed from outside, or vanished -> again, up to LOST_MAX times
 *   disk full              -> ready again, held back until there is more space
 *   anything else          -> failed, grouped by cause; later jobs of the item blocked unless
 * on_error says otherwise
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "catalog/cohort.h"
#include "catalog/cor.h"
#include "collect/cause.h"
#include "engine/engine.h"
#include "engine/collect-job.h"
#include "engine/prepare.h"
#include "engine/study.h"
#include "os/claim.h"
#include "os/file.h"
#include "os/proc.h"
#include "plan/batch.h"

#define LOST_MAX \
    20 /* the same task's workers may vanish so often before it is taken for the culprit */

static const json_t *job_of(const struct live *l)
{
    return json_array_get(json_object_get(l->run->batch, "jobs"), (size_t)l->job);
}

/* ---- from the attempt's folder to a change ---- */

static struct change *settled(struct engine *e, struct live *l, enum task_state state,
                              const char *outcome)
{
    struct change *c = engine_change(e, l);
    if (c) {
        c->settled = true;
        c->ended_us = clock_utc_us();
        c->state = state;
        c->outcome = outcome;
    }
    if (state == TASK_READY ||
        (size_t)l->job + 1 < json_array_size(json_object_get(l->run->batch, "jobs"))) {
        l->run->drained = false; /* this task again, or the item's next job */
    }
    engine_unlink_live(e, l);
    engine_schedule_flush(e);
    return c;
}

static void remember_full(struct engine *e, const struct live *l)
{
    size_t i = 0;
    while (i < e->n_full && e->full[i].device != l->device) {
        i++;
    }
    if (i < sizeof e->full / sizeof *e->full) {
        e->full[i] = (struct full_device){l->device, l->free_before};
        e->n_full += i == e->n_full;
    }
}

void settle_failed(struct engine *e, struct live *l, const struct err *why)
{
    enum task_state state = TASK_FAILED;
    const char *outcome = "failed";
    if (l->stop == STOP_BY_INTERRUPT) {
        state = TASK_READY;
        outcome = "cancelled";
    } else if (l->stop == STOP_BY_USER || why->code == ERR_CANCELLED) {
        state = TASK_CANCELLED;
        outcome = "cancelled";
    } else if (why->code == ERR_DISKFULL) {
        state = TASK_READY;
        remember_full(e, l);
    } else if (why->code == ERR_NOMEM && !l->alone) {
        state = TASK_READY;
    } else if (why->code == ERR_UNREACHABLE && l->lost + 1 < LOST_MAX) {
        state = TASK_READY;
        outcome = "lost";
    }
    struct change *c = settled(e, l, state, outcome);
    if (c) {
        c->why = *why;
    }
}

void settle_cached(struct engine *e, struct live *l, int64_t from)
{
    struct change *c = settled(e, l, TASK_CACHED, "cached");
    if (c) {
        c->cached_from = from;
    }
}

void settle_result(struct engine *e, struct live *l, json_t *result)
{
    struct err why = {ERR_NONE, ""};
    if (!strcmp(json_get_text(result, "status", ""), "done")) {
        struct change *c = settled(e, l, TASK_DONE, "done");
        if (c) {
            c->result = json_incref(result);
            c->pack = !options_bool(e->options, "keep_attempts");
        }
        return;
    }
    (void)err_set(&why, err_code_of(json_get_text(result, "code", "failed")), "%s",
                  json_get_text(result, "message", "failed"));
    size_t before = e->n_changes;
    settle_failed(e, l, &why);
    for (size_t i = 0; i < e->n_changes && before <= e->n_changes; i++) {
        if (e->changes[i].live == l) {
            e->changes[i].result = json_incref(result);
        }
    }
}

static bool has_result(struct live *l, json_t **ret)
{
    char *path = path_join(l->dir, "result.json", err_ignore("looked at again"));
    *ret = path ? json_read(path, err_ignore("renamed into place: whole, or not there")) : NULL;
    mem_free(path);
    return *ret != NULL;
}

void settle_gone(struct engine *e, struct live *l, const char *how)
{
    struct err why;
    (void)err_set(&why, ERR_UNREACHABLE, "%s", how);
    if (l->failed_text[0]) {
        (void)err_set(&why, err_code_of(l->failed_code), "%s", l->failed_text);
    }
    settle_failed(e, l, &why);
}

/* Nothing of the attempt lives and nobody can start it any more: it is lost. */
static void fence_and_settle(struct engine *e, struct live *l)
{
    struct err err = {ERR_NONE, ""};
    json_t *result = NULL;
    if (!claim_fence(l->dir, &err)) {
        if (err.code == ERR_EXISTS) {
            return; /* somebody lives after all: looked at again */
        }
        (void)err_wrap(&err, "attempt folder");
        settle_failed(e, l, &err);
    } else if (has_result(l, &result)) { /* written between the first look and the fence */
        settle_result(e, l, result);
        json_decref(result);
    } else {
        settle_gone(e, l, "the worker vanished before the task had ended");
    }
}

/* Called when the worker rings, is gone, or once a second. */
void settle_look(struct engine *e, struct live *l)
{
    struct err err = {ERR_NONE, ""};
    enum claim_state state;
    struct claim claim;
    json_t *result;
    if (has_result(l, &result)) {
        settle_result(e, l, result);
        json_decref(result);
        return;
    }
    if (proc_alive(l->pid, l->pid_start)) {
        return;
    }
    if (!claim_look(l->dir, &state, &claim, &err)) {
        settle_failed(e, l, &err);
        return;
    }
    if (state == CLAIM_WORKER) { /* not the one we knew: adopt it */
        l->pid = claim.worker;
        l->pid_start = claim.worker_start;
    } else if (state == CLAIM_TOOL) {
        (void)claim_kill_rest(&claim, l->dir); /* looked at again until nothing is left */
        loop_timer_start(e->poll_timer, 50, 1000);
    } else {
        fence_and_settle(e, l);
    }
}

void settle_told(struct engine *e, struct live *l, const char *text)
{
    json_t *result = text[0] == ' ' && text[1]
        ? json_parse(text, strlen(text), "result", err_ignore("then the file is read"))
        : NULL;
    if (result && json_get_int(result, "attempt", 0) == l->attempt) {
        settle_result(e, l, result);
    } else {
        settle_look(e, l);
    }
    json_decref(result);
}

/* ---- from a change to rows ---- */

/* `first`: of a task that had none before. */
static bool write_outputs(struct engine *e, int64_t task, bool first, const json_t *list,
                          struct err *err)
{
    size_t i;
    json_t *o;
    if (!first && !store_exec(e->store, err, "DELETE FROM output WHERE task_id=?1", "i", task)) {
        return false;
    }
    json_array_foreach((json_t *)list, i, o)
    {
        if (!store_exec(e->store, err,
                        "INSERT INTO output(task_id,name,path,kind,pattern,size,mtime_ns,files) "
                        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
                        "issssiii", task, json_get_text(o, "name", ""),
                        json_get_text(o, "path", ""), json_get_text(o, "kind", "file"),
                        json_get_text(o, "pattern", ""), json_get_int(o, "size", 0),
                        json_get_int(o, "mtime_ns", 0), json_get_int(o, "files", 1))) {
            return false;
        }
    }
    return true;
}

/* Sets of files that this task changed although another task made them: their records follow. */
static bool write_touched(struct engine *e, const json_t *list, struct err *err)
{
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)list, i, o)
    {
        if (!store_exec(e->store, err,
                        "UPDATE output SET size=?3, mtime_ns=?4, files=?5 WHERE path=?1 AND "
                        "kind='files' AND pattern=?2",
                        "ssiii", json_get_text(o, "path", ""), json_get_text(o, "pattern", ""),
                        json_get_int(o, "size", 0), json_get_int(o, "mtime_ns", 0),
                        json_get_int(o, "files", 0))) {
            return false;
        }
    }
    return true;
}

static void status_word(struct engine *e, const struct change *c, const json_t *values, char *out,
                        size_t size)
{
    const struct tool *tool = batch_tool(job_of(c->live), e->tools);
    const json_t *words = tool ? json_object_get(tool->gantry, "word") : NULL;
    const char *word = "Queued";
    if (!c->settled) {
        word = json_get_text(words, "running", "Running");
    } else if (c->state == TASK_DONE || c->state == TASK_CACHED) {
        word = json_get_text(words, "done", "Done");
    } else if (c->state == TASK_FAILED) {
        word = json_get_text(words, "failed", "Failed");
    } else if (c->state == TASK_CANCELLED || c->live->stop == STOP_BY_INTERRUPT) {
        word = "Cancelled";
    }
    (void)snprintf(out, size, "%s", word);
    if (!c->settled && c->live->gpu >= 0 && !strcmp(word, "Running")) {
        (void)snprintf(out, size, "Running on GPU %d", c->live->gpu);
    } else if (c->settled && !strcmp(word, "Full") && json_object_get(values, "first")) {
        (void)snprintf(out, size, "Full %" PRId64 "-%" PRId64, json_get_int(values, "first", 0),
                       json_get_int(values, "last", 0));
    }
}

/* A centre that the run found beats the row's; a top-bar value that was used goes into an empty row
 * (C7). */
static bool write_centre(struct engine *e, const struct change *c, const json_t *values,
                         struct err *err)
{
    double cor = json_get_double(values, "cor", NAN),
           top_bar = json_get_double(c->live->run->options, "cor", NAN);
    const struct tool *tool = batch_tool(job_of(c->live), e->tools);
    if (isfinite(cor)) {
        return cor_write(e->store, c->live->item, cor, json_get_text(values, "cor_source", "auto"),
                         json_get_double(values, "confidence", NAN), c->live->run->id,
                         c->live->task, "found by the run", err);
    }
    int64_t empty = 0;
    if (tool && tool_needs_centre(tool) && isfinite(top_bar)) {
        return store_int(e->store, 0, &empty, err, "SELECT cor IS NULL FROM item WHERE id=?1", "i",
                         c->live->item) &&
            (!empty ||
             cor_write(e->store, c->live->item, top_bar, "manual", NAN, c->live->run->id,
                       c->live->task, "the top bar's value was used", err));
    }
    return true;
}

/* Does the item's next job work on what this one makes (G15)? Then it cannot go on without. */
static bool feeds_next(const struct engine *e, const struct change *c)
{
    const json_t *jobs = json_object_get(c->live->run->batch, "jobs");
    const struct tool *own = batch_tool(job_of(c->live), e->tools),
                      *next = batch_tool(json_array_get(jobs, (size_t)c->live->job + 1), e->tools);
    const char *from =
        json_get_text(json_object_get(next ? next->gantry : NULL, "reads"), "from", NULL);
    return own && from && str_equal(json_get_text(own->gantry, "phase", NULL), from);
}

/* The item's next job: ready, or blocked when this one failed. Jobs of one item have consecutive
 * ids. */
static bool write_next(struct engine *e, const struct change *c, struct err *err)
{
    const char *mode =
        json_get_text(c->live->run->options, "on_error",
                      json_get_text(job_of(c->live), "on_error",
                                    json_get_text(json_object_get(c->live->run->batch, "options"),
                                                  "on_error", "break")));
    bool good = c->state == TASK_DONE || c->state == TASK_CACHED;
    mode = feeds_next(e, c) ? "break" : mode;
    int64_t first = c->live->run->collect_from,
            jobs = (int64_t)json_array_size(json_object_get(c->live->run->batch, "jobs"));
    bool go_on = good || (c->state == TASK_FAILED && strcmp(mode, "break") != 0);
    if (c->live->job >= first) {
        return collect_next(e->store, c->live->run->id, c->live->job, go_on,
                            "the job before was not done", err);
    }
    if (c->live->job + 1 >= first) {
        return first == jobs ||
            collect_turn(e->store, c->live->run->id, c->live->run->batch,
                         strcmp(mode, "break") != 0, err);
    }
    if (good || (c->state == TASK_FAILED && strcmp(mode, "break") != 0)) {
        return store_exec(
            e->store, err,
            "UPDATE task SET state=1 WHERE id=?1 AND run_id=?2 AND item_id=?3 AND state IN (0,9)",
            "iii", c->live->task + 1, c->live->run->id, c->live->item);
    }
    if (!strcmp(json_get_text(json_object_get(c->live->run->batch, "options"), "mode", "split"),
                "split-ignore-dependencies")) {
        return true;
    }
    int64_t state = c->state == TASK_CANCELLED ? TASK_CANCELLED : TASK_BLOCKED;
    char why[120];
    (void)snprintf(why, sizeof why, "%s was not done",
                   json_get_text(job_of(c->live), "id", "the job before"));
    return store_exec(e->store, err,
                      "UPDATE task SET state=?4, message=?5 WHERE run_id=?2 AND item_id=?3 AND "
                      "id>?1 AND job<?6 AND state IN (0,1,2)",
                      "iiiisi", c->live->task, c->live->run->id, c->live->item, state, why,
                      first) &&
        (first == jobs ||
         collect_turn(e->store, c->live->run->id, c->live->run->batch, strcmp(mode, "break") != 0,
                      err));
}

static bool write_event(struct engine *e, const struct change *c, struct err *err)
{
    char text[700];
    (void)snprintf(text, sizeof text, "%s %s%s%s", json_get_text(job_of(c->live), "id", "job"),
                   c->outcome, c->why.code ? ": " : "", c->why.text);
    return store_event(e->store, "task", c->live->run->project, c->live->run->id, c->live->task,
                       c->live->item, text, NULL, err);
}

static bool write_attempt(struct engine *e, const struct change *c, struct err *err)
{
    const struct live *l = c->live;
    const json_t *r = c->result;
    if (!c->settled) {
        return store_exec(e->store, err,
                          "UPDATE attempt SET "
                          "state=1,pid=?2,pid_start=?3,slot=?4,gpu=?5,started_us=?6 WHERE id=?1",
                          "iiiiii", l->attempt, (int64_t)l->pid, l->pid_start, (int64_t)l->slot,
                          (int64_t)l->gpu, l->started_us);
    }
    return store_exec(
        e->store, err,
        "UPDATE attempt SET "
        "state=2,pid=?2,pid_start=?3,slot=?4,gpu=?5,started_us=?6,ended_us=?7,outcome=?8,"
        "code=?9,message=?10,exit=?11,signal=?12,peak_bytes=?13,cpu_us=?14,host=?15 WHERE id=?1",
        "iiiiiiisssiiiis", l->attempt, (int64_t)l->pid, l->pid_start, (int64_t)l->slot,
        (int64_t)l->gpu, l->started_us, c->ended_us, c->outcome,
        c->why.code ? err_name(c->why.code) : "", c->why.text, json_get_int(r, "exit", -1),
        json_get_int(r, "signal", 0), json_get_int(r, "peak_bytes", 0),
        json_get_int(r, "cpu_us", 0), json_get_text(r, "host", ""));
}

/* What a study's task published, or took from the cache, becomes rows of the catalog with their
 * tags: the next job finds it. */
static bool write_files(struct engine *e, const struct change *c, struct err *err)
{
    char *level = NULL;
    json_t *outputs = NULL;
    if (!study_level(json_get_text(c->live->run->batch, "level", "scan"))) {
        return true;
    }
    if (c->state == TASK_CACHED) {
        outputs = store_rows(e->store, err,
                             "SELECT name,path,kind FROM output WHERE task_id=?1 ORDER BY id", "i",
                             c->cached_from);
    } else {
        outputs = json_incref(json_object_get(c->result, "outputs"));
    }
    bool ok = (outputs || c->state != TASK_CACHED) &&
        store_text(e->store, &level, err, "SELECT level FROM item WHERE id=?1", "i",
                   c->live->item) &&
        (!study_level(level ? level : "") ||
         study_take_outputs(e->store, c->live->run, job_of(c->live), outputs, err));
    mem_free(level);
    json_decref(outputs);
    return ok;
}

static bool write_good(struct engine *e, const struct change *c, json_t *values, struct err *err)
{
    const struct live *l = c->live;
    bool ok = store_exec(
        e->store, err,
        "UPDATE task SET state=?2,force=0,alone=0,lost=0,stopping=0,fingerprint=?3,basis=?4,"
        "cached_from=nullif(?5,0),code='',message='',cause_id=NULL,result=?6,started_us=?7,"
        "ended_us=?8 "
        "WHERE id=?1",
        "iissijii", l->task, (int64_t)c->state, l->fingerprint, l->basis ? l->basis : "",
        c->cached_from, values, l->started_us, c->ended_us);
    return ok &&
        (c->state == TASK_CACHED ||
         write_outputs(e, l->task, l->n == 1 && !l->forced, json_object_get(c->result, "outputs"),
                       err)) &&
        write_touched(e, json_object_get(c->result, "touched"), err) && write_files(e, c, err) &&
        write_centre(e, c, values, err);
}

static bool write_bad(struct engine *e, const struct change *c, json_t *values, struct err *err)
{
    const struct live *l = c->live;
    int64_t cause = 0;
    const char *code = err_name(c->why.code);
    if (c->state == TASK_FAILED && !cause_of(e->store, code, c->why.text, &cause, err)) {
        return false;
    }
    bool again = c->state == TASK_READY;
    return store_exec(
        e->store, err,
        "UPDATE task SET "
        "state=?2,stopping=0,code=?3,message=?4,cause_id=nullif(?5,0),started_us=?6,ended_us=?7,"
        "alone=?8,lost=lost+?9,result=?10 WHERE id=?1",
        "iissiiiiij", l->task, (int64_t)c->state, code, c->why.text, cause, l->started_us,
        c->ended_us, (int64_t)(l->alone || (again && c->why.code == ERR_NOMEM)),
        (int64_t)(again && c->why.code == ERR_UNREACHABLE), values);
}

/* The result of the task whose outputs were taken: its values count again (the centre it found). */
static bool cached_values(struct engine *e, const struct change *c, json_t **ret, struct err *err)
{
    char *text = NULL;
    if (!store_text(e->store, &text, err, "SELECT result FROM task WHERE id=?1", "i",
                    c->cached_from)) {
        return false;
    }
    *ret = text ? json_loads(text, 0, NULL) : json_object();
    mem_free(text);
    return *ret || err_set(err, ERR_NOMEM, "out of memory");
}

/* Success handling: a tag on the study, and a word for those who look (L11). */
static bool write_success(struct engine *e, const struct change *c, struct err *err)
{
    const struct live *l = c->live;
    const json_t *wanted = json_object_get(job_of(l), "on_success");
    const char *tag = json_get_text(wanted, "studytag", "");
    char *level = NULL, text[160];
    int64_t changed;
    if (!wanted) {
        return true;
    }
    bool ok = !tag[0] ||
        store_text(e->store, &level, err, "SELECT level FROM item WHERE id=?1", "i", l->item);
    bool wants = ok && level && study_level(level);
    json_t *args = wants
        ? json_pack("{s:I, s:s, s:[I], s:[s], s:b}", "project", (json_int_t)l->run->project,
                    "domain", level, "ids", (json_int_t)l->item, "tags", tag, "add", 1)
        : NULL;
    struct err why = {ERR_NONE, ""};
    if (wants && !args) {
        ok = err_set(err, ERR_NOMEM, "out of memory");
    } else if (args && !cohort_tag(e->store, args, &changed, &why) && why.code != ERR_USAGE &&
               why.code != ERR_NOTHING) { /* a study that is gone meanwhile needs no tag */
        *err = why;
        ok = false;
    }
    json_decref(args);
    mem_free(level);
    (void)snprintf(text, sizeof text, "%.100s is done", json_get_text(job_of(l), "id", "job"));
    return ok &&
        (!json_get_bool(wanted, "notify", false) ||
         store_event(e->store, "notify", l->run->project, l->run->id, l->task, l->item, text, NULL,
                     err));
}

/* What a step warns of is its task's message. */
static bool write_warning(struct engine *e, const struct change *c, const json_t *values,
                          struct err *err)
{
    const char *warning = json_get_text(values, "warning", "");
    return !warning[0] ||
        store_exec(e->store, err, "UPDATE task SET message=?2 WHERE id=?1", "is", c->live->task,
                   warning);
}

bool settle_write(struct engine *e, struct change *c, struct err *err)
{
    char word[64];
    bool good = c->settled && (c->state == TASK_DONE || c->state == TASK_CACHED);
    json_t *values = json_incref(json_object_get(c->result, "values"));
    bool ok = !(good && c->cached_from) || cached_values(e, c, &values, err);
    values = values ? values : json_object();
    status_word(e, c, values, word, sizeof word);
    ok = ok && write_attempt(e, c, err);
    if (!c->settled) {
        ok = ok &&
            store_exec(e->store, err,
                       "UPDATE task SET state=3,message='',started_us=?2 WHERE id=?1 AND state=1",
                       "ii", c->live->task, c->live->started_us);
    } else {
        ok = ok && (good ? write_good(e, c, values, err) : write_bad(e, c, values, err));
        ok = ok && (!good || (write_warning(e, c, values, err) && write_success(e, c, err)));
        ok = ok && (c->state == TASK_READY || write_next(e, c, err));
        ok = ok && write_event(e, c, err);
    }
    /* a task over all items says nothing of the one whose row it has */
    ok = ok &&
        (c->live->job >= c->live->run->collect_from && c->live->run->collect_from > 0
             ? true
             : store_exec(e->store, err, "UPDATE item SET status=?2, changed_us=?3 WHERE id=?1",
                          "isi", c->live->item, word, clock_utc_us()));
    json_decref(values);
    return ok;
}
