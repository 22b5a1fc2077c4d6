/*
 * From JSON values to struct recon_params: every given key is checked against the table as text,
 * then each field is filled from what was given or from its default.
 */
#include "steps/params.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

#define VALUE_SIZE 2048u /* longest value of a parameter, a list of slices say */

/* A JSON value as the text a user would have typed. */
static bool value_text(const json_t *value, char *ret, size_t size)
{
    char *text;
    int n;

    switch (json_typeof(value)) {
    case JSON_STRING:
        n = snprintf(ret, size, "%s", json_string_value(value));
        return n >= 0 && (size_t)n < size;
    case JSON_REAL:
        snprintf(ret, size, "%.17g", json_real_value(value));
        return true;
    case JSON_INTEGER:
        snprintf(ret, size, "%lld", (long long)json_integer_value(value));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(ret, size, "%s", json_is_true(value) ? "True" : "False");
        return true;
    default:
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        n = text == NULL ? -1 : snprintf(ret, size, "%s", text);
        mem_free(text);
        return n >= 0 && (size_t)n < size;
    }
}

/* Is `word` one of "a|b|c"? */
static bool among(const char *choices, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = choices; length > 0 && at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, word, length) == 0 && (at[length] == '|' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool logical(const char *text, bool *ret)
{
    if (among("True|true|yes|1|on", text)) {
        *ret = true;
    } else if (among("False|false|no|0|off", text)) {
        *ret = false;
    } else {
        return false;
    }
    return true;
}

static bool check_number(const struct param *p, const char *text, struct err *err)
{
    double value;

    if (!num_double(text, &value) || (p->type == PARAM_INTEGER && value != floor(value))) {
        return err_set(err, ERR_USAGE, "%s: '%.60s' is not %s", p->name, text,
                       p->type == PARAM_INTEGER ? "a whole number" : "a number");
    }
    if (p->min <= p->max && (value < p->min || value > p->max)) {
        return err_set(err, ERR_USAGE, "%s: %s is not within %g to %g", p->name, text, p->min,
                       p->max);
    }
    return true;
}

/* Does a value that is not built yet keep its default? */
static bool keeps_default(const struct param *p, const char *text)
{
    double value;
    double usual;
    bool on;

    if (p->type == PARAM_LOGICAL) {
        return logical(text, &on) && !on;
    }
    if (num_double(text, &value) && num_double(p->fallback, &usual)) {
        return value == usual;
    }
    return strcmp(text, p->fallback) == 0;
}

static bool check_value(const struct param *p, const char *text, struct err *err)
{
    bool on;

    if ((p->type == PARAM_NUMBER || p->type == PARAM_INTEGER) && !check_number(p, text, err)) {
        return false;
    }
    if (p->type == PARAM_LOGICAL && !logical(text, &on)) {
        return err_set(err, ERR_USAGE, "%s: '%.60s' is neither True nor False", p->name, text);
    }
    if (p->type == PARAM_CHOICE && !among(p->choices, text)) {
        return err_set(err, ERR_USAGE, "%s: '%.60s' is not one of %s", p->name, text, p->choices);
    }
    if ((p->built != NULL && !among(p->built, text)) ||
        (p->state == PARAM_NOT_YET && !keeps_default(p, text))) {
        return err_set(err, ERR_UNSUPPORTED, "%s = %.60s is not built yet (%s)", p->name, text,
                       p->help);
    }
    return true;
}

bool params_set(json_t *params, const char *name, const char *text, bool *ret_noted,
                struct err *err)
{
    const struct param *p = param_find(name);

    if (p == NULL) {
        return err_set(err, ERR_USAGE, "there is no parameter '%.60s'", name);
    }
    if (ret_noted != NULL) {
        *ret_noted = p->state == PARAM_NOTED;
    }
    if (p->state == PARAM_NOTED) {
        return true;
    }
    return check_value(p, text, err) && json_put(params, p->name, json_string(text), err);
}

/* ---- filling the struct ---- */

/* The value of a parameter as text: given, or its default; false when there is neither. */
static bool text_of(const json_t *params, const char *name, char *ret)
{
    const json_t *value = json_object_get(params, name);
    const struct param *p = param_find(name);

    if (value != NULL && !json_is_null(value)) {
        return value_text(value, ret, VALUE_SIZE);
    }
    if (p->fallback == NULL) {
        return false;
    }
    snprintf(ret, VALUE_SIZE, "%s", p->fallback);
    return true;
}

/* Numbers were checked before: a missing one is NaN. */
static double number_of(const json_t *params, const char *name)
{
    char text[VALUE_SIZE];
    double value = NAN;

    if (text_of(params, name, text) && !num_double(text, &value)) {
        value = NAN;
    }
    return value;
}

static int64_t integer_of(const json_t *params, const char *name)
{
    return (int64_t)number_of(params, name);
}

static bool logical_of(const json_t *params, const char *name)
{
    char text[VALUE_SIZE];
    bool on = false;

    return text_of(params, name, text) && logical(text, &on) && on;
}

static bool is_choice(const json_t *params, const char *name, const char *word)
{
    char text[VALUE_SIZE];

    return text_of(params, name, text) && strcmp(text, word) == 0;
}

/* "0.5", "[0,0.9]", "0,0.9" -> numbers; at most `max`. */
static bool read_list(const char *name, const char *text, double *ret, size_t max,
                      size_t *ret_count, struct err *err)
{
    char part[64];
    size_t count = 0;

    for (const char *at = text + strspn(text, "[] \t"); *at != '\0';) {
        size_t length = strcspn(at, ",[]");

        if (length >= sizeof(part) || count == max) {
            return err_set(err, ERR_USAGE, "%s: '%.80s' is too long a list", name, text);
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
    if (count == 0) {
        return err_set(err, ERR_USAGE, "%s: the list is empty", name);
    }
    *ret_count = count;
    return true;
}

static bool read_nsino(const json_t *params, struct recon_params *p, struct err *err)
{
    char text[VALUE_SIZE];

    if (!text_of(params, "nsino", text)) {
        return err_set(err, ERR_USAGE, "nsino: too long a list");
    }
    if (!read_list("nsino", text, p->nsino, PARAMS_MAX_NSINO, &p->nsinos, err)) {
        return false;
    }
    for (size_t i = 0; i < p->nsinos; i++) {
        if (p->nsino[i] < 0 || (p->nsino[i] > 1 && p->nsino[i] != floor(p->nsino[i]))) {
            return err_set(err, ERR_USAGE, "nsino: %g is neither a fraction 0 to 1 nor a row",
                           p->nsino[i]);
        }
    }
    return true;
}

static bool read_blocked(const json_t *params, struct recon_params *p, struct err *err)
{
    char text[VALUE_SIZE];
    size_t count = 0;

    p->blocked = 0;
    if (!text_of(params, "blocked_views", text)) {
        return err_set(err, ERR_USAGE, "blocked_views: too long a list");
    }
    if (among("none|False|false", text)) {
        return true;
    }
    if (!read_list("blocked_views", text, &p->blocked_rad[0][0], (size_t)PARAMS_MAX_BLOCKED * 2,
                   &count, err)) {
        return false;
    }
    p->blocked = count / 2;
    for (size_t i = 0; i < p->blocked; i++) {
        if (count % 2 != 0 || p->blocked_rad[i][0] >= p->blocked_rad[i][1]) {
            return err_set(err, ERR_USAGE,
                           "blocked_views: '%.60s' is not a list of pairs [start,end] in radians",
                           text);
        }
    }
    return count % 2 == 0 ? true
                          : err_set(err, ERR_USAGE, "blocked_views: an angle without its partner");
}

static bool read_keep(const json_t *params, struct recon_params *p, struct err *err)
{
    char text[VALUE_SIZE];

    if (text_of(params, "keep_try", text) && strcmp(text, "all") == 0) {
        p->keep_try = -1;
        return true;
    }
    if (!num_int64(text, &p->keep_try) || p->keep_try < 1) {
        return err_set(err, ERR_USAGE, "keep_try: '%.60s' is neither a number nor all", text);
    }
    return true;
}

static void read_axis(const json_t *params, struct recon_params *p)
{
    p->axis = number_of(params, "rotation_axis");
    p->axis = p->axis < 0 ? NAN : p->axis; /* tomocupy's -1 means "not given" */
    p->seed = number_of(params, "seed");
    p->seed = p->seed < 0 ? NAN : p->seed;
    p->axis_auto = is_choice(params, "rotation_axis_auto", "auto");
    p->method = is_choice(params, "rotation_axis_method", "vo") ? AXIS_VO
        : is_choice(params, "rotation_axis_method", "pc")       ? AXIS_PC
                                                                : AXIS_AUTO;
    p->search_width = number_of(params, "center_search_width");
    p->search_step = number_of(params, "center_search_step");
}

static bool check_all(const json_t *params, struct err *err)
{
    char text[VALUE_SIZE];
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)params, key, value)
    {
        const struct param *p = param_find(key);

        if (p == NULL) {
            return err_set(err, ERR_USAGE, "there is no parameter '%.60s'", key);
        }
        if (json_is_null(value) || p->state == PARAM_NOTED) {
            continue;
        }
        if (!value_text(value, text, sizeof(text))) {
            return err_set(err, ERR_USAGE, "%s: too long a value", key);
        }
        if (!check_value(p, text, err)) {
            return false;
        }
    }
    return true;
}

bool params_read(const json_t *params, struct recon_params *ret_params, struct err *err)
{
    struct recon_params p = {0};
    char text[VALUE_SIZE];

    if (!check_all(params, err) || !read_nsino(params, &p, err) || !read_blocked(params, &p, err) ||
        !read_keep(params, &p, err)) {
        return false;
    }
    read_axis(params, &p);
    if (!text_of(params, "reconstruction_algorithm", text) ||
        !recon_algorithm_of(text, &p.algorithm, err) || !text_of(params, "fbp_filter", text) ||
        !filter_of(text, &p.filter, err)) {
        return false;
    }
    p.binning = (unsigned)integer_of(params, "binning");
    p.start_row = integer_of(params, "start_row");
    p.end_row = integer_of(params, "end_row");
    p.start_proj = integer_of(params, "start_proj");
    p.end_proj = integer_of(params, "end_proj");
    p.start_column = integer_of(params, "start_column");
    p.end_column = integer_of(params, "end_column");
    p.minus_log = logical_of(params, "minus_log");
    p.hdf5 = is_choice(params, "save_format", "h5");
    *ret_params = p;
    return true;
}
