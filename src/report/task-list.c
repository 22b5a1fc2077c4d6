/*
 * One text of tests and order, three ways to the rows: those of a run or an item by their indexes,
 * open ones by (run, state), the newest by id. What is counted and what is shown share the tests.
 */
#include "report/task-list.h"

#include <math.h>
#include <string.h>
#include "base/clock.h"
#include "model/state.h"
#include "report/live.h"

#define OPEN_STATES (~((1u << TASK_DONE) | (1u << TASK_CACHED) | (1u << TASK_CANCELLED)))

static const char *const columns[] = {"id",      "run",   "name",    "job",     "tool", "state",
                                      "started", "ended", "seconds", "attempt", "owner"};

/* ?1 project, ?2 within, ?3 states, ?4 tool, ?5 text, ?6 run or item or first id */
#define TESTS                                                                \
    " AND (?1=0 OR r.project_id=?1)"                                         \
    " AND (?2 IS NULL OR r.project_id IN (SELECT value FROM json_each(?2)))" \
    " AND (?4='' OR t.tool=?4) AND (?5='' OR instr(lower(i.name),?5) OR "    \
    "instr(lower(t.message),?5) OR t.job_id=?5)"
#define JOINS " JOIN item i ON i.id=t.item_id"
#define FROM_RUN " FROM run r CROSS JOIN task t ON t.run_id=r.id" JOINS " WHERE r.id=?6" TESTS
#define FROM_ITEM " FROM task t JOIN run r ON r.id=t.run_id" JOINS " WHERE t.item_id=?6" TESTS
#define FROM_NEWEST " FROM task t JOIN run r ON r.id=t.run_id" JOINS " WHERE t.id>?6" TESTS
/* the states are written out so that (run, state) is looked up */
#define FROM_OPEN                                                                            \
    " FROM run r CROSS JOIN task t ON t.run_id=r.id AND t.state IN (0,1,2,3,4,7,9,10)" JOINS \
    " WHERE ?6=0 AND t.cleared=0" TESTS

/* ?11: hide what was cleared */
#define FITS " AND (?3>>t.state)&1 AND (?11=0 OR t.cleared=0)"
/* ?7 column, ?8 offset, ?9 limit, ?10 now */
#define KEY                                                                                    \
    "CASE ?7 WHEN 1 THEN t.run_id WHEN 2 THEN i.name WHEN 3 THEN t.job_id WHEN 4 THEN t.tool " \
    "WHEN 5 THEN t.state WHEN 6 THEN t.started_us WHEN 7 THEN t.ended_us WHEN 8 THEN "         \
    "coalesce(t.ended_us,?10)-t.started_us WHEN 9 THEN t.attempts WHEN 10 THEN r.user END"
#define ROW                                                                                \
    "SELECT t.id,t.run_id AS run,t.item_id AS item,i.name,t.job_id AS job,t.tool,t.state," \
    "t.started_us AS started,t.ended_us AS ended,t.attempts AS attempt,t.message,t.code,"  \
    "r.user AS owner,t.cause_id AS cause,t.cleared,r.name AS batch,"                       \
    "coalesce(t.ended_us,t.started_us,r.created_us) AS updated,"                           \
    "(SELECT p.name||'#'||y.sid FROM study y JOIN item p ON p.id=y.subject_id WHERE "      \
    "y.item_id=i.id AND y.sid<>'') AS psid,"                                               \
    "coalesce(json_extract(r.options,'$.queue'),json_extract(r.batch,'$.jobs['||t.job||"   \
    "'].queue'),json_extract(r.batch,'$.options.queue'),'local') AS queue,"                \
    "t.tool='jupyter.notebook' AS notebook"
#define UP " ORDER BY " KEY ",t.id LIMIT ?9 OFFSET ?8"
#define DOWN " ORDER BY " KEY " DESC,t.id DESC LIMIT ?9 OFFSET ?8"
#define COUNT "SELECT t.state,count(*),sum(t.cleared)"
#define BY_STATE " AND ?3 IS NOT NULL GROUP BY t.state"

enum way { WAY_RUN, WAY_ITEM, WAY_OPEN, WAY_NEWEST };

