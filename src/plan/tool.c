/* Descriptors: reading, finding, checking values. */
#include "plan/tool.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/digest.h"
#include "model/values.h"
#include "os/file.h"

#define TOOLS_MAX 1024

struct tools {
    struct tool list[TOOLS_MAX];
    size_t n;
    json_t *empty;
};

static bool set_version(struct tool *t, struct err *err)
{
    const json_t *v = json_object_get(t->gantry, "version");
    if (json_is_integer(v)) {
        (void)snprintf(t->version, sizeof t->version, "%lld", (long long)json_integer_value(v));
        return true;
    }
    char *text = json_text(t->doc, err);
    if (text) {
        digest_text(text, strlen(text), t->version);
    }
    mem_free(text);
    return text != NULL;
}

static bool add(struct tools *t, const char *path, struct err *err)
{
    json_t *doc = json_read(path, err);
    const char *name = json_get_text(doc, "name", "");
    if (!doc) {
        return err_wrap(err, "tool descriptor");
    }
    if (!name[0]) {
        json_decref(doc);
        return err_set(err, ERR_FORMAT, "tool descriptor '%s' has no name", path);
    }
    size_t i = 0;
    while (i < t->n && strcmp(t->list[i].name, name) != 0) {
        i++;
    }
    if (i == TOOLS_MAX) {
        json_decref(doc);
        return err_set(err, ERR_USAGE, "more than %d tool descriptors", TOOLS_MAX);
    }
    if (i < t->n) {
        json_decref(t->list[i].doc);
    }
    json_t *gantry = json_object_get(json_object_get(doc, "custom"), "gantry");
    struct tool *tool = &t->list[i];
    *tool = (struct tool){.name = name, .doc = doc, .gantry = gantry ? gantry : t->empty};
    tool->kind = json_get_bool(tool->gantry, "step", false)
        ? "step"
        : json_get_text(tool->gantry, "kind", "command");
    t->n += i == t->n;
    return set_version(tool, err);
}

struct tools *tools_load(const char *const *folders, struct err *err)
{
    struct tools *t = mem_zero(sizeof *t, err);
    bool ok = t != NULL;
    if (ok) {
        t->empty = json_object();
    }
    for (size_t f = 0; ok && folders[f]; f++) {
        size_t n = 0;
        char **names = file_is_folder(folders[f]) ? file_list(folders[f], &n, err) : NULL;
        ok = names || !file_is_folder(folders[f]);
        for (size_t i = 0; ok && names && i < n; i++) {
            if (str_ends(names[i], ".json")) {
                char *path = path_join(folders[f], names[i], err);
                ok = path && add(t, path, err);
                mem_free(path);
            }
        }
        file_list_free(names);
    }
    if (!ok) {
        tools_free(t);
        t = NULL;
    }
    return t;
}

void tools_free(struct tools *t)
{
    if (t) {
        for (size_t i = 0; i < t->n; i++) {
            json_decref(t->list[i].doc);
        }
        json_decref(t->empty);
        mem_free(t);
    }
}

const struct tool *tools_find(const struct tools *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++) {
        if (!strcmp(t->list[i].name, name)) {
            return &t->list[i];
        }
    }
    return NULL;
}

size_t tools_count(const struct tools *t)
{
    return t->n;
}

const struct tool *tools_at(const struct tools *t, size_t i)
{
    return &t->list[i];
}

const json_t *tool_input(const struct tool *t, const char *id)
{
    size_t i;
    json_t *input;
    json_array_foreach(json_object_get(t->doc, "inputs"), i, input)
    {
        if (str_equal(json_get_text(input, "id", NULL), id)) {
            return input;
        }
    }
    return NULL;
}

const char *tool_place(const struct tool *t, const json_t *input)
{
    const char *key = json_get_text(input, "value-key", ""), *id = json_get_text(input, "id", "");
    size_t i;
    json_t *output;
    json_array_foreach(json_object_get(t->doc, "output-files"), i, output)
    {
        if (key[0] && strcmp(json_get_text(input, "type", ""), "File") != 0 &&
            str_starts(json_get_text(output, "path-template", ""), key)) {
            return json_get_bool(json_object_get(t->gantry, "folders"), id, false) ? "folder"
                                                                                   : "file";
        }
    }
    return NULL;
}

static bool among(const json_t *choices, const json_t *value, struct str *said)
{
    size_t i;
    json_t *choice;
    bool hit = false;
    json_array_foreach(choices, i, choice)
    {
        char *text =
            json_is_string(choice) ? NULL : json_text(choice, err_ignore("only for the message"));
        str_addf(said, "%s%s", i ? ", " : "",
                 json_is_string(choice) ? json_string_value(choice)
                     : text             ? text
                                        : "?");
        hit = hit || json_equal(choice, value) ||
            (json_is_number(choice) && json_is_number(value) &&
             json_number_value(choice) == json_number_value(value));
        mem_free(text);
    }
    return hit;
}

/* As a person would have typed it. Caller frees. */
static char *typed(const json_t *value, struct err *err)
{
    return json_is_string(value) ? mem_strdup(json_string_value(value), err)
        : json_is_boolean(value) ? mem_strdup(json_is_true(value) ? "True" : "False", err)
                                 : json_line(value, err);
}

static bool is_choice(const char *choices, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = choices; at && n > 0; at = strchr(at, '|')) {
        at += *at == '|';
        if (!strncmp(at, word, n) && (at[n] == '|' || at[n] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool is_any_of(const json_t *param, const json_t *wanted)
{
    size_t i;
    json_t *one;
    if (json_is_array(wanted)) {
        json_array_foreach(wanted, i, one)
        {
            if (json_equal(param, one)) {
                return true;
            }
        }
        return false;
    }
    return json_equal(param, wanted);
}

bool tool_applies(const json_t *when, const json_t *params)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)when, key, value)
    {
        if (!is_any_of(json_object_get(params, key), value)) {
            return false;
        }
    }
    return true;
}

