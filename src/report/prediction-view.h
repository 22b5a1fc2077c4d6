/* Everything the results viewer shows of one series of a prediction, in one answer: a picture must
 * not wait for a second question. */
#ifndef GANTRY_REPORT_PREDICTION_VIEW_H
#define GANTRY_REPORT_PREDICTION_VIEW_H

#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* {run, model, version, task, dataset, project, settings, item, name, patient, date, ..., state,
 * message, values, position and total in the order of patient, date and name, previous, next
 * (items, 0 = none), same_patient: [{item, date, name}], others: [predictions of the same series
 * that are done]}. ERR_NOTHING when the run is no prediction or has no such series. */
json_t *prediction_view(struct store *s, int64_t run, int64_t item, struct err *err) CHECK_RESULT;

#endif
