/*
 * Jobs with "collect": one task over all items of the run, behind all other jobs. Its row belongs
 * to the run's first item; the items are in the run's options ("collected"). It becomes ready when
 * no task of the jobs before it is open any more.
 */
#ifndef GANTRY_ENGINE_COLLECT_JOB_H
#define GANTRY_ENGINE_COLLECT_JOB_H

#include "engine/engine.h"

/* Rows of tasks for every collecting job; `items` is in the order of the run. */
bool collect_insert(struct store *s, int64_t run, const json_t *batch, const int64_t *items,
                    size_t n, struct err *err) CHECK_RESULT;
/* A task before them has ended, in whatever way: is it their turn? `lenient`: on_error is not
 * break. */
bool collect_turn(struct store *s, int64_t run, const json_t *batch, bool lenient,
                  struct err *err) CHECK_RESULT;
/* A collecting job has ended: the next one is ready, or blocked. */
bool collect_next(struct store *s, int64_t run, int job, bool go_on, const char *why,
                  struct err *err) CHECK_RESULT;
/* A task before them runs again: what they made is stale. */
bool collect_stale(struct store *s, int64_t run, const json_t *batch, struct err *err) CHECK_RESULT;
/* Are all tasks of the jobs before them over? */
bool collect_due(struct store *s, int64_t run, const json_t *batch, bool *ret,
                 struct err *err) CHECK_RESULT;

#endif
