/* Scanners over NUL-terminated text. */
#include "api/query.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool query_decode(const char *text, size_t n, bool plus, char **ret, struct err *err)
{
    char *out = mem_zero(n + 1, err);
    size_t k = 0;
    bool ok = out != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < n ? hex(text[i + 1]) : -1;
            int low = high >= 0 ? hex(text[i + 2]) : -1;
            c = (char)(high * 16 + low);
            ok = low >= 0 && c != '\0';
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[k++] = c;
    }
    if (out && !(ok && str_utf8(out))) {
        ok = err_set(err, ERR_USAGE, "a bad percent-escape or invalid UTF-8 in the address");
    }
    if (!ok) {
        mem_free(out);
        return false;
    }
    *ret = out;
    return true;
}

void query_fini(struct query_fields *q)
{
    for (size_t i = 0; i < q->n; i++) {
        mem_free(q->field[i].name);
        mem_free(q->field[i].value);
    }
    q->n = 0;
}

const char *query_value(const struct query_fields *q, const char *name)
{
    for (size_t i = 0; i < q->n; i++) {
        if (!strcmp(q->field[i].name, name)) {
            return q->field[i].value;
        }
    }
    return NULL;
}

static bool one_field(const char *text, size_t n, struct query_fields *q, struct err *err)
{
    const char *equals = memchr(text, '=', n);
    size_t name = equals ? (size_t)(equals - text) : n;
    struct query_field f = {NULL, NULL};
    if (q->n == QUERY_FIELDS) {
        return err_set(err, ERR_USAGE, "more than %d fields in the address", QUERY_FIELDS);
    }
    bool ok = query_decode(text, name, true, &f.name, err) &&
        query_decode(text + (equals ? name + 1 : n), equals ? n - name - 1 : 0, true, &f.value,
                     err);
    if (ok && query_value(q, f.name)) {
        ok = err_set(err, ERR_USAGE, "'%s' is given twice in the address", f.name);
    }
    if (!ok) {
        mem_free(f.name);
        mem_free(f.value);
        return false;
    }
    q->field[q->n++] = f;
    return true;
}

bool query_parse(const char *text, struct query_fields *ret, struct err *err)
{
    ret->n = 0;
    while (*text) {
        size_t n = strcspn(text, "&");
        if (n > 0 && !one_field(text, n, ret, err)) {
            query_fini(ret);
            return false;
        }
        text += n + (text[n] == '&');
    }
    return true;
}

void query_match_fini(char **parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(parts[i]);
        parts[i] = NULL;
    }
}

bool query_match(const char *pattern, const char *path, char **ret, size_t most, size_t *ret_n)
{
    size_t n = 0;
    bool ok = true;
    while (ok && *pattern && *path) {
        if (*pattern == '{') {
            size_t length = strcspn(path, "/");
            ok = n < most && length > 0 &&
                query_decode(path, length, false, &ret[n], err_ignore("then it is no match"));
            n += ok;
            pattern += strcspn(pattern, "}") + 1;
            path += length;
        } else {
            ok = *pattern++ == *path++;
        }
    }
    if (!ok || *pattern || *path) {
        query_match_fini(ret, n);
        return false;
    }
    *ret_n = n;
    return true;
}

static bool digits(const char **at, int64_t *ret)
{
    int64_t v = 0;
    const char *p = *at;
    while (*p >= '0' && *p <= '9') {
        if (v > (INT64_MAX - 9) / 10) {
            return false;
        }
        v = v * 10 + (*p++ - '0');
    }
    bool some = p != *at;
    *at = p;
    *ret = v;
    return some;
}

enum range query_range(const char *text, int64_t size, int64_t *ret_first, int64_t *ret_n)
{
    int64_t first = 0, last = size - 1;
    if (!text || strncasecmp(text, "bytes=", 6) != 0) {
        return RANGE_NONE;
    }
    text += 6;
    bool from = digits(&text, &first);
    if (*text++ != '-') {
        return RANGE_NONE;
    }
    int64_t end;
    bool to = digits(&text, &end);
    if (*text || (!from && !to)) {
        return RANGE_NONE;
    }
    if (!from) { /* the last so many bytes */
        first = end < size ? size - end : 0;
        if (end == 0) {
            return RANGE_OUTSIDE;
        }
    } else if (to) {
        if (end < first) {
            return RANGE_NONE;
        }
        last = end < last ? end : last;
    }
    if (first >= size) {
        return RANGE_OUTSIDE;
    }
    *ret_first = first;
    *ret_n = last - first + 1;
    return RANGE_PART;
}

bool query_etag_matches(const char *header, const char *etag)
{
    size_t n = strlen(etag);
    while (header && *header) {
        header += strspn(header, " \t,");
        if (*header == '*') {
            return true;
        }
        header += strncmp(header, "W/", 2) == 0 ? 2 : 0;
        if (*header != '"') {
            return false;
        }
        size_t length = strcspn(++header, "\"");
        if (length == n && !memcmp(header, etag, n)) {
            return true;
        }
        header += length + (header[length] == '"');
    }
    return false;
}

/* "gzip;q=0" refuses it. */
static bool refused(const char *params, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if ((params[i] == 'q' || params[i] == 'Q') && params[i + 1] == '=') {
            return strspn(params + i + 2, "0.") >= strcspn(params + i + 2, ",; \t");
        }
    }
    return false;
}

bool query_takes_gzip(const char *header)
{
    while (header && *header) {
        header += strspn(header, " \t,");
        size_t n = strcspn(header, ",");
        size_t word = strcspn(header, ",; \t");
        if (word == 4 && !strncasecmp(header, "gzip", 4)) {
            return !refused(header + word, n - word);
        }
        header += n;
    }
    return false;
}

char *query_cookie(const char *header, const char *name, struct err *err)
{
    size_t length = strlen(name);
    while (header && *header) {
        header += strspn(header, " \t;");
        size_t n = strcspn(header, ";");
        if (n > length && !strncmp(header, name, length) && header[length] == '=') {
            return mem_strndup(header + length + 1, n - length - 1, err);
        }
        header += n;
    }
    return NULL;
}

bool query_listen(const char *text, char host[64], int *ret_port, struct err *err)
{
    const char *colon = strrchr(text, ':');
    const char *port = colon ? colon + 1 : text;
    size_t n = colon ? (size_t)(colon - text) : 0;
    int64_t number;
    if (!num_int64(port, &number) || number < 0 || number > 65535) {
        return err_set(err, ERR_USAGE,
                       "'%s' is no address to listen on: ADDRESS:PORT, such as 127.0.0.1:8420",
                       text);
    }
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n > 63) {
        return err_set(err, ERR_USAGE, "the address to listen on is too long");
    }
    (void)snprintf(host, 64, "%.*s", (int)n, colon ? text : "127.0.0.1");
    if (!colon) {
        (void)snprintf(host, 64, "127.0.0.1");
    }
    *ret_port = (int)number;
    return true;
}
