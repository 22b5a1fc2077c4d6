/* Batch Predictions as rows: the table of the page (W5), one with all its facts, and its series.
 * For commands and the API alike. */
#ifndef GANTRY_REPORT_PREDICTIONS_H
#define GANTRY_REPORT_PREDICTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "report/prediction-words.h"
#include "store/store.h"

struct predictions_query {
    int64_t project;    /* 0: of any */
    const char *within; /* as in causes.h */
    const char *filter; /* words; each must be in id, model, data set, user or status */
    const char *sort;   /* id, model, dataset, user, progress, started, ended, state */
    bool descending;
    int64_t offset, limit;
};
/* Is it one of those words? */
bool predictions_sorts(const char *word);

/* {total, rows: [{id, model, version, dataset, dataset_id, task, user, state, group, total,
 * finished, failed, cancelled, progress (0-100), started, ended, trial, again_of, project}]}:
 * started is when it was submitted, times in microseconds. */
json_t *predictions_list(struct store *s, const struct predictions_query *q,
                         struct err *err) CHECK_RESULT;
/* Its row with settings, checksum, folder, host, priority, counts {waiting, running, done, failed,
 * cancelled}, seconds of its longest and its usual series. ERR_NOTHING when it is none. */
json_t *predictions_show(struct store *s, int64_t run, struct err *err) CHECK_RESULT;
/* The latest prediction of a model, or NULL and no error: [{id, dataset, user, state, started}]. */
json_t *predictions_of_model(struct store *s, const char *model, const char *within, int64_t limit,
                             struct err *err) CHECK_RESULT;

/* state, group, total, finished, failed, cancelled and progress of the run row["id"], in place of
 * its "active"; the counts also in `ret`, which may be NULL. */
bool predictions_put_counts(struct store *s, json_t *row, struct prediction_counts *ret,
                            struct err *err) CHECK_RESULT;

struct prediction_series_query {
    int64_t run;
    const char *filter; /* words; each must be in name, patient, date, modality, message */
    const char *group;  /* waiting, running, done, failed, cancelled; "" = any */
    const char *sort;   /* name, patient, date, slices, state, seconds */
    bool descending;
    int64_t offset, limit;
    /* Without the price of ordering all of them: only rows behind this task, by task; 0 begins.
     * 'total' then stands in the first page only. Set `walk` for it. */
    bool walk;
    int64_t after;
};
bool prediction_series_sorts(const char *word);
/* {total, rows: [{id (the series), task, name, stem, patient, date, modality, description, slices,
 * state, group, seconds, attempts, message, values}]} */
json_t *prediction_series(struct store *s, const struct prediction_series_query *q,
                          struct err *err) CHECK_RESULT;

#endif
