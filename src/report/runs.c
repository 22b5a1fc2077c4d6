/* Counts come from the index; the rate from the events of the last two minutes. */
#include "report/runs.h"

#include <string.h>
#include "base/clock.h"
#include "model/state.h"

#define RATE_US (120 * 1000000LL)
#define RATE_EVENTS 20000 /* newest events that are looked at */

static bool put_counts(struct store *s, json_t *row, int64_t *ret_total, int64_t *ret_over,
                       struct err *err)
{
    json_t *counts = json_object();
    struct query *q = counts
        ? store_query(s, err, "SELECT state,count(*) FROM task WHERE run_id=?1 GROUP BY state", "i",
                      json_get_int(row, "id", 0))
        : NULL;
    bool ok = q != NULL;
    *ret_total = *ret_over = 0;
    while (q && query_next(q)) {
        enum task_state state = (enum task_state)query_int(q, 0);
        *ret_total += query_int(q, 1);
        *ret_over += task_state_final(state) ? query_int(q, 1) : 0;
        ok = json_object_set_new(counts, task_state_name(state), json_integer(query_int(q, 1))) ==
                0 &&
            ok;
    }
    ok = q && query_end(q, err) && ok;
    return json_put(row, "counts", counts, ok ? err : err_ignore("the first error stays")) && ok;
}

/* Tasks a second: of late, else since the run began. */
static bool rate_of(struct store *s, const json_t *row, int64_t over, double *ret, struct err *err)
{
    int64_t now = clock_utc_us(), begin = json_get_int(row, "started", now), lately = 0;
    int64_t since = now - RATE_US > begin ? now - RATE_US : begin;
    if (!store_int(s, 0, &lately, err,
                   "SELECT count(*) FROM event WHERE id>(SELECT max(id) FROM event)-?3 AND "
                   "run_id=?1 AND t_us>?2 AND kind='task' AND task_id IS NOT NULL",
                   "iii", json_get_int(row, "id", 0), since, (int64_t)RATE_EVENTS)) {
        return false;
    }
    double span = (double)(now - since) / 1e6, whole = (double)(now - begin) / 1e6;
    *ret = lately >= 2 && span > 0 ? (double)lately / span : whole > 0 ? (double)over / whole : 0;
    return true;
}

static bool complete(struct store *s, json_t *row, struct err *err)
{
    int64_t total, over;
    double rate = 0;
    bool lives = !strcmp(json_get_text(row, "state", ""), "active");
    if (!put_counts(s, row, &total, &over, err) ||
        (lives && over < total && !rate_of(s, row, over, &rate, err))) {
        return false;
    }
    double progress = total ? (double)over / (double)total : 1;
    return json_put(row, "progress", json_real(progress), err) &&
        json_put(row, "rate", rate > 0 ? json_real(rate) : json_null(), err) &&
        json_put(row, "eta_s", rate > 0 ? json_real((double)(total - over) / rate) : json_null(),
                 err);
}

json_t *runs_rows(struct store *s, int64_t project, int64_t run, const char *within, int64_t limit,
                  struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT r.id,r.project_id AS project,r.name,r.state,r.queued AS queued_bool,r.priority,"
        "r.user,r.host,r.created_us AS started,r.ended_us AS ended FROM run r WHERE "
        "(?1=0 OR r.project_id=?1) AND (?2=0 OR r.id=?2) AND (?3 IS NULL OR r.project_id IN "
        "(SELECT value FROM json_each(?3))) ORDER BY r.state='active' DESC,r.id DESC LIMIT ?4",
        "iisi", project, run, within, limit);
    json_t *row;
    size_t i;
    bool ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        ok = ok && complete(s, row, err);
    }
    if (!ok) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}