/* Literals, because a prepared statement is known by its address. */
static const char *const shown[][2] = {
    [WAY_RUN] = {ROW FROM_RUN FITS UP, ROW FROM_RUN FITS DOWN},
    [WAY_ITEM] = {ROW FROM_ITEM FITS UP, ROW FROM_ITEM FITS DOWN},
    [WAY_OPEN] = {ROW FROM_OPEN FITS UP, ROW FROM_OPEN FITS DOWN},
    [WAY_NEWEST] = {ROW FROM_NEWEST FITS UP, ROW FROM_NEWEST FITS DOWN},
};
static const char *const counted[] = {
    [WAY_RUN] = COUNT FROM_RUN BY_STATE,
    [WAY_ITEM] = COUNT FROM_ITEM BY_STATE,
    [WAY_OPEN] = COUNT FROM_OPEN BY_STATE,
    [WAY_NEWEST] = COUNT FROM_NEWEST BY_STATE,
};

static int column_of(const char *name)
{
    for (int i = 0; i < (int)(sizeof columns / sizeof columns[0]); i++) {
        if (!strcmp(columns[i], name)) {
            return i;
        }
    }
    return -1;
}

bool task_list_sorts(const char *name)
{
    return column_of(name) >= 0;
}

static bool count(struct store *s, const struct task_query *q, enum way way, int64_t key,
                  unsigned states, json_t *answer, struct err *err)
{
    json_t *counts = json_object();
    json_int_t total = 0;
    struct query *rows = counts ? store_query(s, err, counted[way], "isissi", q->project, q->within,
                                              (int64_t)states, q->tool, q->text, key)
                                : NULL;
    bool ok = rows != NULL;
    while (rows && query_next(rows)) {
        int state = (int)query_int(rows, 0);
        total +=
            (states >> state) & 1 ? query_int(rows, 1) - (q->open ? query_int(rows, 2) : 0) : 0;
        ok = json_object_set_new(counts, task_state_name((enum task_state)state),
                                 json_integer(query_int(rows, 1))) == 0 &&
            ok;
    }
    ok = rows && query_end(rows, err) && ok;
    return json_put(answer, "counts", counts, ok ? err : err_ignore("the first error stays")) &&
        ok && json_put(answer, "total", json_integer(total), err);
}

/* What the row does not say: how long, where, how far. */
static bool complete(struct store *s, json_t *row, int64_t now, struct err *err)
{
    enum task_state state = (enum task_state)json_get_int(row, "state", 0);
    int64_t begin = json_get_int(row, "started", 0), end = json_get_int(row, "ended", 0);
    bool runs = state == TASK_RUNNING || state == TASK_SUSPENDED;
    char place[64] = "";
    double progress = NAN;
    if (runs &&
        !live_place(s, json_get_int(row, "id", 0), json_get_int(row, "attempt", 0), place,
                    sizeof place, &progress, err)) {
        return false;
    }
    end = runs ? now : end;
    return json_put(row, "state", json_string(task_state_name(state)), err) &&
        json_put(row, "notebook", json_boolean(json_get_int(row, "notebook", 0)), err) &&
        json_put(row, "seconds",
                 begin && end >= begin ? json_real((double)(end - begin) / 1e6) : json_null(),
                 err) &&
        (!runs || json_put(row, "ended", json_null(), err)) &&
        json_put(row, "place", json_string(place), err) &&
        json_put(row, "cleared", json_boolean(json_get_int(row, "cleared", 0)), err) &&
        json_put(row, "progress", isfinite(progress) ? json_real(progress) : json_null(), err);
}

json_t *task_list(struct store *s, const struct task_query *q, struct err *err)
{
    enum way way = q->run ? WAY_RUN : q->item ? WAY_ITEM : q->open ? WAY_OPEN : WAY_NEWEST;
    unsigned states = q->open ? q->states & OPEN_STATES : q->states;
    int64_t key = q->run ? q->run : q->item, now = clock_utc_us();
    json_t *answer = json_object(), *rows = NULL, *row;
    size_t i;
    bool ok = answer != NULL;
    if (ok && way == WAY_NEWEST) {
        ok = store_int(s, 0, &key, err, "SELECT max(id) FROM task", "");
        key = key > TASK_LIST_NEWEST ? key - TASK_LIST_NEWEST : 0;
    }
    ok = ok && count(s, q, way, key, states, answer, err) &&
        (rows = store_rows(s, err, shown[way][q->descending], "isissiiiiii", q->project, q->within,
                           (int64_t)states, q->tool, q->text, key, (int64_t)column_of(q->sort),
                           q->offset, q->limit, now, (int64_t)q->open));
    json_array_foreach(rows, i, row)
    {
        ok = ok && complete(s, row, now, err);
    }
    if (!json_put(answer, "tasks", rows ? rows : json_array(),
                  ok ? err : err_ignore("the first error stays")) ||
        !ok) {
        json_decref(answer);
        return NULL;
    }
    return answer;
}