bool tool_asks_model(const struct tool *t, const json_t *params)
{
    const char *id;
    json_t *when;
    json_object_foreach(json_object_get(t->gantry, "models"), id, when)
    {
        if (tool_applies(when, params) && strcmp(json_get_text(params, id, ""), "none") != 0) {
            return true;
        }
    }
    return false;
}

bool tool_check_later(const struct tool *t, const char *id, const json_t *value, bool *ret_known,
                      struct err *err)
{
    const json_t *later = json_object_get(json_object_get(t->gantry, "later"), id);
    const char *choices = json_get_text(later, "choices", NULL);
    const char *off = json_get_text(later, "off", NULL);
    char *text = later ? typed(value, err) : NULL;
    double given = 0, usual = 1;
    bool same = text && off &&
        (!strcasecmp(text, off) ||
         (num_double(text, &given) && num_double(off, &usual) && given == usual));
    bool fine = !later || (choices ? !is_choice(choices, text ? text : "") : same);
    *ret_known = later && !choices;
    if (!fine) {
        (void)err_set(err, ERR_UNSUPPORTED, "%s = %.60s is not built yet (%s)", id,
                      text ? text : "?", json_get_text(later, "help", ""));
    }
    mem_free(text);
    return fine;
}

static double number_of(const struct tool *t, const json_t *params, const char *id)
{
    const json_t *value = json_object_get(params, id);
    double number = json_get_double(tool_input(t, id), "default-value", -1);
    if (json_is_number(value)) {
        return json_number_value(value);
    }
    if (json_is_string(value)) {
        (void)num_double(json_string_value(value), &number); /* no number: the default stays */
    }
    return number;
}

bool tool_check_order(const struct tool *t, const json_t *params, struct err *err)
{
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(t->gantry, "order"), i, pair)
    {
        const char *first = json_string_value(json_array_get(pair, 0));
        const char *last = json_string_value(json_array_get(pair, 1));
        if (first && last && tool_input(t, first) && tool_input(t, last) &&
            !values_in_order(first, number_of(t, params, first), last, number_of(t, params, last),
                             err)) {
            return false;
        }
    }
    return true;
}

/* "a whole number, 0 to 3" */
static void say_range(const json_t *input, char *ret, size_t size)
{
    double lo = json_get_double(input, "minimum", NAN), hi = json_get_double(input, "maximum", NAN);
    const char *what = json_get_bool(input, "integer", false) ? "a whole number" : "a number";
    if (isnan(lo) && isnan(hi)) {
        (void)snprintf(ret, size, "%s", what);
    } else if (isnan(hi)) {
        (void)snprintf(ret, size, "%s from %.12g on", what, lo);
    } else if (isnan(lo)) {
        (void)snprintf(ret, size, "%s up to %.12g", what, hi);
    } else {
        (void)snprintf(ret, size, "%s, %.12g to %.12g", what, lo, hi);
    }
}

static bool check_number(const struct tool *t, const json_t *input, const json_t *value,
                         const char *text, struct err *err)
{
    double v = json_number_value(value), lo = json_get_double(input, "minimum", -1e300),
           hi = json_get_double(input, "maximum", 1e300);
    char range[100];
    bool whole = !json_get_bool(input, "integer", false) || v == floor(v);
    if (json_is_number(value) && whole && v >= lo && v <= hi) {
        return true;
    }
    say_range(input, range, sizeof range);
    return err_set(err, ERR_USAGE, "%s: %s = %.60s is not %s", t->name,
                   json_get_text(input, "id", "?"), text, range);
}

static bool check_choice(const struct tool *t, const json_t *input, const json_t *value,
                         const char *text, struct err *err)
{
    const json_t *choices = json_object_get(input, "value-choices");
    const char *id = json_get_text(input, "id", "?");
    struct str said = STR_INIT;
    bool known, ok = !choices || among(choices, value, &said);
    if (!ok && tool_check_later(t, id, value, &known, err)) {
        (void)err_set(err, ERR_USAGE, "%s: %s = %.60s is not one of: %s", t->name, id, text,
                      str_text(&said));
    }
    str_fini(&said);
    return ok;
}

bool tool_check_value(const struct tool *t, const char *id, const json_t *value, struct err *err)
{
    const json_t *input = tool_input(t, id);
    bool known = false;
    if (!input) {
        return !strcmp(t->kind, "script") ||
            (tool_check_later(t, id, value, &known, err) &&
             (known || err_set(err, ERR_USAGE, "%s has no parameter '%s'", t->name, id)));
    }
    const char *type = json_get_text(input, "type", "String");
    const char *form = json_get_text(json_object_get(t->gantry, "forms"), id, NULL);
    if (json_is_null(value) || (json_get_bool(input, "list", false) && json_is_array(value))) {
        return true;
    }
    char *text = typed(value, err);
    bool ok = text != NULL;
    if (ok && form) {
        ok = values_check(form, id, text, err) || err_wrap(err, "%s", t->name);
    } else if (ok && !strcmp(type, "Flag") && !json_is_boolean(value)) {
        ok = err_set(err, ERR_USAGE, "%s: %s = %.60s must be true or false", t->name, id, text);
    } else if (ok && (!strcmp(type, "Number") || json_is_number(value))) {
        ok = check_number(t, input, value, text, err);
    }
    ok = ok && check_choice(t, input, value, text, err);
    mem_free(text);
    return ok;
}
