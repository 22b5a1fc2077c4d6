/* `gantry tools`: what jobs can be made of, and whether a descriptor is right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/command.h"
#include "engine/home.h"
#include "os/file.h"
#include "plan/tool-check.h"
#include "plan/tool.h"

static const char *const words[] = {"ls", "show", "check", NULL};

struct folders {
    char *share, *shipped, *own;
};

static bool find_folders(const struct cli *c, struct folders *f, struct err *err)
{
    f->share = home_share(err);
    f->shipped = f->share ? path_join(f->share, "tools", err) : NULL;
    f->own = f->shipped ? path_join(c->home, "tools", err) : NULL;
    return f->own != NULL;
}

static void forget_folders(struct folders *f)
{
    mem_free(f->share);
    mem_free(f->shipped);
    mem_free(f->own);
}

/* The program that a command begins with: a copy, or NULL for what Gantry does itself. */
static char *program_of(const struct tool *t, struct err *err)
{
    const char *line = json_get_text(t->doc, "command-line", "");
    size_t n;
    line += strspn(line, " \t\n");
    if (strcmp(t->kind, "command") != 0 || str_starts(line, "gantry-imaging")) {
        return NULL;
    }
    n = strcspn(line, " \t\n");
    while (str_starts(line, "env ") || memchr(line, '=', n)) { /* env A=b program */
        line += n;
        line += strspn(line, " \t\n");
        n = strcspn(line, " \t\n");
    }
    return mem_strndup(line, n, err);
}

/* "yes", "no", or "" when there is nothing to look for. */
static const char *is_here(const char *program)
{
    const char *path = getenv("PATH");
    char whole[4096];
    if (!program || strpbrk(program, "[{$/")) {
        return "";
    }
    for (const char *at = path ? path : ""; *at;) {
        size_t n = strcspn(at, ":");
        int length = snprintf(whole, sizeof whole, "%.*s/%s", (int)n, at, program);
        if (length > 0 && (size_t)length < sizeof whole && access(whole, X_OK) == 0) {
            return "yes";
        }
        at += n + (at[n] == ':');
    }
    return "no";
}

/* Up to its first full stop. */
static char *first_sentence(const char *text, struct err *err)
{
    const char *end = strstr(text, ". ");
    return mem_strndup(text, end ? (size_t)(end - text) : strlen(text), err);
}

static json_t *row_of(const struct tool *t, struct err *err)
{
    const char *level = json_get_text(t->gantry, "level", "study");
    char *program = program_of(t, err);
    char *said = first_sentence(json_get_text(t->doc, "description", ""), err);
    json_t *row = said
        ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", t->name, "kind", t->kind, "level",
                    strcmp(t->kind, "script") ? level : "any", "program", program ? program : "",
                    "here", is_here(program), "description", said)
        : NULL;
    mem_free(program);
    mem_free(said);
    if (!row) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return row;
}

static bool list(struct cli *c, const struct tools *tools, struct err *err)
{
    static const struct column columns[] = {
        {"Tool", "name", CELL_TEXT}, {"Kind", "kind", CELL_TEXT},    {"Level", "level", CELL_TEXT},
        {"Here", "here", CELL_TEXT}, {"", "description", CELL_TEXT}, {NULL, NULL, CELL_TEXT},
    };
    json_t *rows = json_array();
    bool ok = rows || err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; ok && i < tools_count(tools); i++) {
        json_t *row = row_of(tools_at(tools, i), err);
        ok = row && json_array_append_new(rows, row) == 0;
    }
    ok = ok && (c->json ? cli_json(c, rows, err) : cli_table(c, rows, columns, err));
    json_decref(rows);
    return ok;
}

/* ---- show ---- */

static void show_input(struct cli *c, const json_t *input)
{
    const json_t *fallback = json_object_get(input, "default-value"), *choice,
                 *choices = json_object_get(input, "value-choices");
    char *value = fallback ? json_line(fallback, err_ignore("only shown")) : NULL;
    size_t i;
    cli_print(c, "  %-20s %-7s %s", json_get_text(input, "id", ""),
              json_get_text(input, "type", ""), json_get_text(input, "description", ""));
    json_array_foreach((json_t *)choices, i, choice)
    {
        char *text = json_line(choice, err_ignore("only shown"));
        cli_print(c, "%s%s", i ? ", " : " (", text ? text : "?");
        mem_free(text);
    }
    cli_print(c, "%s", json_array_size(choices) ? ")" : "");
    if (value && strcmp(value, "\"\"") != 0) {
        cli_print(c, "; default %s", value);
    } else if (!fallback && !json_get_bool(input, "optional", false) &&
               strcmp(json_get_text(input, "type", ""), "Flag") != 0) {
        cli_print(c, "; needed");
    }
    cli_print(c, "\n");
    mem_free(value);
}

/* A job to begin with: what must be given. */
static void show_job(struct cli *c, const struct tool *t)
{
    size_t i;
    json_t *input;
    const char *comma = "";
    cli_print(c, "A job of a batch:\n  { \"id\": \"a\", \"tool\": \"%s\", \"args\": {", t->name);
    json_array_foreach(json_object_get(t->doc, "inputs"), i, input)
    {
        const char *type = json_get_text(input, "type", ""), *place = tool_place(t, input);
        bool file = !strcmp(type, "File");
        if (json_get_bool(input, "optional", false) || !strcmp(type, "Flag") ||
            (!place && !file && json_object_get(input, "default-value"))) {
            continue;
        }
        cli_print(c, "%s\n      \"%s\": %s", comma, json_get_text(input, "id", ""),
                  place      ? strcmp(place, "folder") ? "{\"OUT\": \"name.nii.gz TAG(tag)\"}"
                                                       : "{\"PATHOUT\": \"folder\"}"
                      : file ? "{\"FILE\": \"t1*/s0__.nii.gz\"}"
                      : *type == 'N' ? "1"
                                     : "\"...\"");
        comma = ",";
    }
    cli_print(c, " } }\n");
}

