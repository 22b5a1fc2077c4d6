/*
 * Our own program as a child on the loop: `gantry scan --json -p NAME` and the like, so that what
 * takes long never holds the engine. The child reaches us through the home's socket. Children die
 * with the server (they would only wait for an engine that left).
 *
 * A few run at once, so that many requests do not take the machine from the tasks; the others wait
 * in the order they came, and when too many wait the next is refused.
 */
#ifndef GANTRY_API_CHILD_H
#define GANTRY_API_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include "api/route.h"
#include "base/err.h"

#define CHILDREN_AT_ONCE 8
#define CHILDREN_WAITING 64

struct api_child;

struct child_hooks {
    /* Each whole line of its stdout as it comes; NULL: stdout is one JSON document at the end. */
    void (*line)(void *arg, const char *text);
    /* It has ended, once, and `child` is freed after this returns. err->code ERR_NONE: it exited
     * 0 or 1 and `answer` (borrowed; NULL with `line`) is its document. Otherwise `err` is the
     * last line it said, with the code of its exit status. Not called after child_drop(). */
    void (*done)(void *arg, const json_t *answer, const struct err *err);
    void *arg;
    bool imaging; /* gantry-imaging instead of our own program */
    bool stays;   /* it lives until it is ended (a watch): it begins at once and is not counted */
};

/* `args`: the words behind "gantry", NULL-terminated, copied. NULL and err when it cannot start;
 * ERR_UNREACHABLE (503) when too many wait already. */
struct api_child *child_start(struct api *api, const char *const *args,
                              const struct child_hooks *hooks, struct err *err) CHECK_RESULT;
/* Ask it to end (SIGTERM); done() comes when it has. */
void child_end(struct api_child *c);
/* End it at once (SIGKILL), and no hook is called again: for what must not tidy up behind itself.
 * NULL is fine. */
void child_kill(struct api_child *c);
/* It is wanted no more: SIGTERM (or it leaves the queue), and no hook is called again. NULL is
 * fine. */
void child_drop(struct api_child *c);

/* The server ends: so do its children, without a word to anybody. */
void child_end_all(struct api *api);

/* The usual case: run a child and answer the request with its document (or its error). */
bool child_answer(struct request *q, struct reply *r, const char *const *args,
                  struct err *err) CHECK_RESULT;

#endif
