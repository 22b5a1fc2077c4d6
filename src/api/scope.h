/* What a request is about, and whether who asks may: project, items, runs and tasks by the numbers
 * he gave. What he may not see is not there (ERR_NOTHING). */
#ifndef GANTRY_API_SCOPE_H
#define GANTRY_API_SCOPE_H

#include <stdint.h>
#include "api/route.h"
#include "base/err.h"

/* "project" of the query or the body. scope_maybe_project gives 0 when there is none. */
bool scope_project(struct request *q, int64_t *ret, struct err *err) CHECK_RESULT;
bool scope_maybe_project(struct request *q, int64_t *ret, struct err *err) CHECK_RESULT;
/* The projects of somebody who may not see all, as the text of a JSON array; *ret = NULL for who
 * may. Caller frees. */
bool scope_within(const struct request *q, char **ret, struct err *err) CHECK_RESULT;
/* Rights on what belongs to a project; *ret_project may be NULL. */
bool scope_item(struct request *q, int64_t item, int64_t *ret_project,
                struct err *err) CHECK_RESULT;
bool scope_run(struct request *q, int64_t run, int64_t *ret_project, struct err *err) CHECK_RESULT;
/* Rights on a place (absolute, links resolved): those on the project that holds it; what is in none
 * is for who is not kept to some. */
bool scope_place(struct request *q, const char *path, struct err *err) CHECK_RESULT;
bool scope_task(struct request *q, int64_t task, int64_t *ret_project,
                struct err *err) CHECK_RESULT;
bool scope_tasks(struct request *q, const json_t *tasks, struct err *err) CHECK_RESULT;
/* Every one must be an item of the project; none at all is "No files selected." (B13). */
bool scope_items(struct request *q, int64_t project, const json_t *items,
                 struct err *err) CHECK_RESULT;

/* Run an operation and answer with what it says. Takes the reference of `args`. */
bool scope_answer_op(struct request *q, struct reply *r, const char *op, json_t *args,
                     struct err *err) CHECK_RESULT;

/* Copies a body field into `args` under `as` when it was given. */
bool scope_copy(const struct request *q, const char *field, json_t *args, const char *as,
                struct err *err) CHECK_RESULT;

#endif