static bool show(struct cli *c, const struct tools *tools, const char *name, struct err *err)
{
    const struct tool *t = tools_find(tools, name);
    size_t i;
    json_t *one;
    if (!t) {
        return err_set(err, ERR_NOTHING, "there is no tool '%s' (gantry tools ls)", name);
    }
    if (c->json) {
        return cli_json(c, t->doc, err);
    }
    cli_print(c, "%s %s\n  %s\n", t->name, json_get_text(t->doc, "tool-version", ""),
              json_get_text(t->doc, "description", ""));
    if (!strcmp(t->kind, "command")) {
        cli_print(c, "Command: %s\n", json_get_text(t->doc, "command-line", ""));
    }
    cli_print(c, "Inputs:\n");
    json_array_foreach(json_object_get(t->doc, "inputs"), i, one)
    {
        show_input(c, one);
    }
    if (json_array_size(json_object_get(t->doc, "output-files"))) {
        cli_print(c, "Output files:\n");
    }
    json_array_foreach(json_object_get(t->doc, "output-files"), i, one)
    {
        cli_print(c, "  %-20s %s%s%s\n", json_get_text(one, "id", ""),
                  json_get_text(one, "path-template", ""),
                  json_get_bool(one, "optional", false) ? "  (not always) " : "  ",
                  json_get_text(one, "description", ""));
    }
    show_job(c, t);
    return true;
}

/* ---- check ---- */

static bool check_one(struct cli *c, const char *path, json_t *report, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    json_t *doc = json_read(path, &why), *said = doc ? tool_check(doc, err) : json_array(), *text;
    size_t i;
    bool ok = said && (doc || json_array_append_new(said, json_string(why.text)) == 0);
    if (ok && json_array_size(said)) {
        c->status = 1;
    }
    json_array_foreach(said, i, text)
    {
        if (!c->json) {
            cli_print(c, "%s: %s\n", doc ? path : "not readable", json_string_value(text));
        }
    }
    ok = ok &&
        json_array_append_new(report,
                              json_pack("{s:s, s:s, s:O}", "path", path, "name",
                                        json_get_text(doc, "name", ""), "problems", said)) == 0;
    json_decref(said);
    json_decref(doc);
    return ok || (err->code == ERR_NONE ? err_set(err, ERR_NOMEM, "out of memory") : false);
}

static bool check_folder(struct cli *c, const char *folder, json_t *report, struct err *err)
{
    size_t n = 0;
    char **names = file_is_folder(folder) ? file_list(folder, &n, err) : NULL;
    bool ok = names || !file_is_folder(folder);
    for (size_t i = 0; ok && names && i < n; i++) {
        if (str_ends(names[i], ".json")) {
            char *path = path_join(folder, names[i], err);
            ok = path && check_one(c, path, report, err);
            mem_free(path);
        }
    }
    file_list_free(names);
    return ok;
}

static bool check(struct cli *c, const struct folders *f, struct err *err)
{
    json_t *report = json_array();
    bool ok = report || err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; ok && i < c->n_args; i++) {
        ok = file_is_folder(c->args[i]) ? check_folder(c, c->args[i], report, err)
                                        : check_one(c, c->args[i], report, err);
    }
    if (ok && c->n_args == 0) {
        ok = check_folder(c, f->shipped, report, err) && check_folder(c, f->own, report, err);
    }
    if (ok && c->json) {
        ok = cli_json(c, report, err);
    } else if (ok && c->status == 0) {
        cli_print(c, "%zu descriptor%s, all well\n", json_array_size(report),
                  json_array_size(report) == 1 ? "" : "s");
    }
    json_decref(report);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    const char *word = cli_sub(c, words, "ls", err);
    struct folders f = {NULL, NULL, NULL};
    if (!word) {
        return false;
    }
    bool ls = !strcmp(word, "ls");
    if ((ls && c->n_args) || (!strcmp(word, "show") && c->n_args != 1)) {
        return cli_usage(c, err,
                         ls ? "gantry tools ls takes no name" : "gantry tools show takes one name");
    }
    bool ok = find_folders(c, &f, err);
    if (ok && !strcmp(word, "check")) {
        ok = check(c, &f, err);
    } else if (ok) {
        const char *folders[] = {f.shipped, f.own, NULL};
        struct tools *tools = tools_load(folders, err);
        ok = tools && (ls ? list(c, tools, err) : show(c, tools, c->args[0], err));
        tools_free(tools);
    }
    forget_folders(&f);
    return ok;
}

const struct command command_tools = {
    .name = "tools",
    .group = GROUP_SETUP,
    .summary = "the tools that jobs are made of; check a descriptor",
    .usage = "[ls]\nshow NAME\ncheck [FILE|FOLDER...]",
    .help = "A tool is one JSON file: a Boutiques 0.5 descriptor, in HOME/tools (or it ships). "
            "'check' says\nwhat is wrong with the files, or with all that are there.",
    .max_args = -1,
    .run = run,
};
