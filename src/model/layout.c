/* Layouts are split at slashes once; a component is matched by hand, because subjects' names may
 * hold what any pattern language would take for its own. */
#include "model/layout.h"

#include <stdio.h>
#include <string.h>
#include "base/str.h"

#define SUBJECT "{subject}"
#define STUDY "{study}"

static size_t times(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what)) {
        n++;
    }
    return n;
}

static bool parse_pattern(struct layout *l, struct err *err)
{
    char *rest = l->parts;
    size_t subjects = times(l->text, SUBJECT), studies = times(l->text, STUDY);
    if (subjects != 1 || studies > 1 || times(l->text, "{") != subjects + studies) {
        return err_set(err, ERR_USAGE,
                       "the layout '%s' is not understood: auto, scans, bids, dicom, or folders "
                       "with {subject} once and {study} at most once, such as {subject}/{study}",
                       l->text);
    }
    while (rest) {
        char *slash = strchr(rest, '/');
        if (slash) {
            *slash = '\0';
        }
        if (l->n == LAYOUT_LEVELS) {
            return err_set(err, ERR_USAGE, "the layout '%s' has more than %d folders", l->text,
                           LAYOUT_LEVELS);
        }
        if (!*rest || rest[0] == '.') {
            return err_set(err, ERR_USAGE,
                           "the layout '%s' has an empty or hidden folder: give it from the "
                           "project's folder down, without a slash at its ends",
                           l->text);
        }
        if (strstr(rest, SUBJECT STUDY) || strstr(rest, STUDY SUBJECT)) {
            return err_set(err, ERR_USAGE, "the layout '%s' does not say where the subject ends",
                           l->text);
        }
        l->levels[l->n++] = rest;
        rest = slash ? slash + 1 : NULL;
    }
    return strstr(l->levels[l->n - 1], SUBJECT) || strstr(l->levels[l->n - 1], STUDY) ||
        err_set(err, ERR_USAGE, "the layout '%s' does not end in {study} or {subject}", l->text);
}

bool layout_parse(const char *text, struct layout *ret, struct err *err)
{
    size_t n = strlen(text);
    *ret = (struct layout){.kind = LAYOUT_KIND_PATTERN};
    if (n >= sizeof ret->text) {
        return err_set(err, ERR_USAGE, "the layout is too long: %zu bytes", n);
    }
    memcpy(ret->text, text, n + 1);
    memcpy(ret->parts, text, n + 1);
    if (!strcmp(text, LAYOUT_SCANS)) {
        ret->kind = LAYOUT_KIND_SCANS;
    } else if (!strcmp(text, LAYOUT_BIDS)) {
        ret->kind = LAYOUT_KIND_BIDS;
    } else if (!strcmp(text, LAYOUT_DICOM)) {
        ret->kind = LAYOUT_KIND_DICOM;
    } else {
        return parse_pattern(ret, err);
    }
    return true;
}

static bool put_name(char *ret, const char *from, size_t n)
{
    if (n == 0 || n >= LAYOUT_NAME_MAX) {
        return false;
    }
    memcpy(ret, from, n);
    ret[n] = '\0';
    return true;
}

bool layout_level(const struct layout *layout, size_t level, const char *name,
                  struct layout_names *names)
{
    const char *p = layout->levels[level];
    if (!strcmp(p, "*")) {
        return true;
    }
    while (*p) {
        const char *brace = strchr(p, '{');
        if (!brace) {
            return !strcmp(p, name); /* plain to the end */
        }
        bool subject = str_starts(brace, SUBJECT);
        if (strncmp(p, name, (size_t)(brace - p)) != 0) {
            return false;
        }
        name += brace - p;
        p = brace + strlen(subject ? SUBJECT : STUDY);
        /* The name ends where the text behind it begins: the first time when another name follows,
         * else at the very end. */
        size_t plain = strcspn(p, "{"), n = strlen(name);
        if (p[plain]) {
            char between[sizeof layout->parts];
            (void)snprintf(between, sizeof between, "%.*s", (int)plain, p);
            const char *end = strstr(name, between);
            if (!end) {
                return false;
            }
            n = (size_t)(end - name);
        } else {
            if (n < plain || strcmp(name + n - plain, p) != 0) {
                return false;
            }
            n -= plain;
        }
        if (!put_name(subject ? names->pid : names->sid, name, n)) {
            return false;
        }
        name += n;
    }
    return !*name;
}

static bool digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
    }
    return true;
}

static int two(const char *p)
{
    return (p[0] - '0') * 10 + p[1] - '0';
}

/* A day at `p`: its length, 0 when there is none. */
static size_t day_at(const char *p, char ret[11])
{
    size_t gap = 0;
    if (!digits(p, 4)) {
        return 0;
    }
    if (p[4] && strchr("-_.", p[4])) {
        gap = 1;
    }
    const char *month = p + 4 + gap;
    if (!digits(month, 2) || (gap && month[2] != p[4])) {
        return 0;
    }
    const char *day = month + 2 + gap;
    if (!digits(day, 2) || digits(day + 2, 1)) {
        return 0;
    }
    bool fits = (two(p) == 19 || two(p) == 20) && two(month) >= 1 && two(month) <= 12 &&
        two(day) >= 1 && two(day) <= 31;
    if (!fits) {
        return 0;
    }
    (void)snprintf(ret, 11, "%.4s-%.2s-%.2s", p, month, day);
    return (size_t)(day + 2 - p);
}

void layout_date(const char *name, char ret[11])
{
    char found[11];
    size_t n = 0;
    ret[0] = '\0';
    for (const char *p = name; *p; p++) {
        if (p > name && digits(p - 1, 1)) {
            continue; /* within a longer number */
        }
        size_t length = day_at(p, found);
        if (length) {
            if (n++) {
                ret[0] = '\0';
                return;
            }
            memcpy(ret, found, sizeof found);
            p += length - 1;
        }
    }
}
