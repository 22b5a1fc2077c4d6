/*
 * The options of config.ini, one table: it gives the parser, `gantry config`, and later the
 * Settings page. What is not in the table is an error with file and line. Options are read when
 * they are used: options_load, options_*, options_free.
 */
#ifndef GANTRY_MODEL_OPTIONS_H
#define GANTRY_MODEL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

enum option_type {
    OPTION_INT,     /* whole number in min..max */
    OPTION_NUMBER,  /* number in min..max */
    OPTION_SECONDS, /* 90, 10m, 2h; in min..max seconds */
    OPTION_BYTES,   /* 512M, 2G */
    OPTION_BOOL,    /* yes, no, true, false, on, off, 1, 0 */
    OPTION_TEXT
};

struct option_info {
    const char *key;
    enum option_type type;
    double min, max;
    const char *fallback; /* as it would be written in the file */
    const char *help;     /* one line: what it does, what special values mean */
};

extern const struct option_info option_table[]; /* ends with key NULL */

struct options;

/* Read <home>/config.ini; a missing file means all defaults. ERR_USAGE with file and line on an
 * unknown key or a value out of range. */
struct options *options_load(const char *home, struct err *err) CHECK_RESULT;
void options_free(struct options *o);

/* By key; the default when it is not set. Asking for an unknown key gives 0, "" or false. */
const char *options_text(const struct options *o, const char *key);
int64_t options_int(const struct options *o, const char *key); /* OPTION_INT, OPTION_BYTES */
double options_number(const struct options *o,
                      const char *key); /* OPTION_NUMBER, OPTION_SECONDS, OPTION_INT */
bool options_bool(const struct options *o, const char *key);
/* Is it set in the file? */
bool options_given(const struct options *o, const char *key);

/* "integer", "number", "seconds", "bytes", "bool", "text" */
const char *option_type_name(enum option_type type);

/* The row of a key; NULL and ERR_USAGE (with the nearest key) when there is none. */
const struct option_info *option_find(const char *key, struct err *err) CHECK_RESULT;
/* Is `value` right for the option? ERR_USAGE says what it must be. */
bool option_check(const struct option_info *info, const char *value, struct err *err) CHECK_RESULT;
/* Write one option into <home>/config.ini, which keeps its comments; value NULL takes it out. */
bool options_save(const char *home, const char *key, const char *value,
                  struct err *err) CHECK_RESULT;

#endif
