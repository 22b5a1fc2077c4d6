/* The lists of scans that somebody looks at (report/listing.h), one a project: read in steps on the
 * loop, told of every row that changes, thrown away when nobody has asked for a while. */
#ifndef GANTRY_API_LISTS_H
#define GANTRY_API_LISTS_H

#include "api/route.h"
#include "base/err.h"
#include "report/listing.h"

typedef bool lists_fn(struct request *q, struct reply *r, struct listing *l, struct err *err);

/* Answer `q` with `answer` as soon as the project's list is read: at once, or later. */
bool lists_answer(struct request *q, struct reply *r, int64_t project, lists_fn *answer,
                  struct err *err) CHECK_RESULT;

#endif
