/* Lists are read leniently: brackets and blanks may stand anywhere between the numbers. */
#include "model/values.h"

#include <math.h>
#include <string.h>
#include "base/num.h"
#include "base/str.h"

#define PAIRS_MAX (VALUES_MAX / 2)

static bool one_of(const char *text, const char *const *words)
{
    while (*words && !str_equal(text, *words)) {
        words++;
    }
    return *words != NULL;
}

/* "0.5", "[0,0.9]", "0,0.9" -> numbers; at most `max`. */
static bool read_list(const char *name, const char *text, double *ret, size_t max,
                      size_t *ret_count, struct err *err)
{
    char part[64];
    size_t count = 0;
    for (const char *at = text + strspn(text, "[] \t"); *at;) {
        size_t length = strcspn(at, ",[]");
        if (length >= sizeof part || count == max) {
            return err_set(err, ERR_USAGE, "%s: '%.80s' is too long a list (at most %zu numbers)",
                           name, text, max);
        }
        memcpy(part, at, length);
        part[length] = '\0';
        if (!num_double(part, &ret[count++])) {
            return err_set(err, ERR_USAGE, "%s: '%.60s' is not a number or a list of numbers", name,
                           text);
        }
        at += length;
        at += strspn(at, ",[] \t");
    }
    *ret_count = count;
    return count > 0 || err_set(err, ERR_USAGE, "%s: the list is empty", name);
}

bool values_rows(const char *name, const char *text, double *ret, size_t max, size_t *ret_count,
                 struct err *err)
{
    if (!read_list(name, text, ret, max, ret_count, err)) {
        return false;
    }
    for (size_t i = 0; i < *ret_count; i++) {
        if (ret[i] < 0 || (ret[i] > 1 && ret[i] != floor(ret[i]))) {
            return err_set(err, ERR_USAGE,
                           "%s: %g is neither a fraction 0 to 1 nor a row (a whole number above 1)",
                           name, ret[i]);
        }
    }
    return true;
}

bool values_intervals(const char *name, const char *text, double *ret, size_t max,
                      size_t *ret_count, struct err *err)
{
    static const char *const none[] = {"none", "False", "false", NULL};
    size_t count = 0;
    if (one_of(text, none)) {
        *ret_count = 0;
        return true;
    }
    bool good =
        read_list(name, text, ret, 2 * max, &count, err_ignore("said below")) && count % 2 == 0;
    for (size_t i = 0; good && i < count; i += 2) {
        good = ret[i] < ret[i + 1];
    }
    *ret_count = count / 2;
    return good ||
        err_set(err, ERR_USAGE,
                "%s: '%.60s' is neither none nor a list of pairs [start,end] with start before end",
                name, text);
}

bool values_count(const char *name, const char *text, int64_t *ret, struct err *err)
{
    if (str_equal(text, "all")) {
        *ret = -1;
        return true;
    }
    return (num_int64(text, ret) && *ret >= 1) ||
        err_set(err, ERR_USAGE, "%s: '%.60s' is neither a whole number from 1 on nor all", name,
                text);
}

bool values_logical(const char *name, const char *text, bool *ret, struct err *err)
{
    static const char *const yes[] = {"True", "true", "yes", "1", "on", NULL};
    static const char *const no[] = {"False", "false", "no", "0", "off", NULL};
    *ret = one_of(text, yes);
    return *ret || one_of(text, no) ||
        err_set(err, ERR_USAGE, "%s: '%.60s' is neither True nor False", name, text);
}

bool values_check(const char *form, const char *name, const char *text, struct err *err)
{
    double number[VALUES_MAX];
    size_t count = 0;
    int64_t whole;
    bool on;
    if (str_equal(form, "rows")) {
        return values_rows(name, text, number, VALUES_MAX, &count, err);
    }
    if (str_equal(form, "intervals")) {
        return values_intervals(name, text, number, PAIRS_MAX, &count, err);
    }
    if (str_equal(form, "count-or-all")) {
        return values_count(name, text, &whole, err);
    }
    return !str_equal(form, "logical") || values_logical(name, text, &on, err);
}

bool values_in_order(const char *first_name, double first, const char *last_name, double last,
                     struct err *err)
{
    return last < 0 || first < last ||
        err_set(err, ERR_USAGE, "%s = %g is not before %s = %g (-1 = to the end)", first_name,
                first, last_name, last);
}
