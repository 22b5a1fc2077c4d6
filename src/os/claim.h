/*
 * The claim file of an attempt: whoever creates ATTEMPT/claim may run it, once. The worker creates
 * it with O_EXCL, holds an flock on it that its tool inherits, and writes who it is. A new engine
 * fences an attempt that nobody claimed by creating the file itself, and a claimed one whose
 * processes are all gone by writing "fenced" under the lock; a worker that finds its fresh claim
 * already locked or written to does not start.
 *
 * Content, one line each: "worker PID START", "tool PID START", "fenced".
 */
#ifndef GANTRY_OS_CLAIM_H
#define GANTRY_OS_CLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

struct claim {
    pid_t worker;
    int64_t worker_start;
    pid_t tool; /* leader of the tool's process group; 0 before it was started */
    int64_t tool_start;
    bool fenced;
};

enum claim_state {
    CLAIM_NONE,   /* no claim file: nobody started */
    CLAIM_WORKER, /* its worker lives: adopt it */
    CLAIM_TOOL,   /* the worker is gone, something of the tool lives: kill it */
    CLAIM_DEAD    /* nothing lives */
};

/* Worker: claim the folder. *ret_fd is the locked descriptor to keep and to let the tool inherit.
 * False with ERR_EXISTS when somebody was faster (another worker, or an engine's fence). */
bool claim_take(const char *folder, int *ret_fd, struct err *err) CHECK_RESULT;
/* Worker: note the tool behind it. */
bool claim_note_tool(int fd, pid_t tool, struct err *err) CHECK_RESULT;

/* Engine: who holds it? Processes of the tool are found by GANTRY_ATTEMPT_DIR=<folder> in their
 * environment. */
bool claim_look(const char *folder, enum claim_state *ret_state, struct claim *ret_claim,
                struct err *err) CHECK_RESULT;
/* Engine: make sure that nobody can start this attempt any more. Makes folder and claim when
 * missing. False with ERR_EXISTS when it is locked by a living worker or tool. */
bool claim_fence(const char *folder, struct err *err) CHECK_RESULT;
/* Engine: kill what is left of the tool of a dead worker (its group and every process that carries
 * the folder), each after its identity was checked. Returns true when nothing is left. */
bool claim_kill_rest(const struct claim *claim, const char *folder);

#endif
