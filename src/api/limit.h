/*
 * How often somebody may ask. Two tables of fixed size, so that nobody can fill memory with
 * addresses: buckets that refill (requests) and failures that double the wait (signing in). The
 * entry that was not used for longest makes room.
 */
#ifndef GANTRY_API_LIMIT_H
#define GANTRY_API_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct limits;

struct limits *limits_new(struct err *err) CHECK_RESULT;
void limits_free(struct limits *l);

/* Take one from the bucket of `key`, which holds `burst` and gains `rate` a second. False: empty;
 * *ret_wait is how many seconds until there is one. `now_us`: monotonic. */
bool limits_take(struct limits *l, const char *key, double rate, double burst, int64_t now_us,
                 int *ret_wait);

/* Seconds until `key` may try again; 0 = now. */
int limits_wait(struct limits *l, const char *key, int64_t now_us);
/* It tried: after `free_tries` in a row each further one doubles the wait, from 1 s to `most_s`.
 * Counted when the attempt begins, so that many at once count too. */
void limits_tried(struct limits *l, const char *key, int free_tries, int most_s, int64_t now_us);
/* It was right. */
void limits_forgive(struct limits *l, const char *key);

#endif
