/* One word of the command-line after the other: cut, then filled. */
#include "plan/command.h"

#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

/* Outside of quotes these mean that a shell is expected. */
#define SHELL_CHARS "|&;<>`$\\()#~*?"

char *command_place(const struct bind *in, const char *pattern, struct err *err)
{
    char *stem = bind_stem(in->item_name, err), threads[16];
    const struct {
        const char *key, *value;
    } places[] = {{"{rec}", in->rec},
                  {"{name}", stem},
                  {"{item}", in->item_name},
                  {"{project}", in->root},
                  {"{threads}", threads}};
    (void)snprintf(threads, sizeof threads, "%d", in->threads > 0 ? in->threads : 1);
    struct str out = STR_INIT;
    for (const char *p = pattern ? pattern : ""; stem && *p;) {
        size_t i = 0;
        while (i < 5 && !str_starts(p, places[i].key)) {
            i++;
        }
        if (i < 5) {
            str_add(&out, places[i].value);
            p += strlen(places[i].key);
        } else {
            str_addc(&out, *p++);
        }
    }
    mem_free(stem);
    return stem ? str_take(&out, err) : NULL;
}

static bool needs_shell(const char *line)
{
    char quote = '\0';
    for (const char *p = line; *p; p++) {
        if (quote ? *p == quote : *p == '\'' || *p == '"') {
            quote = quote ? '\0' : *p;
        } else if (quote != '\'' && strchr(quote ? "$`\\" : SHELL_CHARS, *p)) {
            return true;
        }
    }
    return false;
}

/* Cut the next word off *at, quotes resolved; *ret_any is false at the end. */
static bool next_word(const char **at, struct str *word, bool *ret_any, struct err *err)
{
    const char *p = *at + strspn(*at, " \t\n");
    char quote = '\0';
    str_clear(word);
    *ret_any = *p != '\0';
    for (; *p && (quote || !strchr(" \t\n", *p)); p++) {
        if (quote ? *p == quote : *p == '\'' || *p == '"') {
            quote = quote ? '\0' : *p;
        } else {
            str_addc(word, *p);
        }
    }
    *at = p;
    return !quote || err_set(err, ERR_FORMAT, "a quote of its command-line has no end");
}

/* As one word; objects are none. */
static void add_value(struct str *out, const json_t *value)
{
    char number[NUM_PLAIN];
    if (json_is_string(value)) {
        str_add(out, json_string_value(value));
    } else if (json_is_integer(value)) {
        str_addf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_number(value)) {
        num_show_plain(json_number_value(value), 15, number, sizeof number);
        str_add(out, number);
    } else if (json_is_boolean(value)) {
        str_add(out, json_is_true(value) ? "True" : "False");
    }
}

void command_value(struct str *out, const json_t *value, const char *separator)
{
    size_t i;
    json_t *one;
    if (!json_is_array(value)) {
        add_value(out, value);
    }
    json_array_foreach((json_t *)value, i, one)
    {
        str_add(out, i ? separator : "");
        add_value(out, one);
    }
}

static bool put_word(json_t *words, struct str *word, struct err *err)
{
    bool ok = str_ok(word, err) &&
        (json_array_append_new(words, json_string(str_text(word))) == 0 ||
         err_set(err, ERR_USAGE, "'%.80s' is no valid UTF-8 text", str_text(word)));
    str_clear(word);
    return ok;
}

static bool blank(const json_t *value)
{
    return !value || json_is_null(value) || str_equal(json_string_value(value), "") ||
        (json_is_array(value) && json_array_size(value) == 0);
}

/* A word that is a value-key. */
static bool put_input(json_t *words, const json_t *input, const json_t *value, struct err *err)
{
    const char *flag = json_get_text(input, "command-line-flag", ""),
               *joint = json_get_text(input, "command-line-flag-separator", NULL),
               *between = json_get_text(input, "list-separator", NULL);
    bool is_flag = !strcmp(json_get_text(input, "type", ""), "Flag"), ok = true;
    struct str word = STR_INIT;
    size_t i;
    json_t *one;
    if (blank(value) || (is_flag && !json_is_true(value))) {
        return true;
    }
    str_add(&word, flag);
    if (joint && !is_flag) {
        str_add(&word, joint);
    } else if (flag[0]) {
        ok = put_word(words, &word, err);
    }
    if (!is_flag && (!json_is_array(value) || between || joint)) {
        command_value(&word, value, between ? between : " ");
        ok = ok && put_word(words, &word, err);
    } else if (!is_flag) {
        json_array_foreach((json_t *)value, i, one)
        {
            add_value(&word, one);
            ok = ok && put_word(words, &word, err);
        }
    }
    str_fini(&word);
    return ok;
}

struct filling {
    const struct bind *in;
    const json_t *params, *args;
};

static const json_t *value_of(const struct filling *f, const json_t *input)
{
    const char *id = json_get_text(input, "id", "");
    const json_t *value = json_object_get(f->args, id);
    return value ? value : json_object_get(f->params, id);
}

const json_t *command_keyed(const struct tool *tool, const char *text, size_t *ret_length)
{
    size_t i;
    json_t *input;
    json_array_foreach(json_object_get(tool->doc, "inputs"), i, input)
    {
        const char *key = json_get_text(input, "value-key", "");
        if (key[0] && str_starts(text, key)) {
            *ret_length = strlen(key);
            return input;
        }
    }
    return NULL;
}

