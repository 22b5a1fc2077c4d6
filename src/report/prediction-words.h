/* The words of Batch Predictions: statuses, progress, the line before Submit. */
#ifndef GANTRY_REPORT_PREDICTION_WORDS_H
#define GANTRY_REPORT_PREDICTION_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"

/* Tasks of a prediction, one a series. */
struct prediction_counts {
    int64_t total, waiting, running, good, failed, cancelled;
    bool active; /* the run has not ended */
};

/* One more of `n` tasks in a state of model/state.h. */
void prediction_count(struct prediction_counts *c, int state, int64_t n);
/* Queued, In Progress, Completed (only when every series succeeded), "Failed (2 of 1000)",
 * Cancelled (W6, X24). */
void prediction_state(const struct prediction_counts *c, char *ret, size_t size);
/* waiting, running, done, failed, cancelled: for the colour. */
const char *prediction_group(const struct prediction_counts *c);
/* Percent of series that are finished, whole and rounded down: 100 only at the end (W7). */
int prediction_progress(const struct prediction_counts *c);
/* The word and the group of one series. */
const char *prediction_series_word(int state);
const char *prediction_series_group(int state);

/* "2 h 10 min", "4 min", "40 s". */
void prediction_span(double seconds, char *ret, size_t size);
/* "1,000 series, 3 do not fit (2 MR, 1 with 12 slices), about 2 h 10 min on 2 slots". misfits:
 * [{reason: "2 MR", n}]; seconds below 0: not known. Caller frees. */
char *prediction_line(int64_t total, const json_t *misfits, double seconds, int slots,
                      struct err *err) CHECK_RESULT;

#endif
