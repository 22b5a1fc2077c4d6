/*
 * JSON for the house: jansson behind strict file reading, compact text, and getters with defaults.
 * Other rooms use json_t through this header only.
 */
#ifndef GANTRY_CODEC_JSON_H
#define GANTRY_CODEC_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

/* Make jansson use base/mem.c. Call once at the start of a program. */
void json_setup(void);

/* Read a whole file. Duplicate keys and trailing text are errors; the message has file, line and
 * column. */
json_t *json_read(const char *path, struct err *err) CHECK_RESULT;
/* The same from memory; `what` names it in messages. */
json_t *json_parse(const char *text, size_t length, const char *what, struct err *err) CHECK_RESULT;
/* Compact text with sorted keys (fit for fingerprints). Caller frees with mem_free. */
char *json_text(const json_t *value, struct err *err) CHECK_RESULT;
/* Compact text in whatever order is cheapest: for messages that are read once. */
char *json_line(const json_t *value, struct err *err) CHECK_RESULT;
/* Indented text for people. */
char *json_pretty(const json_t *value, struct err *err) CHECK_RESULT;

/* Straight into a text, for long lists that need no values in between. Bytes that are not UTF-8
 * come out as U+FFFD; a number that is not finite as null. */
void json_add_text(struct str *out, const char *text);
void json_add_real(struct str *out, double value);
/* A value as json_text() writes it. */
void json_add_value(struct str *out, const json_t *value);

/* Getters: the fallback when the key is missing or of another type. Strings point into the value.
 */
const char *json_get_text(const json_t *object, const char *key, const char *fallback);
int64_t json_get_int(const json_t *object, const char *key, int64_t fallback);
double json_get_double(const json_t *object, const char *key, double fallback); /* integers too */
bool json_get_bool(const json_t *object, const char *key, bool fallback);

/* Set a key; false only when memory is out (or value is NULL). Takes the reference of `value`. */
bool json_put(json_t *object, const char *key, json_t *value, struct err *err) CHECK_RESULT;

/* "key=value" from the command line -> JSON value: true/false/null, number, [list] or {object} when
 * they parse, else text. */
json_t *json_guess(const char *text, struct err *err) CHECK_RESULT;

/* Every key of `object` must be among `known` (NULL-terminated), else ERR_USAGE naming the key and
 * `where`. */
bool json_only_keys(const json_t *object, const char *const *known, const char *where,
                    struct err *err) CHECK_RESULT;

#endif
