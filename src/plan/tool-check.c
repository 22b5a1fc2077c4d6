/* Rules of Boutiques 0.5 in tables; then what tables cannot say. */
#include "plan/tool-check.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"
#include "plan/command.h"

/* What a key holds: t text, n number, i whole number, b true or false, a list, o object, w list of
 * texts, v anything; upper case where the key must be there. */
struct rule {
    const char *key;
    char type;
};

static const struct rule top_rules[] = {{"name", 'T'},
                                        {"description", 'T'},
                                        {"tool-version", 'T'},
                                        {"schema-version", 'T'},
                                        {"command-line", 'T'},
                                        {"inputs", 'A'},
                                        {"output-files", 'a'},
                                        {"groups", 'a'},
                                        {"container-image", 'o'},
                                        {"environment-variables", 'a'},
                                        {"suggested-resources", 'o'},
                                        {"tags", 'o'},
                                        {"error-codes", 'a'},
                                        {"tests", 'a'},
                                        {"invocation-schema", 'o'},
                                        {"online-platform-urls", 'w'},
                                        {"author", 't'},
                                        {"url", 't'},
                                        {"descriptor-url", 't'},
                                        {"doi", 't'},
                                        {"tool-doi", 't'},
                                        {"deprecated-by-doi", 'v'},
                                        {"shell", 't'},
                                        {"custom", 'o'},
                                        {NULL, 0}};
static const struct rule input_rules[] = {{"id", 'T'},
                                          {"name", 'T'},
                                          {"type", 'T'},
                                          {"description", 't'},
                                          {"value-key", 't'},
                                          {"list", 'b'},
                                          {"list-separator", 't'},
                                          {"min-list-entries", 'i'},
                                          {"max-list-entries", 'i'},
                                          {"optional", 'b'},
                                          {"command-line-flag", 't'},
                                          {"command-line-flag-separator", 't'},
                                          {"default-value", 'v'},
                                          {"value-choices", 'a'},
                                          {"value-requires", 'o'},
                                          {"value-disables", 'o'},
                                          {"requires-inputs", 'w'},
                                          {"disables-inputs", 'w'},
                                          {"integer", 'b'},
                                          {"minimum", 'n'},
                                          {"maximum", 'n'},
                                          {"exclusive-minimum", 'b'},
                                          {"exclusive-maximum", 'b'},
                                          {"uses-absolute-path", 'b'},
                                          {NULL, 0}};
static const struct rule output_rules[] = {{"id", 'T'},
                                           {"name", 'T'},
                                           {"description", 't'},
                                           {"value-key", 't'},
                                           {"path-template", 't'},
                                           {"conditional-path-template", 'a'},
                                           {"path-template-stripped-extensions", 'w'},
                                           {"list", 'b'},
                                           {"optional", 'b'},
                                           {"command-line-flag", 't'},
                                           {"command-line-flag-separator", 't'},
                                           {"uses-absolute-path", 'b'},
                                           {"file-template", 'w'},
                                           {NULL, 0}};
static const struct rule group_rules[] = {{"id", 'T'},
                                          {"name", 'T'},
                                          {"description", 't'},
                                          {"members", 'A'},
                                          {"mutually-exclusive", 'b'},
                                          {"one-is-required", 'b'},
                                          {"all-or-none", 'b'},
                                          {NULL, 0}};
static const struct rule variable_rules[] = {
    {"name", 'T'}, {"value", 'T'}, {"description", 't'}, {NULL, 0}};

struct check {
    const json_t *doc;
    json_t *said;
    bool failed; /* no memory */
};

static void say(struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct check *c, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    str_utf8_mend(text);
    c->failed = json_array_append_new(c->said, json_string(text)) != 0 || c->failed;
}

static bool is_texts(const json_t *value)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)value, i, one)
    {
        if (!json_is_string(one)) {
            return false;
        }
    }
    return json_is_array(value);
}

