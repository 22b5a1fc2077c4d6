/* Reading a script for the names of arguments, without understanding its language. */
#include "plan/script-names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The length of a name of an argument at `p`; 0 when there is none. */
static size_t name_length(const char *p)
{
    if (!*p || !strchr("fopsn", *p)) {
        return 0;
    }
    return p[1] >= '1' && p[1] <= '9' && !in_word(p[2]) ? 2 : 0;
}

static bool has(const json_t *names, const char *name, size_t n)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)names, i, one)
    {
        if (json_string_length(one) == n && !strncmp(json_string_value(one), name, n)) {
            return true;
        }
    }
    return false;
}

/* Is a word in front of `at` one that gives what follows a value? */
static bool behind_keyword(const char *script, const char *at)
{
    static const char *const words[] = {"for", "read", "local", "declare", "export", NULL};
    const char *end = at;
    while (end > script && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    for (size_t i = 0; words[i] && end < at; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(end - script) >= n && !strncmp(end - n, words[i], n) &&
            ((size_t)(end - script) == n || !in_word(end[-n - 1]))) {
            return true;
        }
    }
    return false;
}

/* Does the script set it by itself? */
static bool assigned(const char *script, const char *name, size_t n)
{
    for (const char *at = script; (at = strstr(at, name)); at++) {
        bool start = at == script || (!in_word(at[-1]) && !strchr("$\\{.", at[-1]));
        const char *after = at + n;
        if (!start || in_word(*after)) {
            continue;
        }
        after += *after == '+' && after[1] == '=';
        bool sets = *after == '=' && after[1] != '=';
        if (sets || behind_keyword(script, at)) {
            return true;
        }
    }
    return false;
}

static bool add(json_t *names, const char *script, const char *at, size_t n, struct err *err)
{
    char name[8];
    if (n >= sizeof name || has(names, at, n)) {
        return true;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)n, at);
    return assigned(script, name, n) || json_array_append_new(names, json_string(name)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

json_t *script_names(const char *script, struct err *err)
{
    json_t *names = json_array();
    bool ok = names || err_set(err, ERR_NOMEM, "out of memory");
    for (const char *p = script; ok && *p;) {
        bool comment = *p == '#' && (p == script || strchr(" \t\n;", p[-1]));
        if (comment) {
            p += strcspn(p, "\n");
        } else if (*p == '\\' && p[1]) {
            p += 2;
        } else if (*p == '$') {
            p += 1 + (p[1] == '{');
            size_t n = name_length(p);
            ok = !n || add(names, script, p, n, err);
            p += n;
        } else {
            p++;
        }
    }
    if (!ok) {
        json_decref(names);
        names = NULL;
    }
    return names;
}

/* Is it used under its own name, or as $1, $2? A name of another form counts when it occurs. */
static bool used(const char *script, const json_t *names, const char *name, const json_t *spec)
{
    char variable[64];
    (void)snprintf(variable, sizeof variable, "$%.60s", name);
    bool file = json_object_get(spec, "FILE") != NULL;
    for (const char *at = script; file && (at = strchr(at, '$')); at++) {
        if (isdigit((unsigned char)at[1]) || at[1] == '@' || at[1] == '*') {
            return true;
        }
    }
    return has(names, name, strlen(name)) || strstr(script, variable) ||
        (variable[0] && strstr(script, name) && name_length(name) != strlen(name));
}

static bool line(json_t *lines, const char *format, const char *name, struct err *err)
{
    char text[200];
    (void)snprintf(text, sizeof text, format, name);
    return json_array_append_new(lines, json_string(text)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

bool script_names_check(const json_t *job, const struct tool *tool, json_t *lines, struct err *err)
{
    const json_t *args = json_object_get(job, "args");
    const char *script = json_get_text(args, "script", NULL), *name;
    json_t *spec, *one;
    size_t i;
    if (!script || strcmp(tool->kind, "script") != 0 ||
        !strcmp(json_get_text(tool->gantry, "language", "bash"), "matlab")) {
        return true;
    }
    json_t *names = script_names(script, err);
    bool ok = names != NULL;
    json_array_foreach(names, i, one)
    {
        const char *text = json_string_value(one);
        ok = ok &&
            (json_object_get(args, text) ||
             line(lines, "the script uses $%.60s, which is no argument of the job", text, err));
    }
    json_object_foreach((json_t *)args, name, spec)
    {
        ok = ok &&
            (!strcmp(name, "script") || used(script, names, name, spec) ||
             line(lines, "argument '%.60s' is not used by the script", name, err));
    }
    json_decref(names);
    return ok;
}
