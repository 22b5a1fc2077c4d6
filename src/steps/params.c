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
#include "model/values.h"

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
        return values_logical(p->name, text, &on, err_ignore("then it is not the default")) && !on;
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
    if (p->type == PARAM_LOGICAL && !values_logical(p->name, text, &on, err)) {
        return false;
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

    return text_of(params, name, text) &&
        values_logical(name, text, &on, err_ignore("it was checked before")) && on;
}

static bool is_choice(const json_t *params, const char *name, const char *word)
{
    char text[VALUE_SIZE];

    return text_of(params, name, text) && strcmp(text, word) == 0;
}

static bool read_forms(const json_t *params, struct recon_params *p, struct err *err)
{
    char text[VALUE_SIZE];

    return (text_of(params, "nsino", text) || err_set(err, ERR_USAGE, "nsino: too long a list")) &&
        values_rows("nsino", text, p->nsino, PARAMS_MAX_NSINO, &p->nsinos, err) &&
        (text_of(params, "blocked_views", text) ||
         err_set(err, ERR_USAGE, "blocked_views: too long a list")) &&
        values_intervals("blocked_views", text, &p->blocked_rad[0][0], PARAMS_MAX_BLOCKED,
                         &p->blocked, err) &&
        (text_of(params, "keep_try", text) ||
         err_set(err, ERR_USAGE, "keep_try: too long a value")) &&
        values_count("keep_try", text, &p->keep_try, err);
}

static bool check_order(const json_t *params, struct err *err)
{
    for (size_t i = 0; param_order[i][0] != NULL; i++) {
        const char *first = param_order[i][0];
        const char *last = param_order[i][1];

        if (!values_in_order(first, number_of(params, first), last, number_of(params, last), err)) {
            return false;
        }
    }
    return true;
}

const char *axis_method_word(enum axis_method method)
{
    static const char *const words[] = {"auto", "vo", "pc", "entropy", "ai"};

    return words[method];
}

static void read_axis(const json_t *params, struct recon_params *p)
{
    p->axis = number_of(params, "rotation_axis");
    p->axis = p->axis == -1 ? NAN : p->axis; /* tomocupy's -1 means "not given" */
    p->seed = number_of(params, "seed");
    p->seed = p->seed == -1 ? NAN : p->seed;
    p->axis_auto = is_choice(params, "rotation_axis_auto", "auto");
    p->method = AXIS_AUTO;
    for (enum axis_method m = AXIS_AUTO; m <= AXIS_AI; m++) {
        p->method = is_choice(params, "rotation_axis_method", axis_method_word(m)) ? m : p->method;
    }
    p->model = json_get_text(params, "cor_model", param_find("cor_model")->fallback);
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

    if (!check_all(params, err) || !read_forms(params, &p, err) || !check_order(params, err)) {
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
