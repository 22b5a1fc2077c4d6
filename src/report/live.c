/* One small query a row, prepared once: a change of state costs a few microseconds to tell. */
#include "report/live.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "codec/json.h"
#include "model/group.h"
#include "model/state.h"
#include "report/attempts.h"
#include "report/jobs.h"

#define PLACE_BYTES 64

int live_weight(int64_t state)
{
    return state == TASK_RUNNING || state == TASK_SUSPENDED || state == TASK_UNKNOWN ? 2
        : state == TASK_FAILED                                                       ? 1
                                                                                     : 0;
}

/* Compared here, not sorted there: it is asked for each task that ends, and an item has few. */
bool live_task_of(struct store *s, int64_t item, struct live_task *ret, struct err *err)
{
    struct query *q = store_query(
        s, err, "SELECT id,run_id,attempts,state FROM task WHERE item_id=?1 ORDER BY id", "i",
        item);
    *ret = (struct live_task){.id = 0};
    while (q && query_next(q)) {
        int64_t run = query_int(q, 1);
        int state = (int)query_int(q, 3);
        if (run > ret->run || (run == ret->run && live_weight(state) >= live_weight(ret->state))) {
            *ret = (struct live_task){query_int(q, 0), run, query_int(q, 2), state};
        }
    }
    return q && query_end(q, err);
}

bool live_place(struct store *s, int64_t task, int64_t n, char *place, size_t size,
                double *ret_progress, struct err *err)
{
    char *folder = NULL, *message = NULL;
    int64_t run = 0;
    struct query *q = store_query(
        s, err,
        "SELECT a.gpu,a.slot,a.host,a.executor,coalesce(r.attempts,p.attempts),t.run_id FROM "
        "attempt a "
        "JOIN task t ON t.id=a.task_id JOIN run r ON r.id=t.run_id JOIN project p ON "
        "p.id=r.project_id WHERE a.task_id=?1 AND a.n=?2 AND a.state=1",
        "ii", task, n);
    bool ok = q != NULL;
    place[0] = '\0';
    *ret_progress = NAN;
    if (ok && query_next(q)) {
        if (query_int(q, 0) >= 0) {
            (void)snprintf(place, size, "GPU %" PRId64, query_int(q, 0));
        } else if (query_int(q, 1) >= 0) {
            (void)snprintf(place, size, "slot %" PRId64, query_int(q, 1));
        } else {
            (void)snprintf(place, size, "%s",
                           query_text(q, 2)[0] ? query_text(q, 2) : query_text(q, 3));
        }
        run = query_int(q, 5);
        folder = mem_strdup(query_text(q, 4), err);
        ok = folder != NULL;
    }
    ok = q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    if (ok && folder) {
        attempts_progress(folder, run, task, n, ret_progress, &message);
    }
    mem_free(message);
    mem_free(folder);
    return ok;
}

static bool runs(int state)
{
    return state == TASK_RUNNING || state == TASK_SUSPENDED;
}

static void add_switch(struct str *out, const struct query *q, int column)
{
    str_add(out, query_null(q, column) ? "null" : query_int(q, column) ? "true" : "false");
}

/* From the status on; the place and the task come from elsewhere. */
static void add_item(struct str *out, const struct query *q, const struct live_task *task,
                     double progress, const char *place)
{
    const char *status = query_text(q, 2);
    str_addf(out, "[%" PRId64 ",", query_int(q, 0));
    json_add_text(out, status);
    str_addf(out, ",\"%s\",\"%s\",", group_name(group_of_status(status)),
             task->id ? task_state_name((enum task_state)task->state) : "");
    json_add_real(out, progress);
    str_addc(out, ',');
    json_add_real(out, query_double(q, 3));
    str_addc(out, ',');
    if (query_null(q, 4)) {
        str_add(out, "null");
    } else {
        json_add_text(out, query_text(q, 4));
    }
    str_addc(out, ',');
    json_add_real(out, query_double(q, 5));
    str_addc(out, ',');
    add_switch(out, q, 6);
    str_add(out, query_int(q, 7) ? ",true," : ",false,");
    json_add_text(out, place);
    str_addf(out, ",%" PRId64, task->id);
}

