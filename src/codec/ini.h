/* INI text: `key = value` lines, [section] headings, # and ; comments. A key of a section is
 * "section.key" to callers. A value is the rest of its line without the blanks around it; double
 * quotes around it keep blanks. */
#ifndef GANTRY_CODEC_INI_H
#define GANTRY_CODEC_INI_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* One entry; false stops the parse with `err` filled (the place is put in front of it). */
typedef bool ini_entry_fn(void *arg, const char *key, const char *value, struct err *err);

/* Calls fn for every entry in order. `what` (the file's name) and the line stand in messages. */
bool ini_parse(const char *text, size_t length, const char *what, ini_entry_fn *fn, void *arg,
               struct err *err) CHECK_RESULT;

/* The text with `key` set to `value` (NULL: taken out); everything else, comments too, stays as it
 * is. Caller frees. */
char *ini_with(const char *text, const char *key, const char *value, struct err *err) CHECK_RESULT;

#endif
