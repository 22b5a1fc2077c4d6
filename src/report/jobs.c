/* One pass over the tasks in the order of their index; a job is known by a digest of its name. */
#include "report/jobs.h"

#include <string.h>
#include "base/mem.h"
#include "model/group.h"
#include "report/live.h"

#define SEED 14695981039346656037u
#define NAMES 64

static uint64_t add_hash(uint64_t h, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        h = (h ^ *p) * 1099511628211u; /* FNV-1a */
    }
    return (h ^ '/') * 1099511628211u;
}

void jobs_begin(struct jobs *j)
{
    j->n = 0;
}

static void add_known(struct jobs *j, uint64_t batch, const char *job, int state, bool cleared)
{
    uint64_t key = add_hash(batch, job);
    size_t i = 0;
    while (i < j->n && j->job[i].key != key) {
        i++;
    }
    if (i == JOBS_MOST) {
        return;
    }
    j->job[i].key = key;
    j->job[i].state = state;
    j->job[i].cleared = cleared;
    j->n += i == j->n;
}

void jobs_add(struct jobs *j, const char *batch, const char *job, int state, bool cleared)
{
    add_known(j, add_hash(SEED, batch), job, state, cleared);
}

struct jobs_counts jobs_count(const struct jobs *j)
{
    struct jobs_counts c = {0, 0, 0, 0};
    for (size_t i = 0; i < j->n; i++) {
        switch (group_of_state((enum task_state)j->job[i].state)) {
        case GROUP_WAITING:
            c.queued++;
            break;
        case GROUP_RUNNING:
        case GROUP_PARTIAL: /* suspended */
            c.running++;
            break;
        case GROUP_FAILED:
            c.failed += !j->job[i].cleared;
            break;
        case GROUP_DONE:
            c.done++;
            break;
        case GROUP_IDLE:
        case GROUP_SKIPPED:
        case GROUP_COUNT:
            break;
        }
    }
    return c;
}

bool jobs_of(struct store *s, int64_t item, struct jobs_counts *ret, struct err *err)
{
    struct jobs jobs;
    struct query *q =
        store_query(s, err,
                    "SELECT r.name,t.job_id,t.state,t.cleared FROM task t JOIN run r ON "
                    "r.id=t.run_id WHERE t.item_id=?1 ORDER BY t.id",
                    "i", item);
    jobs_begin(&jobs);
    while (q && query_next(q)) {
        jobs_add(&jobs, query_text(q, 0), query_text(q, 1), (int)query_int(q, 2),
                 query_int(q, 3) != 0);
    }
    *ret = jobs_count(&jobs);
    return q && query_end(q, err);
}

struct rows {
    struct jobs_row *row;
    size_t n, cap;
};

static bool begin_row(struct rows *rows, int64_t item, struct err *err)
{
    if (rows->n == rows->cap) {
        size_t cap = rows->cap ? rows->cap * 2 : 256;
        struct jobs_row *grown = mem_resize(rows->row, cap, sizeof *grown, err);
        if (!grown) {
            return false;
        }
        rows->row = grown;
        rows->cap = cap;
    }
    rows->row[rows->n++] = (struct jobs_row){.item = item};
    return true;
}

/* Names of runs by their digest: the same few over and over. */
struct names {
    int64_t run;
    uint64_t digest;
};

static bool digest_of(struct store *s, struct names *known, int64_t run, uint64_t *ret,
                      struct err *err)
{
    struct names *n = &known[(size_t)run % NAMES];
    char *name = NULL;
    if (n->run != run) {
        if (!store_text(s, &name, err, "SELECT name FROM run WHERE id=?1", "i", run)) {
            return false;
        }
        *n = (struct names){run, add_hash(SEED, name ? name : "")};
        mem_free(name);
    }
    *ret = n->digest;
    return true;
}

bool jobs_between(struct store *s, int64_t first, int64_t last, struct jobs_row **ret,
                  size_t *ret_n, struct err *err)
{
    struct jobs jobs;
    struct rows rows = {NULL, 0, 0};
    struct names known[NAMES] = {{0, 0}};
    struct jobs_row *row = NULL;
    uint64_t batch = 0;
    struct query *q = store_query(
        s, err,
        "SELECT item_id,id,run_id,attempts,state,cleared,job_id FROM task WHERE item_id "
        "BETWEEN ?1 AND ?2 ORDER BY item_id,id",
        "ii", first, last);
    bool ok = q != NULL;
    jobs_begin(&jobs);
    while (ok && query_next(q)) {
        int64_t item = query_int(q, 0), run = query_int(q, 2);
        int state = (int)query_int(q, 4);
        if (!row || row->item != item) {
            if (row) {
                row->counts = jobs_count(&jobs);
            }
            jobs_begin(&jobs);
            ok = begin_row(&rows, item, err);
            row = ok ? &rows.row[rows.n - 1] : NULL;
        }
        if (row &&
            (run > row->run ||
             (run == row->run && live_weight(state) >= live_weight(row->state)))) {
            row->task = query_int(q, 1);
            row->run = run;
            row->attempt = query_int(q, 3);
            row->state = state;
        }
        ok = ok && digest_of(s, known, run, &batch, err);
        add_known(&jobs, batch, query_text(q, 6), state, query_int(q, 5) != 0);
    }
    if (row) {
        row->counts = jobs_count(&jobs);
    }
    ok = q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    if (!ok) {
        mem_free(rows.row);
        return false;
    }
    *ret = rows.row;
    *ret_n = rows.n;
    return true;
}

const struct jobs_row *jobs_find(const struct jobs_row *rows, size_t n, int64_t item)
{
    size_t a = 0, b = n;
    while (a < b) {
        size_t m = a + (b - a) / 2;
        if (rows[m].item < item) {
            a = m + 1;
        } else {
            b = m;
        }
    }
    return a < n && rows[a].item == item ? &rows[a] : NULL;
}