/* Places first, values after: what a value contains is never looked into. */
static bool put_filled(const struct filling *f, const char *word, json_t *words, struct err *err)
{
    struct str out = STR_INIT;
    bool ok = true;
    for (const char *p = word; ok && *p;) {
        size_t n = 0;
        const json_t *input = command_keyed(f->in->tool, p, &n);
        if (input) {
            command_value(&out, value_of(f, input), json_get_text(input, "list-separator", " "));
            p += n;
        } else if (*p == '{' && strchr(p, '}')) {
            n = (size_t)(strchr(p, '}') - p) + 1;
            char *key = mem_strndup(p, n, err),
                 *place = key ? command_place(f->in, key, err) : NULL;
            ok = place != NULL;
            str_add(&out, place ? place : "");
            mem_free(place);
            mem_free(key);
            p += n;
        } else {
            str_addc(&out, *p++);
        }
    }
    ok = ok && put_word(words, &out, err);
    str_fini(&out);
    return ok;
}

/* ---- command-lines for a shell ---- */

/* "${@:3:2}": what was put behind the script; how depends on the quotes around. */
static void add_positional(struct str *script, char quote, size_t first, size_t count)
{
    const char *before = quote == '\'' ? "'\"" : quote ? "" : "\"";
    const char *behind = quote == '\'' ? "\"'" : quote ? "" : "\"";
    if (count) {
        str_addf(script, "%s${@:%zu:%zu}%s", before, first, count, behind);
    }
}

/* Is the key at `p` a word of its own? */
static bool is_whole(const char *line, const char *p, size_t n)
{
    static const char ends[] = " \t\n;&|<>()";
    return (p == line || strchr(ends, p[-1])) && (!p[n] || strchr(ends, p[n]));
}

static bool shell_value(const struct filling *f, const json_t *input, bool whole, json_t *values,
                        struct err *err)
{
    struct str text = STR_INIT;
    bool ok;
    if (whole) {
        return put_input(values, input, value_of(f, input), err);
    }
    command_value(&text, value_of(f, input), json_get_text(input, "list-separator", " "));
    ok = put_word(values, &text, err);
    str_fini(&text);
    return ok;
}

/* The line with its keys as places in the list of `values`, so that bash never reads a value.
 * `script` and `values` NULL: only looks whether that can be done. */
static bool fill_shell(const struct filling *f, const char *line, struct str *script,
                       json_t *values, struct err *err)
{
    char quote = '\0';
    bool ok = true;
    for (const char *p = line; ok && *p;) {
        size_t n = 0;
        const json_t *input = command_keyed(f->in->tool, p, &n);
        if (input && values) {
            size_t before = json_array_size(values);
            ok = shell_value(f, input, !quote && is_whole(line, p, n), values, err);
            add_positional(script, quote, before + 1, json_array_size(values) - before);
        } else if (!input) {
            n = *p == '\\' && quote != '\'' && p[1] ? 2 : 1;
            if (n == 1 && (quote ? *p == quote : *p == '\'' || *p == '"')) {
                quote = quote ? '\0' : *p;
            }
            if (script) {
                str_addn(script, p, n);
            }
        }
        p += n;
    }
    return ok && (!quote || err_set(err, ERR_FORMAT, "a quote of its command-line has no end"));
}

static json_t *shell_words(const struct filling *f, const char *line, struct err *err)
{
    struct str script = STR_INIT;
    json_t *values = json_array(), *words = NULL;
    bool ok = values && fill_shell(f, line, &script, values, err) && str_ok(&script, err);
    if (ok) {
        words = json_pack("[s,s,s,s]", "bash", "-c", str_text(&script), "bash");
        if (words && json_array_extend(words, values) != 0) {
            json_decref(words);
            words = NULL;
        }
        if (!words) {
            (void)err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    json_decref(values);
    str_fini(&script);
    return words;
}

bool command_check(const struct tool *tool, struct err *err)
{
    const char *at = json_get_text(tool->doc, "command-line", "");
    struct str word = STR_INIT;
    bool any = false, first = true, ok;
    if (needs_shell(at)) {
        const struct filling f = {.in = &(struct bind){.tool = tool}};
        ok = fill_shell(&f, at, NULL, NULL, err);
        first = false;
    } else {
        ok = next_word(&at, &word, &any, err);
        while (ok && any) {
            first = false;
            ok = next_word(&at, &word, &any, err);
        }
    }
    str_fini(&word);
    ok = ok && (!first || err_set(err, ERR_FORMAT, "it has no command-line"));
    return ok || err_wrap(err, "tool '%s'", tool->name);
}

json_t *command_words(const struct bind *in, const json_t *params, const json_t *args,
                      struct err *err)
{
    const struct filling f = {in, params, args};
    const char *at = json_get_text(in->tool->doc, "command-line", "");
    json_t *words = json_array();
    struct str word = STR_INIT;
    bool any = false, ok = words || err_set(err, ERR_NOMEM, "out of memory");
    ok = ok && command_check(in->tool, err);
    if (ok && needs_shell(at)) {
        json_decref(words);
        return shell_words(&f, at, err);
    }
    ok = ok && next_word(&at, &word, &any, err);
    while (ok && any) {
        size_t n = 0;
        const json_t *input = command_keyed(in->tool, str_text(&word), &n);
        if (input && n == word.len) {
            ok = put_input(words, input, value_of(&f, input), err);
        } else if (json_array_size(words) == 0 && !strcmp(str_text(&word), "gantry-imaging")) {
            ok = json_array_append_new(words, json_string(in->imaging)) == 0;
        } else {
            ok = put_filled(&f, str_text(&word), words, err);
        }
        ok = ok && next_word(&at, &word, &any, err);
    }
    str_fini(&word);
    if (!ok) {
        json_decref(words);
        words = NULL;
    }
    return words;
}
