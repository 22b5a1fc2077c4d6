/*
 * Pictures for the page, made by `gantry-imaging look`: at most two helpers, started when somebody
 * asks, ended when nobody has for a minute. The newest question is answered first (a slider that
 * moves leaves older ones behind), and those of clients that went away are dropped. Bytes go from
 * the helper's file in memory to the socket without a copy here.
 *
 * A helper that dies or hangs costs the question it was on one more try, then an error; the next
 * question starts another.
 */
#ifndef GANTRY_API_LOOK_H
#define GANTRY_API_LOOK_H

#include <stdint.h>
#include "api/route.h"

/* Answer `r` later with what the helper says to `question` (steps/look-request.h without "id" and
 * the paths, which are the item's; takes the reference). The caller's right to see the item is
 * checked here: ERR_NOTHING when there is no such item for him. */
bool look_ask(struct request *q, struct reply *r, int64_t item, json_t *question,
              struct err *err) CHECK_RESULT;

#endif
