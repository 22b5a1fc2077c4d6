/*
 * The result table of a run: one row an item, in the catalog's order (series, index, name).
 * results_rows() reads; results_csv() and results_table() lay the same rows out for files.
 */
#ifndef GANTRY_REPORT_RESULTS_H
#define GANTRY_REPORT_RESULTS_H

#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* The columns of a run, in order: name, series, index, status, cor, cor_source, confidence, then
 * <job> and <job>_seconds of every job, then outputs, error, path. An array of texts. Of a run over
 * subjects or studies: PID, SID, date, the participants' attributes, status, the jobs, every value
 * that a job reported (JOB.KEY), then as above. Of a run over series the same behind name, patient,
 * date, modality, description and slices. */
json_t *results_columns(struct store *s, int64_t run, struct err *err) CHECK_RESULT;
/* An array of objects with those keys. What is unknown is null; outputs is an array of paths. */
json_t *results_rows(struct store *s, int64_t run, struct err *err) CHECK_RESULT;

/* RFC 4180 with a header; several outputs stand in one field, separated by "; ". Caller frees. */
char *results_csv(const json_t *columns, const json_t *rows, struct err *err) CHECK_RESULT;
/* The same with tabs and without quotes, as participants.tsv: tabs and line ends become blanks. */
char *results_tsv(const json_t *columns, const json_t *rows, struct err *err) CHECK_RESULT;
/* {"columns": [...], "rows": [[...]]}: the input of `gantry-imaging table`. */
json_t *results_table(const json_t *columns, const json_t *rows, struct err *err) CHECK_RESULT;

#endif
