/*
 * Giving an attempt to a process that runs already, so that it does what a new one would do. What a
 * new one inherits travels in one message: the attempt's own part of the environment as bytes, and
 * as descriptors the claim's lock, standard output and error, and the working folder.
 *
 * Worker: pass_pair, start the process with one end as its standard input and handover_room() as
 * the first string of its environment; then for each attempt handover_give, perhaps handover_taken,
 * and handover_told until it says how it went. Closing the socket ends the process.
 *
 * Process: handover_open, then handover_take and handover_done in turn, until there is no more.
 * Between them cwd, environment, standard output and error are the attempt's; afterwards nothing of
 * it is left: its descriptors are closed, and umask, signals and locale are as they were at first.
 */
#ifndef GANTRY_OS_HANDOVER_H
#define GANTRY_OS_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

enum handover_fd { HANDOVER_CLAIM, HANDOVER_OUT, HANDOVER_ERRS, HANDOVER_CWD, HANDOVER_FDS };

/* The name that an attempt's own environment begins with; its value is the attempt's folder. */
#define HANDOVER_FIRST "GANTRY_ATTEMPT_DIR="

/* Caller frees. The attempt's assignments are written into this very string, so that
 * /proc/PID/environ shows them as it would for a new process: claims are looked up there. */
char *handover_room(struct err *err) CHECK_RESULT;
/* Is there room for these n assignments? */
bool handover_fits(const char *const *own, size_t n);
/* Give an attempt; the assignment of its folder is the first. ERR_UNREACHABLE: the process is gone.
 * Descriptors stay the caller's. */
bool handover_give(int sock, const char *const *own, size_t n, const int fds[HANDOVER_FDS],
                   struct err *err) CHECK_RESULT;
/* Waits until the process says that it has taken the attempt over. False when it died before, or
 * says nothing for two seconds. */
bool handover_taken(int sock);
/* Has the attempt ended? Then *ret_exit is its exit status. Does not wait. */
bool handover_told(int sock, int *ret_exit);

struct handover;

/* ERR_USAGE when nobody gives attempts on standard input. */
struct handover *handover_open(struct err *err) CHECK_RESULT;
/* Waits for an attempt and becomes its process. The attempt's folder, borrowed until
 * handover_done; NULL when there is no more (err->code ERR_NONE) or on failure. */
const char *handover_take(struct handover *h, struct err *err) CHECK_RESULT;
bool handover_done(struct handover *h, int exit, struct err *err) CHECK_RESULT;
void handover_close(struct handover *h);

#endif
