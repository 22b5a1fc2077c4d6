/*
 * The local executor: one lean worker process a slot, fed through its standard input, watched by
 * pidfd. It says nothing about states: it starts, sends, signals and reports that a worker is gone.
 */
#ifndef GANTRY_EXEC_LOCAL_H
#define GANTRY_EXEC_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "os/loop.h"

struct local;

struct local_hooks {
    void (*gone)(void *arg, int slot,
                 int exit_status); /* the slot's worker has ended (-1: by a signal) */
    void *arg;
};

/* `program` is the gantry executable. Workers write their own complaints to <home>/worker.log. */
struct local *local_new(struct loop *loop, const char *home, const char *program,
                        const struct local_hooks *hooks, struct err *err) CHECK_RESULT;
/* Closes the workers' inputs: each ends when its task has ended. Does not wait. */
void local_free(struct local *l);

/* Send one attempt to a slot, whose worker is started when there is none. */
bool local_run(struct local *l, int slot, const char *dir, const char *job,
               struct err *err) CHECK_RESULT;
/* "pack" or "sweep" some attempts' folders (bytes: paths each ended by NUL). */
bool local_tidy(struct local *l, int slot, const char *what, const char *folders, size_t length,
                struct err *err) CHECK_RESULT;
/* Who is the slot's worker? 0 when none. */
pid_t local_pid(const struct local *l, int slot, int64_t *ret_start);

/* Tell the worker of an attempt what is wanted ("cancel", "suspend", "run"): control file, then the
 * bell. */
bool local_control(const char *dir, const char *word, pid_t worker, int64_t worker_start,
                   struct err *err) CHECK_RESULT;

#endif
