/* Descriptors: reading, finding, checking values. */
#include "plan/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/digest.h"
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

bool tool_check_value(const struct tool *t, const char *id, const json_t *value, struct err *err)
{
    const json_t *input = tool_input(t, id);
    if (!input) {
        return !strcmp(t->kind, "script") ||
            err_set(err, ERR_USAGE, "%s has no parameter '%s'", t->name, id);
    }
    const char *type = json_get_text(input, "type", "String");
    bool list = json_get_bool(input, "list", false);
    if (json_is_null(value) || (list && json_is_array(value))) {
        return true;
    }
    if (!strcmp(type, "Number") && !json_is_number(value)) {
        return err_set(err, ERR_USAGE, "%s: '%s' must be a number", t->name, id);
    }
    if (!strcmp(type, "Flag") && !json_is_boolean(value)) {
        return err_set(err, ERR_USAGE, "%s: '%s' must be true or false", t->name, id);
    }
    if (json_is_number(value)) {
        double v = json_number_value(value), lo = json_get_double(input, "minimum", -1e300),
               hi = json_get_double(input, "maximum", 1e300);
        if (v < lo || v > hi) {
            return err_set(err, ERR_USAGE, "%s: %s = %g is outside %g to %g", t->name, id, v, lo,
                           hi);
        }
    }
    const json_t *choices = json_object_get(input, "value-choices");
    struct str said = STR_INIT;
    bool ok = !choices || among(choices, value, &said);
    if (!ok) {
        char *text = json_text(value, err_ignore("only for the message"));
        (void)err_set(err, ERR_USAGE, "%s: %s = %s is not one of: %s", t->name, id,
                      text ? text : "?", str_text(&said));
        mem_free(text);
    }
    str_fini(&said);
    return ok;
}
