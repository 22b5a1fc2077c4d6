/* What the result table of a run over subjects, studies or series has besides: who (PID, SID, date;
 * of a series its patient, date, modality, description and slices), the participants' attributes,
 * and every value that a job reported (JOB.KEY). Private to results.c. */
#ifndef GANTRY_REPORT_RESULTS_COHORT_H
#define GANTRY_REPORT_RESULTS_COHORT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* Are the run's items subjects, studies or series? */
bool results_is_cohort(struct store *s, int64_t run, bool *ret, struct err *err) CHECK_RESULT;
/* Append the columns: who it is and attributes to `head`, values to `values` (arrays). */
bool results_cohort_columns(struct store *s, int64_t run, json_t *head, json_t *values,
                            struct err *err) CHECK_RESULT;
/* Fill them into the rows, which `by_id` finds by the item's id. */
bool results_cohort_fill(struct store *s, int64_t run, json_t *by_id, struct err *err) CHECK_RESULT;

#endif
