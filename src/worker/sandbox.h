/*
 * What a job may see and change of this machine's files (REQUIREMENTS Q9). Its `sandbox` has three
 * lists of absolute paths: mounts_ro are read only, mounts_rw may be written (below a mounts_ro),
 * mounts_deny are not there: an empty folder, or a file of no bytes. The deeper path holds. Without
 * a word of it everything is as it is for the user. Bubblewrap (bwrap) does it.
 */
#ifndef GANTRY_WORKER_SANDBOX_H
#define GANTRY_WORKER_SANDBOX_H

#include "worker/attempt.h"

/* The job's command becomes that of bwrap, when it has a sandbox. ERR_FAILED: there is no bwrap;
 * ERR_USAGE: a path is none, or is not there. */
bool sandbox_wrap(const struct attempt *a, struct err *err) CHECK_RESULT;

#endif
