/*
 * What the tasks of one item say in four numbers: queued, running, failed, done (REQUIREMENTS N5).
 * Of one job only its newest task counts, whichever run of the batch it belongs to, so that a
 * failure that was made good is no failure any more; failures that were cleared are not counted.
 *
 * Order: jobs_begin, jobs_add for every task of the item by ascending id, jobs_count.
 */
#ifndef GANTRY_REPORT_JOBS_H
#define GANTRY_REPORT_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

#define JOBS_MOST 64 /* different jobs of one item that are told apart */

struct jobs {
    struct {
        uint64_t key; /* of the batch's name and the job's id */
        int state;
        bool cleared;
    } job[JOBS_MOST];
    size_t n;
};

struct jobs_counts {
    int queued, running, failed, done;
};

void jobs_begin(struct jobs *j);
void jobs_add(struct jobs *j, const char *batch, const char *job, int state, bool cleared);
struct jobs_counts jobs_count(const struct jobs *j);

/* Of one item, as the store has it now. */
bool jobs_of(struct store *s, int64_t item, struct jobs_counts *ret, struct err *err) CHECK_RESULT;

/* Of many items at once: the counts and the task that says most (live.h), by ascending item. */
struct jobs_row {
    int64_t item, task, run, attempt;
    int state; /* enum task_state of that task */
    struct jobs_counts counts;
};
/* Items with ids from `first` to `last`. Caller frees. */
bool jobs_between(struct store *s, int64_t first, int64_t last, struct jobs_row **ret,
                  size_t *ret_n, struct err *err) CHECK_RESULT;
/* The row of an item; NULL when it has no tasks. */
const struct jobs_row *jobs_find(const struct jobs_row *rows, size_t n, int64_t item);

#endif
