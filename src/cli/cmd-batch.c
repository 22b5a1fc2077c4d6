/* `gantry batch`: saved batches, and those that ship. */
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "cli/batch-validate.h"
#include "cli/command.h"
#include "cli/saved.h"
#include "engine/batches.h"

static const char *const words[] = {"ls",   "show",   "save",  "rm",   "validate",
                                    "star", "unstar", "group", "copy", NULL};

static const struct opt options[] = {
    {'s', "subjects", OPT_TEXT, "SELECTOR",
     "validate: only these studies or subjects (may be repeated)", false},
    {0, "job", OPT_TEXT, "ID", "validate: only this job", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool list(struct cli *c, struct err *err)
{
    static const struct column columns[] = {
        {"Batch", "name", CELL_TEXT},   {"Level", "level", CELL_TEXT},
        {"Jobs", "jobs", CELL_TEXT},    {"From", "from", CELL_TEXT},
        {"Star", "starred", CELL_BOOL}, {"Group", "group", CELL_TEXT},
        {"", "description", CELL_TEXT}, {NULL, NULL, CELL_TEXT},
    };
    struct err none = {.code = ERR_NONE};
    if (!cli_store(c, &none) && none.code != ERR_NOTHING) {
        return err_set(err, none.code, "%s", none.text);
    }
    json_t *rows = batches_list(c->store, err);
    bool ok = rows && (c->json ? cli_json(c, rows, err) : cli_table(c, rows, columns, err));
    json_decref(rows);
    return ok;
}

static bool show(struct cli *c, const char *name, struct err *err)
{
    json_t *batch = saved_batch_find(c, name, err);
    bool ok = batch != NULL;
    if (ok && c->json) {
        ok = cli_json(c, batch, err);
    } else if (ok) {
        char *text = json_pretty(batch, err);
        ok = text != NULL;
        cli_print(c, "%s%s", text ? text : "", text && str_ends(text, "\n") ? "" : "\n");
        mem_free(text);
    }
    json_decref(batch);
    return ok;
}

/* Checked by the engine, which knows the tools. */
static bool change(struct cli *c, const char *op, const char *key, json_t *value, struct err *err)
{
    json_t *args = value ? json_pack("{s:O}", key, value) : NULL;
    cli_store_close(c);
    json_t *answer = args ? cli_call(c, op, args, err) : NULL;
    bool ok = answer && (!c->json || cli_json(c, answer, err));
    json_decref(answer);
    json_decref(args);
    return ok;
}

/* star NAME, unstar NAME, group NAME WORD, copy NAME NEW: of the list, or a new entry of it. */
static bool mark(struct cli *c, const char *word, struct err *err)
{
    bool two = !strcmp(word, "copy") || !strcmp(word, "group");
    const char *name = c->n_args > 0 ? c->args[0] : "", *more = c->n_args > 1 ? c->args[1] : "";
    if (c->n_args != (two ? 2U : 1U)) {
        return cli_usage(c, err, "gantry batch %s takes a name%s", word, two ? " and a word" : "");
    }
    json_t *args = !strcmp(word, "copy") ? json_pack("{s:s, s:s}", "name", name, "as", more)
        : !strcmp(word, "group")
        ? json_pack("{s:s, s:s}", "name", name, "group", more)
        : json_pack("{s:s, s:b}", "name", name, "starred", (int)!strcmp(word, "star"));
    json_t *answer =
        args ? cli_call(c, !strcmp(word, "copy") ? "batch.copy" : "batch.mark", args, err) : NULL;
    bool ok = answer && (!c->json || cli_json(c, answer, err));
    json_decref(answer);
    json_decref(args);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    const char *word = cli_sub(c, words, "ls", err);
    const char *name = c->n_args ? c->args[0] : NULL;
    if (!word) {
        return false;
    }
    if (!strcmp(word, "ls")) {
        return name ? cli_usage(c, err, "gantry batch ls takes no name") : list(c, err);
    }
    if (!strcmp(word, "star") || !strcmp(word, "unstar") || !strcmp(word, "group") ||
        !strcmp(word, "copy")) {
        return mark(c, word, err);
    }
    if (c->n_args != 1) {
        return cli_usage(c, err, "gantry batch %s takes one %s", word,
                         strcmp(word, "save") ? "name" : "file");
    }
    if (!strcmp(word, "show")) {
        return show(c, name, err);
    }
    if (!strcmp(word, "validate")) {
        return batch_validate(c, name, err);
    }
    bool save = !strcmp(word, "save");
    json_t *value = save ? saved_file(name, err) : json_string(name);
    if (!value) {
        return save ? false : cli_usage(c, err, "the name is not valid UTF-8");
    }
    bool ok = change(c, save ? "batch.save" : "batch.rm", save ? "batch" : "name", value, err);
    if (ok && !c->json) {
        cli_note(c, "%s %s", save ? "saved" : "removed",
                 save ? json_get_text(value, "name", "") : name);
    }
    json_decref(value);
    return ok || (save ? err_wrap(err, "'%s'", name) : false);
}

const struct command command_batch = {
    .name = "batch",
    .group = GROUP_RUNS,
    .summary = "Saved batches: list, show, save, remove, validate",
    .usage = "ls\nshow NAME\nsave FILE.json\nrm NAME\nvalidate NAME|FILE.json [-s SUBJECTS] [--job "
             "ID]\ncopy NAME NEW\nstar|unstar NAME\ngroup NAME GROUP",
    .help = "A batch is a linear list of jobs, each a tool with its arguments; "
            "docs/formats/batch.schema.json describes it.\n"
            "A saved batch wins over one that ships under the same name.\n"
            "validate says what is wrong with a batch and, in a project, which studies lack which "
            "input, before anything runs.",
    .options = options,
    .max_args = 3,
    .run = run,
};
