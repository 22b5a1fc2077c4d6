/* The environment of a tool. */
#ifndef GANTRY_WORKER_ENV_H
#define GANTRY_WORKER_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include "worker/attempt.h"

struct env {
    char **list; /* ends with NULL */
    size_t n, cap;
    size_t own; /* the first so many belong to this attempt alone: its folder, task and item */
};

/* The worker's environment, the job's over it, GANTRY_ATTEMPT_DIR first. */
bool env_make(const struct attempt *a, struct env *ret, struct err *err) CHECK_RESULT;
/* Do two attempts differ in what is their own only? */
bool env_alike(const struct env *a, const struct env *b);
void env_fini(struct env *e);

#endif