static bool is_type(const json_t *value, char type)
{
    switch (tolower(type)) {
    case 't':
        return json_is_string(value);
    case 'n':
        return json_is_number(value);
    case 'i':
        return json_is_integer(value);
    case 'b':
        return json_is_boolean(value);
    case 'a':
        return json_is_array(value);
    case 'o':
        return json_is_object(value);
    case 'w':
        return is_texts(value);
    default:
        return true;
    }
}

static const char *type_word(char type)
{
    static const char letters[] = "tnibaow";
    static const char *const words[] = {"a text", "a number",  "a whole number", "true or false",
                                        "a list", "an object", "a list of texts"};
    const char *at = strchr(letters, tolower(type));
    return at ? words[at - letters] : "a value";
}

static void check_keys(struct check *c, const char *where, const json_t *object,
                       const struct rule *rules)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        say(c, "%s is no object", where);
        return;
    }
    json_object_foreach((json_t *)object, key, value)
    {
        const struct rule *r = rules;
        while (r->key && strcmp(r->key, key) != 0) {
            r++;
        }
        if (!r->key) {
            say(c, "%s: Boutiques knows no key '%.60s'", where, key);
        } else if (!is_type(value, r->type)) {
            say(c, "%s: '%s' must be %s", where, key, type_word(r->type));
        }
    }
    for (const struct rule *r = rules; r->key; r++) {
        if (isupper((unsigned char)r->type) && !json_object_get(object, r->key)) {
            say(c, "%s has no '%s'", where, r->key);
        }
    }
}

/* ---- inputs ---- */

static const json_t *named(const json_t *list, const char *id)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one)
    {
        if (str_equal(json_get_text(one, "id", NULL), id)) {
            return one;
        }
    }
    return NULL;
}

static void check_id(struct check *c, const char *where, const char *id)
{
    bool plain = id[0] != '\0';
    for (const char *p = id; *p; p++) {
        plain = plain && (isalnum((unsigned char)*p) || *p == '_' || *p == ',');
    }
    if (!plain) {
        say(c, "%s: an id has letters, digits and '_' only", where);
    }
}

static bool is_among(const json_t *list, const json_t *value)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one)
    {
        if (json_equal(one, value) ||
            (json_is_number(one) && json_is_number(value) &&
             json_number_value(one) == json_number_value(value))) {
            return true;
        }
    }
    return false;
}

static void check_default(struct check *c, const char *where, const json_t *input, const char *type)
{
    const json_t *value = json_object_get(input, "default-value"),
                 *choices = json_object_get(input, "value-choices"),
                 *one = json_is_array(value) ? json_array_get(value, 0) : value;
    if (!one) {
        return;
    }
    bool fits = !strcmp(type, "Number") ? json_is_number(one)
        : !strcmp(type, "Flag")         ? json_is_boolean(one)
                                        : json_is_string(one);
    if (!fits) {
        say(c, "%s: its default-value is no %s", where, type);
    } else if (choices && !is_among(choices, one)) {
        say(c, "%s: its default-value is not one of its value-choices", where);
    } else if (json_is_number(one) &&
               (json_number_value(one) < json_get_double(input, "minimum", -INFINITY) ||
                json_number_value(one) > json_get_double(input, "maximum", INFINITY))) {
        say(c, "%s: its default-value is out of its range", where);
    }
}

static void check_names(struct check *c, const char *where, const json_t *input, const char *key)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(input, key), i, one)
    {
        const char *id = json_string_value(one);
        if (id && !named(json_object_get(c->doc, "inputs"), id)) {
            say(c, "%s: %s names '%.60s', which is no input", where, key, id);
        }
    }
}

