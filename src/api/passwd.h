/*
 * Passwords are hashed and checked in a child (`gantry passwd-check`): it takes a tenth of a second
 * and 64 MiB, which the engine has for nobody. At most PASSWD_AT_ONCE at a time.
 */
#ifndef GANTRY_API_PASSWD_H
#define GANTRY_API_PASSWD_H

#include <stdbool.h>
#include "api/route.h"
#include "base/err.h"

#define PASSWD_AT_ONCE 4
#define PASSWD_MIN 10 /* characters */
#define PASSWD_MAX 1024

struct passwd_job;

/* `right`: of a check. `hash`: of a hashing. `err`->code is ERR_NONE unless the child failed.
 * Called once, and the job is freed afterwards; not after passwd_drop(). */
typedef void passwd_fn(void *arg, bool right, const char *hash, const struct err *err);

/* hash NULL: make one. ERR_UNREACHABLE when too many are at work already. */
struct passwd_job *passwd_start(struct api *api, const char *password, const char *hash,
                                passwd_fn *fn, void *arg, struct err *err) CHECK_RESULT;
void passwd_drop(struct passwd_job *job); /* NULL is fine */
/* Long enough for a new one? ERR_USAGE says what is missing. */
bool passwd_check_new(const char *password, struct err *err) CHECK_RESULT;

#endif
