/* A growing string with sticky failure, and three comparisons. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool room_for(struct str *s, size_t more)
{
    size_t max = s->max ? s->max : STR_MAX;
    if (s->failed || more > max || s->len + more + 1 > max) {
        s->failed = true;
        return false;
    }
    if (s->len + more + 1 > s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        while (cap < s->len + more + 1) {
            cap *= 2;
        }
        char *grown = mem_resize(s->buf, cap, 1, NULL);
        if (!grown) {
            s->failed = true;
            return false;
        }
        s->buf = grown;
        s->cap = cap;
    }
    return true;
}

void str_addn(struct str *s, const char *bytes, size_t n)
{
    if (room_for(s, n)) {
        if (n) {
            memcpy(s->buf + s->len, bytes, n);
        }
        s->len += n;
        s->buf[s->len] = '\0';
    }
}

void str_add(struct str *s, const char *text)
{
    str_addn(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
    str_addn(s, &c, 1);
}

void str_add_int(struct str *s, int64_t value)
{
    char text[24], *p = text + sizeof text;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--p = (char)('0' + left % 10);
    } while (left /= 10);
    if (value < 0) {
        *--p = '-';
    }
    str_addn(s, p, (size_t)(text + sizeof text - p));
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !room_for(s, (size_t)n)) {
        s->failed = true;
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(s->buf + s->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    s->len += (size_t)n;
}

void str_clear(struct str *s)
{
    s->len = 0;
    s->failed = false;
    if (s->buf) {
        s->buf[0] = '\0';
    }
}

void str_fini(struct str *s)
{
    mem_free(s->buf);
    *s = (struct str)STR_INIT;
}

const char *str_text(const struct str *s)
{
    return s->buf ? s->buf : "";
}

bool str_ok(const struct str *s, struct err *err)
{
    return !s->failed || err_set(err, ERR_NOMEM, "out of memory, or a text longer than allowed");
}

char *str_take(struct str *s, struct err *err)
{
    char *text = NULL;
    if (str_ok(s, err)) {
        text = s->buf ? s->buf : mem_strdup("", err);
        *s = (struct str)STR_INIT;
    } else {
        str_fini(s);
    }
    return text;
}

bool str_starts(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

bool str_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && !strcmp(text + n - m, suffix);
}

bool str_equal(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* Bytes of the sequence that begins at `p`, 0 when it is none. RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF. *ret_cut: the text ends within it. */
static size_t sequence(const unsigned char *p, bool *ret_cut)
{
    size_t n = *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : 2;
    unsigned lead = *p, next = p[1];
    *ret_cut = false;
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            *ret_cut = p[i] == '\0';
            return 0;
        }
    }
    bool good = !((lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) ||
                  (lead == 0xF0 && next < 0x90) || (lead == 0xF4 && next > 0x8F));
    return good ? n : 0;
}

bool str_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    bool cut;
    size_t n = 1;
    for (; *p && n; p += n) {
        n = sequence(p, &cut);
    }
    return n > 0;
}

void str_utf8_mend(char *text)
{
    unsigned char *p = (unsigned char *)text;
    while (*p) {
        bool cut;
        size_t n = sequence(p, &cut);
        if (n == 0) {
            *p = cut ? '\0' : '?';
        }
        p += n ? n : !cut;
    }
}
