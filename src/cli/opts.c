/* The parser walks argv once: options may stand before, between and behind positional arguments.
 * Values are kept as the texts people gave and checked against the kind at once, so that a wrong
 * number is a usage error, not a surprise. */
#include "cli/opts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

const struct opt opts_common[] = {
    {'p', "project", OPT_TEXT, "NAME", "the project (default: the one of the current folder)",
     false},
    {0, "json", OPT_FLAG, NULL, "one JSON document on standard output", false},
    {'h', "help", OPT_FLAG, NULL, "this text", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

struct one {
    const struct opt *opt;
    const char *value; /* points into argv; "" for flags */
};

struct given {
    struct one *list;
    size_t n;
    char **args; /* the block behind c->args, which cli_sub() moves on */
};

static const struct opt *find_in(const struct opt *table, const char *name, size_t length)
{
    for (const struct opt *o = table; o && o->name; o++) {
        if (strlen(o->name) == length && !memcmp(o->name, name, length)) {
            return o;
        }
    }
    return NULL;
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
    for (const struct opt *o = table; o && o->name; o++) {
        if (o->letter == letter) {
            return o;
        }
    }
    return NULL;
}

/* Names of both tables, for suggestions. */
static const char *nearest_option(const struct command *command, const char *word)
{
    const char *names[64];
    size_t n = 0;
    for (const struct opt *o = command->options; o && o->name && n < 58; o++) {
        if (!o->hidden) {
            names[n++] = o->name;
        }
    }
    for (const struct opt *o = opts_common; o->name; o++) {
        names[n++] = o->name;
    }
    names[n] = NULL;
    return cli_nearest(word, names);
}

static bool value_fits(const struct opt *o, const char *value)
{
    int64_t i;
    double d;
    switch (o->kind) {
    case OPT_INT:
        return num_int64(value, &i);
    case OPT_NUMBER:
        return num_double(value, &d);
    case OPT_SECONDS:
        return num_seconds(value, &d);
    case OPT_BYTES:
        return num_bytes(value, &i);
    case OPT_FLAG:
    case OPT_TEXT:
        break;
    }
    return true;
}

static const char *kind_name(enum opt_kind kind)
{
    switch (kind) {
    case OPT_INT:
        return "a whole number";
    case OPT_NUMBER:
        return "a number";
    case OPT_SECONDS:
        return "a time such as 90, 10m or 2h";
    case OPT_BYTES:
        return "a size such as 512, 4k or 2G";
    case OPT_FLAG:
    case OPT_TEXT:
        break;
    }
    return "a value";
}

static bool keep(struct cli *c, const struct opt *o, const char *value, struct err *err)
{
    if (!value_fits(o, value)) {
        return cli_usage(c, err, "--%s: '%s' is not %s", o->name, value, kind_name(o->kind));
    }
    c->given->list[c->given->n].opt = o;
    c->given->list[c->given->n].value = value;
    c->given->n++;
    return true;
}

/* "--name", "--name=value", "--name value"; *i is moved when the value is the next word. */
static bool long_option(struct cli *c, int argc, char **argv, int *i, struct err *err)
{
    const char *name = argv[*i] + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct opt *o = find_in(c->command->options, name, length);
    if (!o) {
        o = find_in(opts_common, name, length);
    }
    if (!o) {
        char word[80];
        (void)snprintf(word, sizeof word, "%.*s", (int)length, name);
        const char *near = nearest_option(c->command, word);
        return near ? cli_usage(c, err, "there is no option --%s; did you mean --%s?", word, near)
                    : cli_usage(c, err, "there is no option --%s", word);
    }
    if (o->kind == OPT_FLAG) {
        return equals ? cli_usage(c, err, "--%s takes no value", o->name) : keep(c, o, "", err);
    }
    if (equals) {
        return keep(c, o, equals + 1, err);
    }
    if (*i + 1 >= argc) {
        return cli_usage(c, err, "--%s needs %s", o->name, kind_name(o->kind));
    }
    *i += 1;
    return keep(c, o, argv[*i], err);
}

/* "-f", "-fy" (flags), "-oFILE", "-o FILE". */
static bool short_options(struct cli *c, int argc, char **argv, int *i, struct err *err)
{
    for (const char *p = argv[*i] + 1; *p; p++) {
        const struct opt *o = find_letter(c->command->options, *p);
        if (!o) {
            o = find_letter(opts_common, *p);
        }
        if (!o) {
            return cli_usage(c, err, "there is no option -%c", *p);
        }
        if (o->kind == OPT_FLAG) {
            if (!keep(c, o, "", err)) {
                return false;
            }
            continue;
        }
        if (p[1]) {
            return keep(c, o, p + 1 + (p[1] == '='), err);
        }
        if (*i + 1 >= argc) {
            return cli_usage(c, err, "-%c needs %s", *p, kind_name(o->kind));
        }
        *i += 1;
        return keep(c, o, argv[*i], err);
    }
    return true;
}

/* "-5" and "-0.5" are numbers people mean, not options. */
static bool looks_like_option(const char *word)
{
    double number;
    return word[0] == '-' && word[1] && !num_double(word, &number);
}

bool opts_parse(struct cli *c, int argc, char **argv, struct err *err)
{
    /* A cluster of short flags can hold more options than there are words. */
    size_t most = 1;
    for (int i = 0; i < argc; i++) {
        most += strlen(argv[i]) + 1;
    }
    c->given = mem_zero(sizeof *c->given, err);
    if (!c->given) {
        return false;
    }
    c->given->args = mem_array((size_t)argc + 1, sizeof *c->args, err);
    c->given->list = mem_array(most, sizeof *c->given->list, err);
    if (!c->given->args || !c->given->list) {
        return false;
    }
    c->args = c->given->args;
    for (int i = 0; i < argc; i++) {
        char *word = argv[i];
        if (!strcmp(word, "--")) {
            while (++i < argc) {
                c->args[c->n_args++] = argv[i];
            }
            break;
        }
        if (str_starts(word, "--")) {
            if (!long_option(c, argc, argv, &i, err)) {
                return false;
            }
        } else if (looks_like_option(word)) {
            if (!short_options(c, argc, argv, &i, err)) {
                return false;
            }
        } else {
            c->args[c->n_args++] = word;
        }
    }
    return true;
}

void opts_free(struct cli *c)
{
    if (c->given) {
        mem_free(c->given->list);
        mem_free(c->given->args);
        mem_free(c->given);
        c->given = NULL;
    }
    c->args = NULL;
    c->n_args = 0;
}

size_t cli_count(const struct cli *c, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; c->given && i < c->given->n; i++) {
        n += str_equal(c->given->list[i].opt->name, name);
    }
    return n;
}

bool cli_has(const struct cli *c, const char *name)
{
    return cli_count(c, name) > 0;
}

const char *cli_nth(const struct cli *c, const char *name, size_t nth)
{
    for (size_t i = 0; c->given && i < c->given->n; i++) {
        if (str_equal(c->given->list[i].opt->name, name) && nth-- == 0) {
            return c->given->list[i].value;
        }
    }
    return NULL;
}

const char *cli_text(const struct cli *c, const char *name, const char *fallback)
{
    size_t n = cli_count(c, name);
    return n ? cli_nth(c, name, n - 1) : fallback;
}

int64_t cli_int(const struct cli *c, const char *name, int64_t fallback)
{
    const char *text = cli_text(c, name, NULL);
    int64_t value;
    if (text && (num_int64(text, &value) || num_bytes(text, &value))) {
        return value;
    }
    return fallback;
}

double cli_number(const struct cli *c, const char *name, double fallback)
{
    const char *text = cli_text(c, name, NULL);
    double value;
    if (text && (num_double(text, &value) || num_seconds(text, &value))) {
        return value;
    }
    return fallback;
}

bool cli_usage(const struct cli *c, struct err *err, const char *fmt, ...)
{
    char text[360];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_USAGE, "%s (see gantry help %s)", text,
                   c->command ? c->command->name : "");
}

