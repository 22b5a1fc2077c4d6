/*
 * Answers that cost something and that many pages ask for at the same moment (two hundred pages
 * follow one run): kept for a moment in proportion to what they cost, so that making them takes at
 * most a twentieth of the time, however many ask.
 */
#ifndef GANTRY_API_RECENT_H
#define GANTRY_API_RECENT_H

#include <stdint.h>
#include "api/route.h"
#include "base/err.h"

/* Answer with the kept text of `key`; *ret_done = false when there is none that is young enough. */
bool recent_answer(struct request *q, struct reply *r, const char *key, bool *ret_done,
                   struct err *err) CHECK_RESULT;
/* Answer with `value` (takes the reference; NULL: err is set) and keep its text. `begun_us`
 * (monotonic): when making it began. */
bool recent_keep(struct request *q, struct reply *r, const char *key, int64_t begun_us,
                 json_t *value, struct err *err) CHECK_RESULT;
/* Something was changed by request: whoever asks now sees it. */
void recent_forget(struct api *api);

#endif
