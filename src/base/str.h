/*
 * A growing string with a maximum. `struct str s = STR_INIT;` then str_add*(), then str_fini().
 * Failure is sticky: once an append fails (no memory, over the maximum) `failed` stays true and
 * later appends do nothing, so a caller builds a whole text and asks str_ok() once.
 */
#ifndef GANTRY_BASE_STR_H
#define GANTRY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"

struct str {
    char *buf; /* always NUL-terminated once something was added; NULL before */
    size_t len;
    size_t cap;
    size_t max; /* 0 = STR_MAX */
    bool failed;
};

#define STR_MAX ((size_t)256 << 20)
#define STR_INIT             \
    {                        \
        NULL, 0, 0, 0, false \
    }

void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const char *bytes, size_t n);
void str_addc(struct str *s, char c);
/* In decimals; printf takes longer than the rest of a row of a long table. */
void str_add_int(struct str *s, int64_t value);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_clear(struct str *s);
void str_fini(struct str *s);
/* The text, "" when nothing was added. Valid until the next change. */
const char *str_text(const struct str *s);
/* Give the buffer to the caller (mem_free it) and leave `s` empty; NULL and ERR_NOMEM when an
 * append failed. */
char *str_take(struct str *s, struct err *err) CHECK_RESULT;
/* False and ERR_NOMEM when any append failed. */
bool str_ok(const struct str *s, struct err *err) CHECK_RESULT;

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
bool str_equal(const char *a, const char *b); /* NULL equals NULL only */
/* Is the text valid UTF-8 (RFC 3629)? */
bool str_utf8(const char *text);
/* Make it so, in place: a character that is cut off at the end goes, other bytes become '?'. JSON
 * takes nothing else. */
void str_utf8_mend(char *text);

#endif
