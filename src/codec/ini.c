/* Line by line; no state but the section. Keys are at most 120 bytes with their section, lines have
 * no limit. */
#include "codec/ini.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"

#define KEY_MAX 128

/* One line split in place: from..to without the blanks around it. */
struct span {
    const char *at;
    size_t n;
};

static struct span trimmed(const char *at, size_t n)
{
    while (n && isspace((unsigned char)at[0])) {
        at++;
        n--;
    }
    while (n && isspace((unsigned char)at[n - 1])) {
        n--;
    }
    return (struct span){at, n};
}

enum line_kind { LINE_EMPTY, LINE_SECTION, LINE_ENTRY, LINE_WRONG };

static enum line_kind split(struct span line, struct span *ret_key, struct span *ret_value)
{
    line = trimmed(line.at, line.n);
    if (line.n == 0 || line.at[0] == '#' || line.at[0] == ';') {
        return LINE_EMPTY;
    }
    if (line.at[0] == '[') {
        *ret_key = line.at[line.n - 1] == ']' ? trimmed(line.at + 1, line.n - 2) : line;
        return line.at[line.n - 1] == ']' && ret_key->n ? LINE_SECTION : LINE_WRONG;
    }
    const char *equals = memchr(line.at, '=', line.n);
    if (!equals) {
        return LINE_WRONG;
    }
    *ret_key = trimmed(line.at, (size_t)(equals - line.at));
    *ret_value = trimmed(equals + 1, line.n - (size_t)(equals + 1 - line.at));
    if (ret_value->n >= 2 && ret_value->at[0] == '"' && ret_value->at[ret_value->n - 1] == '"') {
        ret_value->at++;
        ret_value->n -= 2;
    }
    return ret_key->n ? LINE_ENTRY : LINE_WRONG;
}

/* "section.key" into `out`; false when it does not fit. */
static bool full_key(struct span section, struct span key, char out[KEY_MAX])
{
    int n = section.n
        ? snprintf(out, KEY_MAX, "%.*s.%.*s", (int)section.n, section.at, (int)key.n, key.at)
        : snprintf(out, KEY_MAX, "%.*s", (int)key.n, key.at);
    return n > 0 && n < KEY_MAX;
}

/* The next line of text; *at moves behind its newline. False at the end. */
static bool next_line(const char **at, const char *end, struct span *ret)
{
    if (*at >= end) {
        return false;
    }
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    ret->at = *at;
    ret->n = (size_t)((newline ? newline : end) - *at);
    *at = newline ? newline + 1 : end;
    return true;
}

bool ini_parse(const char *text, size_t length, const char *what, ini_entry_fn *fn, void *arg,
               struct err *err)
{
    const char *at = text;
    struct span line, key = {0}, value = {0}, section = {0};
    for (int number = 1; next_line(&at, text + length, &line); number++) {
        char name[KEY_MAX];
        enum line_kind kind = split(line, &key, &value);
        if (kind == LINE_EMPTY) {
            continue;
        }
        if (kind == LINE_SECTION) {
            section = key;
            continue;
        }
        if (kind == LINE_WRONG || memchr(line.at, '\0', line.n)) {
            return err_set(err, ERR_USAGE,
                           "%s:%d: this line is neither 'key = value' nor [section]", what, number);
        }
        if (!full_key(section, key, name)) {
            return err_set(err, ERR_USAGE, "%s:%d: the key is too long", what, number);
        }
        char *copy = mem_strndup(value.at, value.n, err);
        bool ok = copy && fn(arg, name, copy, err);
        mem_free(copy);
        if (!ok) {
            return err_wrap(err, "%s:%d", what, number);
        }
    }
    return true;
}

static void add_entry(struct str *out, const char *key, const char *value)
{
    size_t n = strlen(value);
    bool quote = n &&
        (isspace((unsigned char)value[0]) || isspace((unsigned char)value[n - 1]) ||
         value[0] == '"');
    str_addf(out, quote ? "%s = \"%s\"\n" : "%s = %s\n", key, value);
}

char *ini_with(const char *text, const char *key, const char *value, struct err *err)
{
    struct str out = STR_INIT;
    struct span line, name = {0}, old = {0}, section = {0};
    const char *at = text, *end = text + strlen(text);
    const char *dot = strrchr(key, '.');
    struct span wanted = {key, dot ? (size_t)(dot - key) : 0};
    bool done = value == NULL;
    size_t insert = wanted.n
        ? 0
        : 1; /* 1 + where a new entry of the section belongs; 0 = no such section yet */
    while (next_line(&at, end, &line)) {
        char have[KEY_MAX] = "";
        enum line_kind kind = split(line, &name, &old);
        if (kind == LINE_SECTION) {
            section = name;
        }
        if (kind == LINE_ENTRY && full_key(section, name, have) && !strcmp(have, key)) {
            if (!done) { /* as it is named where it stands: a dotted key needs no section */
                add_entry(&out, section.n ? key + section.n + 1 : key, value);
                done = true;
            }
        } else {
            str_addn(&out, line.at, line.n);
            str_addc(&out, '\n');
        }
        if (kind != LINE_EMPTY && section.n == wanted.n &&
            !memcmp(section.at ? section.at : "", wanted.at, wanted.n)) {
            insert = out.len + 1;
        }
    }
    if (!done) {
        struct str whole = STR_INIT;
        size_t cut = insert ? insert - 1 : out.len;
        str_addn(&whole, str_text(&out), cut);
        if (!insert) {
            str_addf(&whole, "%s[%.*s]\n", cut ? "\n" : "", (int)wanted.n, wanted.at);
        }
        add_entry(&whole, dot ? dot + 1 : key, value);
        str_add(&whole, str_text(&out) + cut);
        whole.failed = whole.failed || out.failed;
        str_fini(&out);
        return str_take(&whole, err);
    }
    str_add(&out, "");
    return str_take(&out, err);
}
