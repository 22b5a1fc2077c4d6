/*
 * Rows of items and tasks by id, as the compact arrays of the event stream: what changed is read
 * once and written once, whoever looks at it.
 *
 *   item [id,status,group,state,progress,cor,cor_source,confidence,enabled,skipped,place,task]
 *        of a study or subject besides level ("study"), its jobs (jobs.h) queued, running, failed,
 *        done, how many files it has, and its own tags /a/b/
 *   task [id,run,item,job,state,progress,place,message]     (item: its id)
 *
 * `group` is one of model/group.h; `state`, `progress`, `place` and `task` of an item are those of
 * the task that says most about it: of its newest run, what runs, else what failed, else the last
 * job. `progress` is 0..1 or null, `place` "GPU 1", "slot 2" or a host, "" when nothing runs.
 */
#ifndef GANTRY_REPORT_LIVE_H
#define GANTRY_REPORT_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

struct live_row {
    int64_t id;
    int64_t project;   /* 0: there is no such row (any more) */
    int64_t item;      /* of a task */
    bool gone;         /* forgotten, vanished from disk, or not there: off the list */
    size_t at, length; /* its array in the text; length 0 when gone */
};

/* Append the arrays of n rows to `out`; ret[i] is what became of ids[i]. */
bool live_items(struct store *s, const int64_t *ids, size_t n, struct str *out,
                struct live_row *ret, struct err *err) CHECK_RESULT;
bool live_tasks(struct store *s, const int64_t *ids, size_t n, struct str *out,
                struct live_row *ret, struct err *err) CHECK_RESULT;

/* The task that says most about an item. */
struct live_task {
    int64_t id, run, n; /* id 0: it was never worked on; n: its newest attempt */
    int state;          /* enum task_state */
};
/* Of two tasks of a run the heavier one says more: what runs, what failed, the rest; and of equals
 * the later. */
int live_weight(int64_t state);
bool live_task_of(struct store *s, int64_t item, struct live_task *ret,
                  struct err *err) CHECK_RESULT;
/* Where attempt n of a task runs, and how far it is (NaN = not known). `place` holds at least 64
 * bytes. */
bool live_place(struct store *s, int64_t task, int64_t n, char *place, size_t size,
                double *ret_progress, struct err *err) CHECK_RESULT;

#endif
