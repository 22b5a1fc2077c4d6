/*
 * Parts of predict.report: what the plan of a validation and the results of its series say, put
 * together as one JSON document (validation.json), and that as a table and as a PDF.
 */
#ifndef GANTRY_STEPS_VALIDATION_H
#define GANTRY_STEPS_VALIDATION_H

#include "codec/json.h"
#include "steps/job.h"

struct validation {
    struct job *job;
    json_t *plan;
    char *folder; /* of the plan: results of masks lie below it */
    json_t *doc;
    json_t *rows; /* of doc, borrowed */
};

/* A row of the document for one of the plan: item, name, stem, state, reason, truth. */
json_t *validation_row(const json_t *planned, struct err *err) CHECK_RESULT;
/* The row could not be judged. */
bool validation_refuse(json_t *row, const char *reason, struct err *err) CHECK_RESULT;
/* How many series are in which state, into the document. */
bool validation_count(struct validation *v, struct err *err) CHECK_RESULT;
/* Rows by `by`, which must be a whole order. */
bool validation_sort(struct validation *v, int (*by)(const void *a, const void *b),
                     struct err *err) CHECK_RESULT;

/* validation-masks.c, validation-labels.c: rows and summary into the document. */
bool validation_masks(struct validation *v, struct err *err) CHECK_RESULT;
bool validation_labels(struct validation *v, struct err *err) CHECK_RESULT;

/* validation-table.c: the document as CSV. */
bool validation_csv(const json_t *doc, struct str *out, struct err *err) CHECK_RESULT;
/* validation-pdf.c */
bool validation_pdf(const json_t *doc, const char *path, struct err *err) CHECK_RESULT;

#endif
