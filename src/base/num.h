/* Numbers from text: the whole text must be the number; NaN and infinities are not numbers to
 * people. */
#ifndef GANTRY_BASE_NUM_H
#define GANTRY_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

bool num_int64(const char *text, int64_t *ret);
/* Finite decimal number; locale-independent ('.' only). Surrounding blanks are allowed. */
bool num_double(const char *text, double *ret);
/* "512", "4k", "2M", "2G", "1.5T", also with a trailing "B" or "iB": bytes, powers of 1024. */
bool num_bytes(const char *text, int64_t *ret);
/* Seconds from "90", "90s", "10m", "2h", "1d", "0:10:00", "1-00:00:00". */
bool num_seconds(const char *text, double *ret);
/* "12-45,50" -> is `value` in the list? False on a malformed list too; num_ranges_valid() tells
 * them apart. */
bool num_ranges_valid(const char *text);
bool num_ranges_contain(const char *text, int64_t value);
/* "1.2 GB" style (powers of 1000), into `out` of at least 24 bytes. */
void num_show_bytes(int64_t bytes, char *out, unsigned size);
/* A finite number with `digits` (1..17) significant digits and never an exponent, which many
 * programs take for an option ("-1e-05"); no trailing zeros. Below 1e-40 it is 0. `out` of at least
 * NUM_PLAIN bytes. */
#define NUM_PLAIN 400
void num_show_plain(double value, int digits, char *out, unsigned size);

#endif
