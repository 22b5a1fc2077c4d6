/* Rows of tasks, shared by ps, show and errors. */
#ifndef GANTRY_CLI_TASKS_H
#define GANTRY_CLI_TASKS_H

#include "cli/command.h"

/* Complete the rows of a task query in place: "item" becomes the name without its extension ("name"
 * keeps it), "state" a word, "seconds" how long it ran (so far), "started" and "ended" ISO times.
 * The rows have name, state (number), started_us, ended_us. */
bool tasks_complete(json_t *rows, struct err *err) CHECK_RESULT;

/* <project attempts>/<run>/<task>.<n> of an attempt. Caller frees. */
char *tasks_folder(const char *attempts, int64_t run, int64_t task, int64_t n,
                   struct err *err) CHECK_RESULT;

/* One file of an attempt (log, job.json, result.json, events.jsonl): from its folder, or from the
 * run's pack once it was packed. *ret = NULL when there is none. Caller frees. */
bool tasks_file(const char *attempts, int64_t run, int64_t task, int64_t n, const char *name,
                char **ret, size_t *ret_length, struct err *err) CHECK_RESULT;

/* How far a running attempt says it is: the last line of its events. *ret_progress is 0..1, NaN
 * when it has not said; *ret_message (caller frees) may be NULL. Never fails: what cannot be read
 * is not known. */
void tasks_progress(const char *attempts, int64_t run, int64_t task, int64_t n,
                    double *ret_progress, char **ret_message);

#endif
