/* Numbers from text, strictly: what is left over after a number makes it not a number. */
#include "base/num.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool num_int64(const char *text, int64_t *ret)
{
    char *end = NULL;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end || errno || isspace((unsigned char)text[0])) {
        return false;
    }
    *ret = v;
    return true;
}

/* strtod accepts hex, "nan" and "inf"; people who type a rotation axis mean none of them. */
static bool decimal_prefix(const char *text, double *ret, const char **ret_end)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    const char *p = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*p) && !(*p == '.' && isdigit((unsigned char)p[1]))) {
        return false;
    }
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        return false;
    }
    char *end = NULL;
    double v = strtod(text, &end);
    if (end == text || !isfinite(v)) {
        return false;
    }
    *ret = v;
    *ret_end = end;
    return true;
}

bool num_double(const char *text, double *ret)
{
    const char *end;
    double v;
    if (!decimal_prefix(text, &v, &end)) {
        return false;
    }
    while (isspace((unsigned char)*end)) {
        end++;
    }
    if (*end) {
        return false;
    }
    *ret = v;
    return true;
}

bool num_bytes(const char *text, int64_t *ret)
{
    static const char units[] = "kmgtp";
    const char *end;
    double v;
    if (!decimal_prefix(text, &v, &end) || v < 0) {
        return false;
    }
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
    if (unit) {
        v *= pow(1024, (double)(unit - units + 1));
        end++;
        if (*end == 'i') {
            end++;
        }
    }
    if (*end == 'B' || *end == 'b') {
        end++;
    }
    if (*end || v > 9e18) {
        return false;
    }
    *ret = (int64_t)v;
    return true;
}

/* "[d-][h:]m:s" */
static bool clock_form(const char *text, double *ret)
{
    double total = 0, days = 0;
    const char *dash = strchr(text, '-');
    if (dash) {
        const char *end;
        if (!decimal_prefix(text, &days, &end) || end != dash || days < 0) {
            return false;
        }
        text = dash + 1;
    }
    for (int parts = 0; parts < 3; parts++) {
        const char *end;
        double v;
        if (!decimal_prefix(text, &v, &end) || v < 0) {
            return false;
        }
        total = total * 60 + v;
        if (!*end) {
            *ret = total + days * 86400;
            return true;
        }
        if (*end != ':') {
            return false;
        }
        text = end + 1;
    }
    return false;
}

bool num_seconds(const char *text, double *ret)
{
    const char *end;
    double v;
    if (strchr(text, ':')) {
        return clock_form(text, ret);
    }
    if (!decimal_prefix(text, &v, &end) || v < 0) {
        return false;
    }
    double factor = 1;
    if (!strcmp(end, "m") || !strcmp(end, "min")) {
        factor = 60;
    } else if (!strcmp(end, "h")) {
        factor = 3600;
    } else if (!strcmp(end, "d")) {
        factor = 86400;
    } else if (!strcmp(end, "ms")) {
        factor = 1e-3;
    } else if (*end && strcmp(end, "s") != 0) {
        return false;
    }
    if (!isfinite(v * factor)) {
        return false;
    }
    *ret = v * factor;
    return true;
}

/* One pass serves both questions: `hit` is set when a range holds the value. */
static bool walk_ranges(const char *text, int64_t value, bool *hit)
{
    *hit = false;
    if (!*text) {
        return false;
    }
    for (;;) {
        char *end;
        errno = 0;
        int64_t a = strtoll(text, &end, 10), b;
        if (end == text || a < 0 || errno) {
            return false;
        }
        b = a;
        if (*end == '-') {
            text = end + 1;
            b = strtoll(text, &end, 10);
            if (end == text || b < a || errno) {
                return false;
            }
        }
        *hit = *hit || (value >= a && value <= b);
        if (!*end) {
            return true;
        }
        if (*end != ',') {
            return false;
        }
        text = end + 1;
    }
}

bool num_ranges_valid(const char *text)
{
    bool hit;
    return walk_ranges(text, -1, &hit);
}

bool num_ranges_contain(const char *text, int64_t value)
{
    bool hit;
    return walk_ranges(text, value, &hit) && hit;
}

void num_show_bytes(int64_t bytes, char *out, unsigned size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes;
    int u = 0;
    while (v >= 999.5 && u < 5) {
        v /= 1000;
        u++;
    }
    (void)snprintf(out, size, u == 0 ? "%.0f %s" : v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[u]);
}

void num_show_plain(double value, int digits, char *out, unsigned size)
{
    int exponent = value != 0 ? (int)floor(log10(fabs(value))) : 0;
    int places = digits - 1 - exponent;
    places = exponent < -40 || places < 0 ? 0 : places;
    (void)snprintf(out, size, "%.*f", places, value);
    if (strchr(out, '.')) {
        size_t n = strlen(out);
        while (out[n - 1] == '0') {
            out[--n] = '\0';
        }
        if (out[n - 1] == '.') {
            out[n - 1] = '\0';
        }
    }
    if (!strcmp(out, "-0")) {
        (void)snprintf(out, size, "0");
    }
}
