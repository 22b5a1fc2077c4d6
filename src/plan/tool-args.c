/* Boutiques' rules about several inputs at a time. */
#include "plan/tool-args.h"

#include <string.h>
#include "base/mem.h"
#include "base/str.h"

/* The value within {"NUMERIC": 3}, or the value itself; NULL for files and places. */
static const json_t *value_of(const json_t *arg)
{
    static const char *const types[] = {"NUMERIC", "STRING", "LOGICAL", "OPTION", NULL};
    const json_t *value = json_is_object(arg) ? NULL : arg;
    for (size_t i = 0; !value && types[i]; i++) {
        value = json_object_get(arg, types[i]);
    }
    return value;
}

/* A flag that is not set, and an empty text, are as if they were not there. */
static bool is_given(const json_t *args, const char *id)
{
    const json_t *arg = json_object_get(args, id), *value = value_of(arg);
    return arg && !json_is_false(value) && !json_is_null(value) &&
        !str_equal(json_string_value(value), "");
}

static bool check_one(const struct tool *t, const char *id, const json_t *arg, struct err *err)
{
    const json_t *input = tool_input(t, id), *value = value_of(arg);
    bool out = json_object_get(arg, "OUT") || json_object_get(arg, "PATHOUT");
    if (!input) {
        return err_set(err, ERR_USAGE, "%s has no argument '%s' (gantry tools show %s)", t->name,
                       id, t->name);
    }
    if (json_is_object(arg) && value && !tool_check_value(t, id, value, err)) {
        return false;
    }
    if (out && !tool_place(t, input) && strcmp(json_get_text(input, "type", ""), "String") != 0) {
        return err_set(err, ERR_USAGE, "%s: '%s' is no place for an output", t->name, id);
    }
    if (json_object_get(arg, "FILE") && tool_place(t, input)) {
        return err_set(err, ERR_USAGE,
                       "%s: '%s' says where an output goes: give it as OUT (a folder: PATHOUT)",
                       t->name, id);
    }
    return true;
}

/* Files and places can come from the job alone; other values perhaps from --set. */
static bool check_needed(const struct tool *t, const json_t *args, struct err *err)
{
    size_t i;
    json_t *input;
    json_array_foreach(json_object_get(t->doc, "inputs"), i, input)
    {
        const char *id = json_get_text(input, "id", "");
        bool file = !strcmp(json_get_text(input, "type", ""), "File"), place = tool_place(t, input);
        if ((file || place) && !json_get_bool(input, "optional", false) &&
            !json_object_get(input, "default-value") && !is_given(args, id)) {
            return err_set(err, ERR_USAGE, "%s needs '%s' (%s): %s", t->name, id,
                           json_get_text(input, "description", json_get_text(input, "name", "")),
                           file ? "{\"FILE\": \"pattern\"}" : "{\"OUT\": \"name\"}");
        }
    }
    return true;
}

/* Every id of `list` must be given (wanted), or none may. */
static bool check_others(const struct tool *t, const json_t *args, const char *id,
                         const json_t *list, bool wanted, struct err *err)
{
    size_t i;
    json_t *other;
    json_array_foreach((json_t *)list, i, other)
    {
        const char *name = json_is_string(other) ? json_string_value(other) : "";
        if (name[0] && is_given(args, name) != wanted) {
            return err_set(err, ERR_USAGE,
                           wanted ? "%s: '%s' needs '%s' beside it"
                                  : "%s: '%s' and '%s' exclude one another",
                           t->name, id, name);
        }
    }
    return true;
}

static bool check_relations(const struct tool *t, const json_t *args, struct err *err)
{
    size_t i;
    json_t *input;
    json_array_foreach(json_object_get(t->doc, "inputs"), i, input)
    {
        const char *id = json_get_text(input, "id", "");
        const json_t *value = value_of(json_object_get(args, id));
        const char *word = json_is_string(value) ? json_string_value(value) : "";
        if (is_given(args, id) &&
            (!check_others(t, args, id, json_object_get(input, "requires-inputs"), true, err) ||
             !check_others(t, args, id, json_object_get(input, "disables-inputs"), false, err) ||
             !check_others(t, args, id,
                           json_object_get(json_object_get(input, "value-requires"), word), true,
                           err) ||
             !check_others(t, args, id,
                           json_object_get(json_object_get(input, "value-disables"), word), false,
                           err))) {
            return false;
        }
    }
    return true;
}

static bool check_group(const struct tool *t, const json_t *args, const json_t *group,
                        struct err *err)
{
    const json_t *members = json_object_get(group, "members");
    size_t i, given = 0;
    json_t *one;
    struct str names = STR_INIT;
    const char *rule = NULL;
    json_array_foreach((json_t *)members, i, one)
    {
        const char *id = json_is_string(one) ? json_string_value(one) : "";
        given += is_given(args, id);
        str_addf(&names, "%s%s", i ? ", " : "", id);
    }
    if (given > 1 && json_get_bool(group, "mutually-exclusive", false)) {
        rule = "one at most";
    } else if (given == 0 && json_get_bool(group, "one-is-required", false)) {
        rule = "one at least";
    } else if (given > 0 && given < json_array_size(members) &&
               json_get_bool(group, "all-or-none", false)) {
        rule = "all or none";
    }
    bool ok =
        !rule || err_set(err, ERR_USAGE, "%s: of %s give %s", t->name, str_text(&names), rule);
    str_fini(&names);
    return ok;
}

bool tool_check_args(const struct tool *t, const json_t *args, struct err *err)
{
    const char *id;
    json_t *arg, *group;
    size_t i;
    bool command = !strcmp(t->kind, "command");
    /* a step that states its own outputs works on the item's file */
    if (!command && (strcmp(t->kind, "step") != 0 || json_object_get(t->gantry, "outputs"))) {
        return true;
    }
    json_object_foreach((json_t *)args, id, arg)
    {
        if (!check_one(t, id, arg, err)) {
            return false;
        }
    }
    json_array_foreach(json_object_get(t->doc, "groups"), i, group)
    {
        if (!check_group(t, args, group, err)) {
            return false;
        }
    }
    return check_needed(t, args, err) && check_relations(t, args, err);
}
