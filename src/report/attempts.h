/*
 * The files of an attempt (log, job.json, result.json, events.jsonl), wherever they are: in the
 * attempt's folder, or in the run's pack once it was packed.
 */
#ifndef GANTRY_REPORT_ATTEMPTS_H
#define GANTRY_REPORT_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* <project attempts>/<run>/<task>.<n> of an attempt. Caller frees. */
char *attempts_folder(const char *attempts, int64_t run, int64_t task, int64_t n,
                      struct err *err) CHECK_RESULT;

/* One whole file. *ret = NULL when there is none. Caller frees. */
bool attempts_file(const char *attempts, int64_t run, int64_t task, int64_t n, const char *name,
                   char **ret, size_t *ret_length, struct err *err) CHECK_RESULT;

/* A stretch of it, at most `most` bytes from byte `from` on: NULL when it has not so many.
 * *ret_size is the size of the whole file, -1 when there is none. Caller frees *ret. */
struct attempts_stretch {
    int64_t from, most;
};
bool attempts_piece(const char *attempts, int64_t run, int64_t task, int64_t n, const char *name,
                    struct attempts_stretch want, char **ret, size_t *ret_length, int64_t *ret_size,
                    struct err *err) CHECK_RESULT;

/* How far a running attempt says it is: the last line of its events. *ret_progress is 0..1, NaN
 * when it has not said; *ret_message (caller frees) may be NULL. Never fails: what cannot be read
 * is not known. */
void attempts_progress(const char *attempts, int64_t run, int64_t task, int64_t n,
                       double *ret_progress, char **ret_message);

#endif
