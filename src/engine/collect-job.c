/* A few statements, each bounded by the first job that collects. */
#include "engine/collect-job.h"

#include "plan/batch.h"

bool collect_insert(struct store *s, int64_t run, const json_t *batch, const int64_t *items,
                    size_t n, struct err *err)
{
    const json_t *jobs = json_object_get(batch, "jobs");
    for (size_t k = batch_collect_from(batch); n > 0 && k < json_array_size(jobs); k++) {
        const json_t *job = json_array_get(jobs, k);
        if (!store_exec(s, err,
                        "INSERT INTO task(run_id,item_id,job,job_id,tool,state) "
                        "VALUES(?1,?2,?3,?4,?5,?6)",
                        "iiissi", run, items[0], (int64_t)k, json_get_text(job, "id", ""),
                        json_get_text(job, "tool", ""),
                        (int64_t)(k == 0 ? TASK_READY : TASK_WAITING))) {
            return false;
        }
    }
    return true;
}

bool collect_due(struct store *s, int64_t run, const json_t *batch, bool *ret, struct err *err)
{
    int64_t open = 0;
    bool ok = store_int(s, 0, &open, err,
                        "SELECT 1 FROM task WHERE run_id=?1 AND state IN (0,1,2,3,4,10) AND job<?2 "
                        "LIMIT 1",
                        "ii", run, (int64_t)batch_collect_from(batch));
    *ret = !open;
    return ok;
}

bool collect_turn(struct store *s, int64_t run, const json_t *batch, bool lenient, struct err *err)
{
    int64_t first = (int64_t)batch_collect_from(batch), good = 0;
    bool due = false;
    if (first == 0 || first == (int64_t)json_array_size(json_object_get(batch, "jobs"))) {
        return true;
    }
    if (!collect_due(s, run, batch, &due, err)) {
        return false;
    }
    if (!due) {
        return true;
    }
    /* some items failed: the rest is collected; none is left: there is nothing to collect */
    if (!store_int(s, 0, &good, err,
                   "SELECT 1 FROM task WHERE run_id=?1 AND job=?2 AND (state IN (5,6) OR (?3 AND "
                   "state=7)) LIMIT 1",
                   "iii", run, first - 1, (int64_t)lenient)) {
        return false;
    }
    return store_exec(s, err,
                      "UPDATE task SET state=CASE WHEN job=?2 AND ?3 THEN 1 WHEN ?3 THEN 0 ELSE 9 "
                      "END, message=CASE WHEN ?3 THEN '' ELSE 'no item is left to collect' END "
                      "WHERE run_id=?1 AND job>=?2 AND state IN (0,9)",
                      "iii", run, first, good);
}

bool collect_next(struct store *s, int64_t run, int job, bool go_on, const char *why,
                  struct err *err)
{
    return go_on ? store_exec(s, err,
                              "UPDATE task SET state=1 WHERE run_id=?1 AND job=?2 AND state IN "
                              "(0,9)",
                              "ii", run, (int64_t)job + 1)
                 : store_exec(s, err,
                              "UPDATE task SET state=9,message=?3 WHERE run_id=?1 AND job>?2 AND "
                              "state IN (0,1,2)",
                              "iis", run, (int64_t)job, why);
}

bool collect_stale(struct store *s, int64_t run, const json_t *batch, struct err *err)
{
    return store_exec(s, err,
                      "UPDATE task SET state=0,cleared=0,code='',message='',cause_id=NULL WHERE "
                      "run_id=?1 AND job>=?2 AND state IN (1,5,6,7,8,9)",
                      "ii", run, (int64_t)batch_collect_from(batch));
}