static void check_input(struct check *c, const json_t *input, size_t number)
{
    char where[120];
    const char *id = json_get_text(input, "id", ""), *type = json_get_text(input, "type", "");
    bool flag = !strcmp(type, "Flag"), list = json_get_bool(input, "list", false);
    (void)snprintf(where, sizeof where, "input %zu ('%.60s')", number + 1, id);
    check_keys(c, where, input, input_rules);
    check_id(c, where, id);
    if (!flag && strcmp(type, "String") != 0 && strcmp(type, "File") != 0 &&
        strcmp(type, "Number") != 0) {
        say(c, "%s: its type must be String, File, Flag or Number", where);
    }
    if (flag && json_get_text(input, "command-line-flag", "")[0] == '\0') {
        say(c, "%s: a Flag needs a command-line-flag", where);
    }
    if (flag && (list || json_object_get(input, "value-choices"))) {
        say(c, "%s: a Flag has neither list nor value-choices", where);
    }
    if (flag && json_object_get(input, "optional") && !json_get_bool(input, "optional", true)) {
        say(c, "%s: a Flag is always optional", where);
    }
    if (!list &&
        (json_object_get(input, "list-separator") || json_object_get(input, "min-list-entries") ||
         json_object_get(input, "max-list-entries"))) {
        say(c, "%s: speaks of a list, but 'list' is not true", where);
    }
    if (strcmp(type, "Number") != 0 &&
        (json_object_get(input, "minimum") || json_object_get(input, "maximum") ||
         json_object_get(input, "integer"))) {
        say(c, "%s: only a Number has minimum, maximum and integer", where);
    }
    if (json_get_double(input, "minimum", -INFINITY) >
        json_get_double(input, "maximum", INFINITY)) {
        say(c, "%s: its minimum is above its maximum", where);
    }
    if (json_get_text(input, "command-line-flag-separator", NULL) &&
        !json_get_text(input, "command-line-flag", NULL)) {
        say(c, "%s: a command-line-flag-separator without a command-line-flag", where);
    }
    check_default(c, where, input, type);
    check_names(c, where, input, "requires-inputs");
    check_names(c, where, input, "disables-inputs");
}

/* ---- keys ---- */

static void check_unique(struct check *c, const json_t *list, const json_t *other, const char *what)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one)
    {
        const char *id = json_get_text(one, "id", "");
        if (named(list, id) != one || (other && named(other, id))) {
            say(c, "two %s have the id '%.60s'", what, id);
        }
    }
}

/* Where a key takes effect: the command-line, or a file that is written for the tool. */
static bool is_used(const json_t *doc, const char *key)
{
    size_t i, j;
    json_t *output, *line;
    if (strstr(json_get_text(doc, "command-line", ""), key)) {
        return true;
    }
    json_array_foreach(json_object_get(doc, "output-files"), i, output)
    {
        if (strstr(json_get_text(output, "path-template", ""), key)) {
            return true;
        }
        json_array_foreach(json_object_get(output, "file-template"), j, line)
        {
            if (json_is_string(line) && strstr(json_string_value(line), key)) {
                return true;
            }
        }
    }
    return false;
}

static void check_value_keys(struct check *c)
{
    const json_t *inputs = json_object_get(c->doc, "inputs");
    bool step =
        json_get_bool(json_object_get(json_object_get(c->doc, "custom"), "gantry"), "step", false);
    size_t i, j;
    json_t *one, *other;
    json_array_foreach((json_t *)inputs, i, one)
    {
        const char *key = json_get_text(one, "value-key", "");
        if (key[0] && !step && !is_used(c->doc, key)) {
            say(c, "value-key '%.60s' of input '%s' is in no command-line and no template", key,
                json_get_text(one, "id", "?"));
        }
        json_array_foreach((json_t *)inputs, j, other)
        {
            const char *second = json_get_text(other, "value-key", "");
            if (i != j && key[0] && second[0] && strstr(second, key)) {
                say(c, "value-key '%.60s' is a part of '%.60s'", key, second);
            }
        }
    }
}

/* ---- the rest ---- */

