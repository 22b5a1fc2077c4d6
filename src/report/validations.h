/* Validations: which there are, and how far each is. */
#ifndef GANTRY_REPORT_VALIDATIONS_H
#define GANTRY_REPORT_VALIDATIONS_H

#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

struct validations_query {
    int64_t of;         /* of this prediction only; 0 = of all */
    int64_t run;        /* this one only; 0 = all */
    const char *within; /* JSON array of projects; NULL = all */
    int64_t offset, limit;
};

/* {total, rows: [{run, id, of, kind, truth, folder, model, version, dataset, project, user,
 * started, ended, state, group, total, finished, failed, progress}]}, the newest first. New
 * reference. */
json_t *validations_list(struct store *s, const struct validations_query *q,
                         struct err *err) CHECK_RESULT;

#endif
