/* jansson behind the house's errors and allocator. */
#include "codec/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include "base/mem.h"
#include "base/num.h"

/* Deeper documents are refused: ours have at most ten levels, hostile ones thousands. */
#define READ_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)

static void *alloc(size_t size)
{
    return mem_zero(size, NULL);
}

void json_setup(void)
{
    json_set_alloc_funcs(alloc, mem_free);
    /* Requests are parsed, so keys must not be able to collide on purpose. The kernel's 16 random
     * bytes of every process save a read of /dev/urandom. */
    const void *random = (const void *)getauxval(AT_RANDOM); /* NOLINT(performance-no-int-to-ptr) */
    size_t seed = 1;
    if (random) {
        memcpy(&seed, random, sizeof seed);
    }
    json_object_seed(seed);
}

static json_t *said(json_t *value, const json_error_t *e, const char *what, struct err *err)
{
    if (!value && (!*e->text || json_error_code(e) == json_error_out_of_memory)) {
        (void)err_set(err, ERR_NOMEM, "%s: out of memory", what); /* jansson says nothing then */
    } else if (!value) {
        (void)err_set(err, ERR_FORMAT, "%s, line %d column %d: %s", what, e->line, e->column,
                      e->text);
    }
    return value;
}

json_t *json_read(const char *path, struct err *err)
{
    json_error_t e;
    FILE *f = fopen(path, "re");
    if (!f) {
        (void)err_errno(err, errno, "cannot read '%s'", path);
        return NULL;
    }
    json_t *value = json_loadf(f, READ_FLAGS, &e);
    (void)fclose(f);
    return said(value, &e, path, err);
}

json_t *json_parse(const char *text, size_t length, const char *what, struct err *err)
{
    json_error_t e;
    return said(json_loadb(text, length, READ_FLAGS, &e), &e, what, err);
}

static char *dumped(const json_t *value, size_t flags, struct err *err)
{
    char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
    if (!text) {
        (void)err_set(err, ERR_NOMEM, "out of memory while writing JSON");
    }
    return text;
}

char *json_text(const json_t *value, struct err *err)
{
    return dumped(value, JSON_COMPACT | JSON_SORT_KEYS, err);
}

char *json_line(const json_t *value, struct err *err)
{
    return dumped(value, JSON_COMPACT, err);
}

char *json_pretty(const json_t *value, struct err *err)
{
    return dumped(value, JSON_INDENT(2) | JSON_SORT_KEYS, err);
}

/* Length of the UTF-8 sequence at `p` (RFC 3629), 0 when it is none. */
static size_t sequence(const unsigned char *p)
{
    size_t n = *p < 0x80 ? 1 : *p < 0xC2 ? 0 : *p < 0xE0 ? 2 : *p < 0xF0 ? 3 : *p < 0xF5 ? 4 : 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool wrong = n > 2 &&
        ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) ||
         (*p == 0xF0 && p[1] < 0x90) || (*p == 0xF4 && p[1] > 0x8F));
    return wrong ? 0 : n;
}

void json_add_text(struct str *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text, *plain = p;
    str_addc(out, '"');
    while (*p) {
        size_t n = sequence(p);
        if (n && *p >= 0x20 && *p != '"' && *p != '\\') {
            p += n;
            continue;
        }
        str_addn(out, (const char *)plain, (size_t)(p - plain));
        if (!n) {
            str_add(out, "\xEF\xBF\xBD");
        } else if (*p < 0x20) {
            str_addf(out, "\\u%04x", *p);
        } else {
            str_addc(out, '\\');
            str_addc(out, (char)*p);
        }
        plain = ++p;
    }
    str_addn(out, (const char *)plain, (size_t)(p - plain));
    str_addc(out, '"');
}

/* A number of few decimals without the general formatting. The quotient of two exact numbers is
 * rounded correctly, so text that passes this test reads back as the same number. */
static bool add_short(struct str *out, double value)
{
    static const double powers[] = {1, 100, 10000, 1000000};
    for (size_t i = 0; i < 4; i++) {
        double scaled = nearbyint(value * powers[i]);
        if (fabs(scaled) < 9e15 && scaled / powers[i] == value && (scaled != 0 || i == 0)) {
            char digits[32], *end = digits + sizeof digits, *p = end;
            uint64_t left = (uint64_t)fabs(scaled);
            size_t decimals = 2 * i;
            while (decimals && left % 10 == 0) {
                left /= 10;
                decimals--;
            }
            for (size_t n = 0; left || n <= decimals; n++, left /= 10) {
                if (n == decimals && n) {
                    *--p = '.';
                }
                *--p = (char)('0' + left % 10);
            }
            if (value < 0) {
                *--p = '-';
            }
            str_addn(out, p, (size_t)(end - p));
            return true;
        }
    }
    return false;
}

void json_add_real(struct str *out, double value)
{
    char text[40];
    if (!isfinite(value)) {
        str_add(out, "null");
        return;
    }
    if (add_short(out, value)) {
        return;
    }
    /* the shortest of the usual lengths that reads back as the same number */
    int n = snprintf(text, sizeof text, "%.9g", value);
    if (strtod(text, NULL) != value) {
        n = snprintf(text, sizeof text, "%.17g", value);
    }
    str_addn(out, text, (size_t)n);
}

static int add_piece(const char *text, size_t n, void *out)
{
    str_addn(out, text, n);
    return 0;
}

void json_add_value(struct str *out, const json_t *value)
{
    bool empty = json_is_object(value) ? json_object_size(value) == 0
                                       : json_is_array(value) && json_array_size(value) == 0;
    if (empty) {
        str_add(out, json_is_object(value) ? "{}" : "[]");
    } else if (json_dump_callback(value, add_piece, out,
                                  JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) != 0) {
        out->failed = true;
    }
}

const char *json_get_text(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : fallback;
}

int64_t json_get_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *v = json_object_get(object, key);
    if (json_is_integer(v)) {
        return json_integer_value(v);
    }
    return json_is_real(v) ? (int64_t)json_real_value(v) : fallback;
}

double json_get_double(const json_t *object, const char *key, double fallback)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : fallback;
}

bool json_get_bool(const json_t *object, const char *key, bool fallback)
{
    const json_t *v = json_object_get(object, key);
    return json_is_boolean(v) ? json_is_true(v) : fallback;
}

bool json_put(json_t *object, const char *key, json_t *value, struct err *err)
{
    return json_object_set_new(object, key, value) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory while making JSON");
}

json_t *json_guess(const char *text, struct err *err)
{
    json_t *value = NULL;
    double d;
    int64_t i;
    if (num_int64(text, &i)) {
        value = json_integer(i);
    } else if (num_double(text, &d)) {
        value = json_real(d);
    } else if (!strcmp(text, "true") || !strcmp(text, "false")) {
        value = json_boolean(text[0] == 't');
    } else if (!strcmp(text, "null")) {
        value = json_null();
    } else {
        value = text[0] == '[' || text[0] == '{' ? json_loads(text, READ_FLAGS, NULL) : NULL;
        value = value ? value : json_string(text);
    }
    if (!value) {
        (void)err_set(err, ERR_USAGE, "'%s' is not valid UTF-8 text", text);
    }
    return value;
}

bool json_only_keys(const json_t *object, const char *const *known, const char *where,
                    struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0) {
            i++;
        }
        if (!known[i]) {
            return err_set(err, ERR_USAGE, "unknown key '%s' in %s", key, where);
        }
    }
    return true;
}
