/* The table of tasks: filters, order, pages and counts by state. */
#ifndef GANTRY_REPORT_TASK_LIST_H
#define GANTRY_REPORT_TASK_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* Without a run or an item, and with finished tasks asked for, only the newest so many are looked
 * at: the table may hold millions. */
#define TASK_LIST_NEWEST 100000

struct task_query {
    int64_t project, run, item; /* 0 = any */
    const char *within;         /* of these projects only, a JSON array as text; NULL = any */
    unsigned states;            /* bits of enum task_state that fit */
    bool open;                  /* hide done, cached, cancelled and cleared ones */
    const char *tool, *text;    /* text: in the item's name, the message or the job; "" = any */
    const char *sort; /* id, run, name, job, tool, state, started, ended, seconds, attempt, owner */
    bool descending;
    int64_t offset, limit;
};

/* {"total": n, "counts": {state: n}, "tasks": [{id, run, item, name, job, tool, state, progress,
 * place, started, ended, seconds, attempt, message, code, owner, cause, cleared}]}; `item` is its
 * id, times are microseconds. Counts are over what fits all but `states` and `open`. */
json_t *task_list(struct store *s, const struct task_query *q, struct err *err) CHECK_RESULT;
/* Is there a column of that name to sort by? */
bool task_list_sorts(const char *name);

#endif
