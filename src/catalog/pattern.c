/* Wildcards and words of selectors: what needs no store. Parsing is in pattern-terms.c. */
#include "catalog/pattern.h"

#include <string.h>
#include "base/mem.h"
#include "catalog/pattern-terms.h"

static bool continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes of the character at p: a lead byte and all continuation bytes behind it, as SQLite reads
 * UTF-8, so that bytes that are none match alike. */
static size_t char_size(const char *p)
{
    size_t n = 1;
    if ((unsigned char)*p >= 0xc0) {
        while (continuation(p[n])) {
            n++;
        }
    }
    return n;
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool same_char(const char *a, size_t n, const char *b, size_t m)
{
    return n == m && (n == 1 ? lower(*a) == lower(*b) : !memcmp(a, b, n));
}

/* Only the last * is gone back to: what an earlier one could take, the last can take as well. So
 * the time is at most the product of both lengths. */
bool pattern_match(const char *pattern, const char *text)
{
    const char *p = pattern, *t = text, *star = NULL, *retry = NULL;
    while (*t) {
        size_t n = char_size(t);
        if (*p == '*') {
            star = ++p;
            retry = t;
            continue;
        }
        const char *c = *p == '\\' ? p + 1 : p;
        size_t m = *c ? char_size(c) : 0;
        if ((*p == '_') || (m && same_char(c, m, t, n))) {
            p = c + m;
            t += n;
        } else if (star) {
            retry += char_size(retry);
            t = retry;
            p = star;
        } else {
            return false;
        }
    }
    while (*p == '*') {
        p++;
    }
    return !*p;
}

bool pattern_wild(const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        if (*p == '*' || *p == '_') {
            return true;
        }
        if (*p == '\\' && p[1]) {
            p++;
        }
    }
    return false;
}

bool pattern_tagged(const char *tags, const char *tag)
{
    size_t n = strlen(tag);
    for (const char *p = strstr(tags, tag); n && p; p = strstr(p + 1, tag)) {
        if (p > tags && p[-1] == '/' && p[n] == '/') {
            return true;
        }
    }
    return false;
}

void pattern_escape(struct str *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '*' || *p == '_' || *p == '\\' || *p == '#') {
            str_addc(out, '\\');
        }
        str_addc(out, *p);
    }
}

void pattern_add_path(struct str *out, const char *path)
{
    str_add(out, out->len ? " ABS:\"" : "ABS:\"");
    for (const char *p = path; *p; p++) {
        if (*p == '"' || *p == '\\') {
            str_addc(out, '\\');
        }
        str_addc(out, *p);
    }
    str_addc(out, '"');
}

char *pattern_prefix(const char *pattern, struct err *err)
{
    char *prefix = mem_strdup(pattern, err);
    size_t n = 0;
    for (const char *p = pattern; prefix && *p && *p != '*' && *p != '_'; p++) {
        p += *p == '\\' && p[1];
        prefix[n++] = (char)lower(*p);
    }
    if (prefix) {
        prefix[n] = '\0';
    }
    return prefix;
}

void pattern_unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        p += *p == '\\' && p[1];
        *to++ = *p;
    }
    *to = '\0';
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word from `*at` on; backslashes and what they take stay for the pattern. */
static bool next_word(const char **at, struct str *word, struct err *err)
{
    const char *start = *at, *p = start;
    char quote = '\0';
    for (; *p && (quote || !blank(*p)); p++) {
        bool opens = p == start || p[-1] == ':' || p[-1] == '/';
        if (*p == '\\' && p[1]) {
            str_addc(word, *p++);
            str_addc(word, *p);
        } else if (quote && *p == quote) {
            quote = '\0';
        } else if (!quote && opens && (*p == '"' || *p == '\'')) {
            quote = *p;
        } else {
            str_addc(word, *p);
        }
    }
    *at = p;
    return !quote || err_set(err, ERR_USAGE, "'%s': the quote %c is not closed", start, quote);
}

bool pattern_words(const char *text, char ***ret_words, size_t *ret_n, struct err *err)
{
    size_t cap = strlen(text) / 2 + 1, n = 0;
    char **words = mem_array(cap, sizeof *words, err);
    bool ok = words != NULL;
    for (const char *p = text; ok && *p;) {
        struct str word = STR_INIT;
        if (blank(*p)) {
            p++;
            continue;
        }
        ok = next_word(&p, &word, err) && str_ok(&word, err);
        if (ok && word.len) {
            words[n] = str_take(&word, err);
            ok = words[n] != NULL;
            n += ok;
        }
        str_fini(&word);
    }
    if (!ok) {
        pattern_words_free(words, n);
        return false;
    }
    *ret_words = words;
    *ret_n = n;
    return true;
}

void pattern_words_free(char **words, size_t n)
{
    for (size_t i = 0; words && i < n; i++) {
        mem_free(words[i]);
    }
    mem_free(words);
}
