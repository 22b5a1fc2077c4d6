/* Names and the table of allowed changes. */
#include "model/state.h"

#include <string.h>

static const char *const names[TASK_STATES] = {"waiting",   "ready",   "held",   "running",
                                               "suspended", "done",    "cached", "failed",
                                               "cancelled", "blocked", "unknown"};

#define TO(s) (1u << (s))
/* What each state may become. A final state changes only by a retry (ready, waiting) or by adopting
 * outputs (done). */
static const unsigned allowed[TASK_STATES] = {
    [TASK_WAITING] =
        TO(TASK_READY) | TO(TASK_HELD) | TO(TASK_BLOCKED) | TO(TASK_CANCELLED) | TO(TASK_DONE),
    [TASK_READY] = TO(TASK_RUNNING) | TO(TASK_CACHED) | TO(TASK_HELD) | TO(TASK_CANCELLED) |
        TO(TASK_FAILED) | TO(TASK_DONE) | TO(TASK_WAITING) | TO(TASK_BLOCKED),
    [TASK_HELD] =
        TO(TASK_READY) | TO(TASK_WAITING) | TO(TASK_CANCELLED) | TO(TASK_BLOCKED) | TO(TASK_DONE),
    [TASK_RUNNING] = TO(TASK_DONE) | TO(TASK_FAILED) | TO(TASK_CANCELLED) | TO(TASK_READY) |
        TO(TASK_SUSPENDED) | TO(TASK_UNKNOWN),
    [TASK_SUSPENDED] =
        TO(TASK_RUNNING) | TO(TASK_DONE) | TO(TASK_FAILED) | TO(TASK_CANCELLED) | TO(TASK_READY),
    [TASK_DONE] = TO(TASK_READY) | TO(TASK_WAITING),
    [TASK_CACHED] = TO(TASK_READY) | TO(TASK_WAITING),
    [TASK_FAILED] = TO(TASK_READY) | TO(TASK_WAITING) | TO(TASK_DONE),
    [TASK_CANCELLED] = TO(TASK_READY) | TO(TASK_WAITING) | TO(TASK_DONE),
    [TASK_BLOCKED] = TO(TASK_READY) | TO(TASK_WAITING) | TO(TASK_DONE) | TO(TASK_CANCELLED),
    [TASK_UNKNOWN] =
        TO(TASK_RUNNING) | TO(TASK_DONE) | TO(TASK_FAILED) | TO(TASK_READY) | TO(TASK_CANCELLED),
};

const char *task_state_name(enum task_state s)
{
    return (unsigned)s < TASK_STATES ? names[s] : "?";
}

enum task_state task_state_of(const char *name)
{
    int i = 0;
    while (i < TASK_STATES && strcmp(names[i], name) != 0) {
        i++;
    }
    return (enum task_state)i;
}

bool task_state_final(enum task_state s)
{
    return s == TASK_DONE || s == TASK_CACHED || s == TASK_FAILED || s == TASK_CANCELLED ||
        s == TASK_BLOCKED;
}

bool task_state_allows(enum task_state from, enum task_state to)
{
    return (unsigned)from < TASK_STATES && (unsigned)to < TASK_STATES &&
        (allowed[from] & TO(to)) != 0;
}