static void check_output(struct check *c, const json_t *output, size_t number)
{
    char where[120];
    const char *id = json_get_text(output, "id", ""),
               *template = json_get_text(output, "path-template", NULL);
    (void)snprintf(where, sizeof where, "output file %zu ('%.60s')", number + 1, id);
    check_keys(c, where, output, output_rules);
    check_id(c, where, id);
    if (!template == !json_object_get(output, "conditional-path-template")) {
        say(c, "%s: needs either a path-template or a conditional-path-template", where);
    }
    if (json_get_bool(output, "list", false) && template && !strchr(template, '*')) {
        say(c, "%s: is a list, but its path-template has no '*'", where);
    }
    if (json_object_get(output, "file-template")) {
        say(c, "%s: Gantry writes no files from a file-template yet", where);
    }
    if (json_object_get(output, "conditional-path-template")) {
        say(c, "%s: Gantry has no conditional-path-template yet", where);
    }
}

static void check_group(struct check *c, const json_t *group, size_t number)
{
    char where[120];
    size_t i;
    json_t *one;
    (void)snprintf(where, sizeof where, "group %zu ('%.60s')", number + 1,
                   json_get_text(group, "id", ""));
    check_keys(c, where, group, group_rules);
    check_names(c, where, group, "members");
    json_array_foreach(json_object_get(group, "members"), i, one)
    {
        const char *member = json_is_string(one) ? json_string_value(one) : "";
        const json_t *input = named(json_object_get(c->doc, "inputs"), member);
        if (input && json_get_bool(group, "mutually-exclusive", false) &&
            !json_get_bool(input, "optional", false) &&
            strcmp(json_get_text(input, "type", ""), "Flag") != 0) {
            say(c, "%s: '%.60s' excludes others and must be optional", where, member);
        }
    }
}

static void check_command(struct check *c)
{
    const struct tool tool = {.name = "", .doc = (json_t *)c->doc};
    const char *line = json_get_text(c->doc, "command-line", NULL);
    struct err why = {ERR_NONE, ""};
    const char *kind =
        json_get_text(json_object_get(json_object_get(c->doc, "custom"), "gantry"), "kind", "");
    if (line && strcmp(kind, "script") != 0 && !command_check(&tool, &why)) {
        const char *text = strstr(why.text, "': ");
        say(c, "%s", text ? text + 3 : why.text);
    }
}

static void check_lists(struct check *c)
{
    const json_t *inputs = json_object_get(c->doc, "inputs"),
                 *outputs = json_object_get(c->doc, "output-files");
    size_t i;
    json_t *one;
    if (json_is_array(inputs) && json_array_size(inputs) == 0) {
        say(c, "a descriptor has at least one input");
    }
    json_array_foreach((json_t *)inputs, i, one)
    {
        check_input(c, one, i);
    }
    json_array_foreach((json_t *)outputs, i, one)
    {
        check_output(c, one, i);
    }
    json_array_foreach(json_object_get(c->doc, "groups"), i, one)
    {
        check_group(c, one, i);
    }
    json_array_foreach(json_object_get(c->doc, "environment-variables"), i, one)
    {
        check_keys(c, "an environment variable", one, variable_rules);
    }
    check_unique(c, inputs, NULL, "inputs");
    check_unique(c, outputs, NULL, "output files");
    check_value_keys(c);
}

json_t *tool_check(const json_t *doc, struct err *err)
{
    struct check c = {doc, json_array(), false};
    const char *version = json_get_text(doc, "schema-version", NULL);
    if (c.said) {
        check_keys(&c, "the descriptor", doc, top_rules);
        if (version && strcmp(version, "0.5") != 0) {
            say(&c, "schema-version is '%.20s': Gantry reads 0.5", version);
        }
        check_lists(&c);
        check_command(&c);
    }
    if (!c.said || c.failed) {
        json_decref(c.said);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return c.said;
}
