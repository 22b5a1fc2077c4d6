/* The states of a task and of an attempt: enum, names, and which change is allowed by what. */
#ifndef GANTRY_MODEL_STATE_H
#define GANTRY_MODEL_STATE_H

#include <stdbool.h>

enum task_state {
    TASK_WAITING, /* an earlier job of the item is not done */
    TASK_READY,   /* may be given out */
    TASK_HELD,    /* a person holds it back */
    TASK_RUNNING,
    TASK_SUSPENDED, /* its processes are stopped */
    TASK_DONE,
    TASK_CACHED, /* done before with the same fingerprint, outputs in place */
    TASK_FAILED,
    TASK_CANCELLED,
    TASK_BLOCKED, /* an earlier job of the item failed */
    TASK_UNKNOWN, /* on a cluster that does not answer */
    TASK_STATES
};

enum attempt_state {
    ATTEMPT_RESERVED, /* its number is given out, it may have started */
    ATTEMPT_RUNNING,
    ATTEMPT_SETTLED,
    ATTEMPT_FENCED /* never started, and never will */
};

const char *task_state_name(enum task_state s);
/* TASK_STATES when the name is unknown. */
enum task_state task_state_of(const char *name);
/* Is the task over (nothing will happen unless a person asks)? */
bool task_state_final(enum task_state s);
/* May a task go from one state to the other? The table that the queue obeys. */
bool task_state_allows(enum task_state from, enum task_state to);

#endif
