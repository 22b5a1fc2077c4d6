/*
 * A Python script with its variables replaced by literals. The text is read as Python reads it as
 * far as that matters here: comments, strings of every kind, and the rest.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "worker/script.h"

struct rewrite {
    const json_t *args, *positional;
    struct str *out;
};

/* The code point that begins at *at; moves on. Values come from JSON: valid UTF-8. */
static uint32_t code_point(const unsigned char **at)
{
    const unsigned char *p = *at;
    size_t more = *p < 0x80 ? 0 : *p < 0xE0 ? 1 : *p < 0xF0 ? 2 : 3;
    uint32_t c = more == 0 ? *p : *p & (0x3FU >> more);
    p++;
    for (; more > 0 && (*p & 0xC0) == 0x80; more--) {
        c = c << 6 | (*p++ & 0x3FU);
    }
    *at = p;
    return c;
}

static void add_text(struct str *out, const char *text, bool bytes)
{
    const unsigned char *p = (const unsigned char *)text;
    str_add(out, bytes ? "b'" : "'");
    while (*p) {
        uint32_t c = bytes ? *p++ : code_point(&p);
        if (c == '\'' || c == '\\') {
            str_addc(out, '\\');
            str_addc(out, (char)c);
        } else if (c >= 0x20 && c < 0x7F) {
            str_addc(out, (char)c);
        } else {
            str_addf(out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
        }
    }
    str_addc(out, '\'');
}

static void add_number(struct str *out, double value)
{
    char number[40];
    (void)snprintf(number, sizeof number, "%.17g", value);
    str_add(out, number);
    if (!strpbrk(number, ".eEn")) {
        str_add(out, ".0");
    }
}

static void add_literal(struct str *out, const json_t *value, bool bytes)
{
    size_t i;
    json_t *one;
    if (json_is_string(value)) {
        add_text(out, json_string_value(value), bytes);
    } else if (json_is_boolean(value)) {
        str_add(out, json_is_true(value) ? "True" : "False");
    } else if (json_is_integer(value)) {
        str_addf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        add_number(out, json_real_value(value));
    } else if (json_is_array(value)) {
        str_addc(out, '[');
        json_array_foreach((json_t *)value, i, one)
        {
            str_add(out, i ? ", " : "");
            add_literal(out, one, bytes);
        }
        str_addc(out, ']');
    } else {
        str_add(out, "None");
    }
}

/* As a part of a longer string: a text, whatever it is. */
static void add_as_text(struct str *out, const json_t *value, bool bytes)
{
    struct str text = STR_INIT;
    size_t i;
    json_t *one;
    if (json_is_string(value)) {
        str_add(&text, json_string_value(value));
    } else if (json_is_array(value)) {
        json_array_foreach((json_t *)value, i, one)
        {
            str_add(&text, i ? " " : "");
            str_add(&text, json_is_string(one) ? json_string_value(one) : "");
        }
    } else {
        add_literal(&text, value, false);
    }
    add_text(out, str_text(&text), bytes);
    str_fini(&text);
}

/* The argument that `p` (at a $) names, and the length with the $; NULL when none. */
static const json_t *variable(const struct rewrite *r, const char *p, size_t *ret_length)
{
    char name[80];
    size_t n = 0;
    while (n + 1 < sizeof name && (isalnum((unsigned char)p[1 + n]) || p[1 + n] == '_')) {
        name[n] = p[1 + n];
        n++;
    }
    name[n] = '\0';
    *ret_length = n + 1;
    if (isdigit((unsigned char)name[0])) {
        size_t k = strtoul(name, NULL, 10);
        return strspn(name, "0123456789") == n && k > 0 ? json_array_get(r->positional, k - 1)
                                                        : NULL;
    }
    return n ? json_object_get(r->args, name) : NULL;
}

/* Where the string that opens at `p` (with `n` quotes of this kind) ends: behind its quotes, or at
 * the end of the text. */
static const char *string_end(const char *p, size_t n)
{
    const char quote = *p;
    for (p += n; *p; p++) {
        if (*p == '\\' && p[1]) {
            p++;
        } else if (*p == quote && (n == 1 || (p[1] == quote && p[2] == quote))) {
            return p + n;
        } else if (*p == '\n' && n == 1) {
            return p; /* Python will say what it thinks of that */
        }
    }
    return p;
}

static void add_piece(struct str *out, const char *prefix, size_t prefix_length, const char *quotes,
                      size_t n, const char *body, size_t length)
{
    str_addn(out, prefix, prefix_length);
    str_addn(out, quotes, n);
    str_addn(out, body, length);
    str_addn(out, quotes, n);
}

/* One string, whose prefix (r, f, b, ...) stands at `prefix`, its quotes at `p`. Returns its end.
 */
static const char *rewrite_string(const struct rewrite *r, const char *prefix, const char *p)
{
    size_t n = p[1] == p[0] && p[2] == p[0] ? 3 : 1, length = 0, n_prefix = (size_t)(p - prefix);
    const char *end = string_end(p, n), *from = p + n, *at = from;
    bool whole = end >= from + n && !strncmp(end - n, p, n), any = false, bytes = false;
    const char *last = whole ? end - n : end;
    for (const char *c = prefix; c < p; c++) {
        bytes = bytes || *c == 'b' || *c == 'B';
    }
    while (whole && at < last) {
        const json_t *value = *at == '$' ? variable(r, at, &length) : NULL;
        if (*at == '\\' && at + 1 < last) {
            at += 2;
        } else if (!value) {
            at++;
        } else if (at == p + n && at + length == last) {
            add_literal(r->out, value, bytes); /* the quotes around it were the user's habit */
            return end;
        } else {
            str_add(r->out, any ? " " : "");
            if (at > from) {
                add_piece(r->out, prefix, n_prefix, p, n, from, (size_t)(at - from));
                str_addc(r->out, ' ');
            }
            add_as_text(r->out, value, bytes);
            any = true;
            at += length;
            from = at;
        }
    }
    if (!any) {
        str_addn(r->out, prefix, (size_t)(end - prefix));
    } else if (from < last) {
        str_addc(r->out, ' ');
        add_piece(r->out, prefix, n_prefix, p, n, from, (size_t)(last - from));
    }
    return end;
}

static bool is_prefix(const char *word, size_t n)
{
    return n <= 2 && strspn(word, "rRuUbBfF") >= n;
}

bool python_rewrite(const char *script, const json_t *args, const json_t *positional,
                    struct str *out, struct err *err)
{
    const struct rewrite r = {args, positional, out};
    const char *p = script;
    while (*p) {
        size_t n = 0, length = 0;
        while (isalnum((unsigned char)p[n]) || p[n] == '_') {
            n++;
        }
        const json_t *value = *p == '$' ? variable(&r, p, &length) : NULL;
        if ((p[n] == '"' || p[n] == '\'') && is_prefix(p, n)) {
            p = rewrite_string(&r, p, p + n);
        } else if (n > 0) {
            str_addn(out, p, n);
            p += n;
        } else if (*p == '#') {
            n = strcspn(p, "\n");
            str_addn(out, p, n);
            p += n;
        } else if (value) {
            add_literal(out, value, false);
            p += length;
        } else {
            str_addc(out, *p++);
        }
    }
    return str_ok(out, err);
}

bool script_python(const struct attempt *a, const char *script, struct err *err)
{
    struct str text = STR_INIT;
    json_t *positional = json_array(), *command = json_object_get(a->job, "command");
    bool ok = positional || err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 2; ok && i < json_array_size(command); i++) { /* python3 script.py ... */
        ok = json_array_append(positional, json_array_get(command, i)) == 0;
    }
    ok = ok && python_rewrite(script, json_object_get(a->job, "args"), positional, &text, err) &&
        script_write(a, "script.py", &text, err);
    json_decref(positional);
    str_fini(&text);
    return ok;
}