const char *cli_sub(struct cli *c, const char *const *words, const char *fallback, struct err *err)
{
    if (!c->n_args) {
        if (!fallback) {
            (void)cli_usage(c, err, "gantry %s: say what to do", c->command->name);
        }
        return fallback;
    }
    for (size_t i = 0; words[i]; i++) {
        if (!strcmp(words[i], c->args[0])) {
            c->args++;
            c->n_args--;
            return words[i];
        }
    }
    const char *near = cli_nearest(c->args[0], words);
    if (near) {
        (void)cli_usage(c, err, "gantry %s: there is no '%s'; did you mean '%s'?", c->command->name,
                        c->args[0], near);
    } else {
        (void)cli_usage(c, err, "gantry %s: there is no '%s'", c->command->name, c->args[0]);
    }
    return NULL;
}

json_t *cli_pairs(const struct cli *c, char *const *words, size_t n, struct err *err)
{
    json_t *all = json_object();
    if (!all) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(words[i], '=');
        if (!equals || equals == words[i]) {
            (void)cli_usage(c, err, "'%s' is not KEY=VALUE", words[i]);
            goto fail;
        }
        char *key = mem_strndup(words[i], (size_t)(equals - words[i]), err);
        if (!key) {
            goto fail;
        }
        json_t *value = json_guess(equals + 1, err);
        bool ok = value && json_put(all, key, value, err);
        mem_free(key);
        if (!ok) {
            goto fail;
        }
    }
    return all;
fail:
    json_decref(all);
    return NULL;
}