/* A subject or study also says its level, its jobs, how many files it has and its tags. */
static bool add_cohort(struct store *s, int64_t id, const char *level, const char *tags,
                       struct str *out, struct err *err)
{
    struct jobs_counts n;
    int64_t files = 0;
    if (!jobs_of(s, id, &n, err) ||
        !store_int(s, 0, &files, err,
                   "SELECT sum(files) FROM study WHERE item_id=?1 OR subject_id=?1", "i", id)) {
        return false;
    }
    str_addf(out, ",\"%s\",%d,%d,%d,%d,%" PRId64 ",", level, n.queued, n.running, n.failed, n.done,
             files);
    json_add_text(out, tags);
    return true;
}

static bool one_item(struct store *s, int64_t id, struct str *out, struct live_row *ret,
                     struct err *err)
{
    struct live_task task;
    char place[PLACE_BYTES] = "";
    double progress = NAN;
    *ret = (struct live_row){.id = id, .gone = true, .at = out->len};
    if (!live_task_of(s, id, &task, err) ||
        (task.id && runs(task.state) &&
         !live_place(s, task.id, task.n, place, sizeof place, &progress, err))) {
        return false;
    }
    struct query *q =
        store_query(s, err,
                    "SELECT id,project_id,status,cor,cor_source,cor_confidence,enabled,"
                    "NOT coalesce(enabled,1-auto_skip),hidden OR gone OR level NOT IN "
                    "('scan','study','subject'),level,tags FROM item WHERE id=?1",
                    "i", id);
    bool ok = q != NULL;
    if (q && query_next(q)) {
        ret->project = query_int(q, 1);
        ret->gone = query_int(q, 8) != 0;
        if (!ret->gone) {
            add_item(out, q, &task, progress, place);
            ok = !strcmp(query_text(q, 9), "scan") ||
                add_cohort(s, id, query_text(q, 9), query_text(q, 10), out, err);
            str_addc(out, ']');
        }
    }
    ret->length = out->len - ret->at;
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

bool live_items(struct store *s, const int64_t *ids, size_t n, struct str *out,
                struct live_row *ret, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!one_item(s, ids[i], out, &ret[i], err)) {
            return false;
        }
    }
    return str_ok(out, err);
}

static bool one_task(struct store *s, int64_t id, struct str *out, struct live_row *ret,
                     struct err *err)
{
    struct query *q = store_query(
        s, err,
        "SELECT "
        "t.id,t.run_id,t.item_id,t.job_id,t.state,t.attempts,t.message,r.project_id,t.cleared "
        "FROM task t JOIN run r ON r.id=t.run_id WHERE t.id=?1",
        "i", id);
    int state = 0;
    int64_t attempts = 0;
    bool cleared = false;
    char *message = NULL, place[PLACE_BYTES] = "";
    double progress = NAN;
    bool ok = q != NULL;
    *ret = (struct live_row){.id = id, .gone = true, .at = out->len};
    if (ok && query_next(q)) {
        state = (int)query_int(q, 4);
        attempts = query_int(q, 5);
        ret->project = query_int(q, 7);
        ret->item = query_int(q, 2);
        cleared = query_int(q, 8) != 0;
        ret->gone = false;
        str_addf(out, "[%" PRId64 ",%" PRId64 ",%" PRId64 ",", id, query_int(q, 1),
                 query_int(q, 2));
        json_add_text(out, query_text(q, 3));
        str_addf(out, ",\"%s\",", task_state_name((enum task_state)state));
        message = mem_strdup(query_text(q, 6), err);
        ok = message != NULL;
    }
    ok = q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    if (ok && message && runs(state)) {
        ok = live_place(s, id, attempts, place, sizeof place, &progress, err);
    }
    if (ok && message) {
        json_add_real(out, progress);
        str_addc(out, ',');
        json_add_text(out, place);
        str_addc(out, ',');
        json_add_text(out, message);
        str_add(out, cleared ? ",true]" : ",false]");
    }
    ret->length = out->len - ret->at;
    mem_free(message);
    return ok;
}

bool live_tasks(struct store *s, const int64_t *ids, size_t n, struct str *out,
                struct live_row *ret, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!one_task(s, ids[i], out, &ret[i], err)) {
            return false;
        }
    }
    return str_ok(out, err);
}
