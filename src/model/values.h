/*
 * Parameters that are text with a form of their own, and pairs that must be in order: one reading
 * of them for the check at launch (from a tool's descriptor) and for the step that uses them.
 *
 * Forms: "rows" (fractions 0..1 of the rows, or rows when above 1: "0.5", "[0,0.9]"), "intervals"
 * ("none", or [start,end] pairs that rise: "[[0,1.2],[3,3.1]]"), "count-or-all" (a number from 1,
 * or "all"), "logical" ("True", "no", "1", ...).
 */
#ifndef GANTRY_MODEL_VALUES_H
#define GANTRY_MODEL_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define VALUES_MAX 64 /* numbers in one list */

/* Each: ERR_USAGE with the parameter's name, the value, and what it may be. */
bool values_rows(const char *name, const char *text, double *ret, size_t max, size_t *ret_count,
                 struct err *err) CHECK_RESULT;
/* ret[2 * max]: start and end in turn; *ret_count pairs. */
bool values_intervals(const char *name, const char *text, double *ret, size_t max,
                      size_t *ret_count, struct err *err) CHECK_RESULT;
/* -1 = all */
bool values_count(const char *name, const char *text, int64_t *ret, struct err *err) CHECK_RESULT;
bool values_logical(const char *name, const char *text, bool *ret, struct err *err) CHECK_RESULT;

/* Has `text` the form? An unknown form is fulfilled by everything (a newer descriptor). */
bool values_check(const char *form, const char *name, const char *text,
                  struct err *err) CHECK_RESULT;
/* [first, last): last -1 = open. */
bool values_in_order(const char *first_name, double first, const char *last_name, double last,
                     struct err *err) CHECK_RESULT;

#endif
