/* Tables of attributes in a cohort's tree: participants.tsv, *_sessions.tsv and *_scans.tsv of
 * BIDS. */
#ifndef GANTRY_CATALOG_COHORT_TABLE_H
#define GANTRY_CATALOG_COHORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "codec/json.h"

/* Rows of a table (tabs, commas or semicolons between the fields) by the text of their `id` column:
 * {"sub-01": {"age": 23, "sex": "F"}}. Fields that are empty or n/a are left out; the id column
 * itself too. A row named twice keeps its first values. */
json_t *cohort_table_parse(const char *text, size_t length, const char *what, const char *id,
                           struct err *err) CHECK_RESULT;
/* The same from a file; an empty object when it is not there. */
json_t *cohort_table_read(const char *path, const char *what, const char *id,
                          struct err *err) CHECK_RESULT;
/* A field as an attribute: a number where it reads as one and nothing is lost, else text. */
json_t *cohort_table_value(const char *field);
/* The day of an acq_time (2023-01-31T10:30:00), "" when there is none. */
void cohort_table_day(const json_t *row, char ret[11]);
/* The earliest day of a scans.tsv. */
void cohort_table_first_day(const json_t *table, char ret[11]);

#endif
