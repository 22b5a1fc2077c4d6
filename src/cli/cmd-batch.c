/* `gantry batch`: saved batches, and those that ship. */
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/saved.h"
#include "engine/batches.h"
#include "engine/home.h"
#include "os/file.h"
#include "plan/batch.h"
#include "plan/tool.h"

static const char *const words[] = {"ls", "show", "save", "rm", "validate", NULL};

static bool list(struct cli *c, struct err *err)
{
    static const struct column columns[] = {
        {"Batch", "name", CELL_TEXT}, {"Level", "level", CELL_TEXT},  {"Jobs", "jobs", CELL_TEXT},
        {"From", "from", CELL_TEXT},  {"", "description", CELL_TEXT}, {NULL, NULL, CELL_TEXT},
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

static bool validate(struct cli *c, const char *word, struct err *err)
{
    bool is_file = str_ends(word, ".json") && file_exists(word);
    json_t *batch = is_file ? json_read(word, err) : saved_batch_find(c, word, err);
    char *share = batch ? home_share(err) : NULL;
    char *shipped = share ? path_join(share, "tools", err) : NULL,
         *own = shipped ? path_join(c->home, "tools", err) : NULL;
    const char *folders[] = {shipped, own, NULL};
    struct tools *tools = own ? tools_load(folders, err) : NULL;
    bool ok = tools && batch_check(batch, tools, err);
    if (ok && c->json) {
        json_t *doc =
            json_pack("{s:s, s:b, s:i}", "name", json_get_text(batch, "name", ""), "valid", 1,
                      "jobs", (int)json_array_size(json_object_get(batch, "jobs")));
        ok = doc ? cli_json(c, doc, err) : err_set(err, ERR_NOMEM, "out of memory");
        json_decref(doc);
    } else if (ok) {
        cli_print(c, "%s is valid: %zu jobs\n", json_get_text(batch, "name", ""),
                  json_array_size(json_object_get(batch, "jobs")));
    }
    tools_free(tools);
    mem_free(own);
    mem_free(shipped);
    mem_free(share);
    json_decref(batch);
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
    if (c->n_args != 1) {
        return cli_usage(c, err, "gantry batch %s takes one %s", word,
                         strcmp(word, "save") ? "name" : "file");
    }
    if (!strcmp(word, "show")) {
        return show(c, name, err);
    }
    if (!strcmp(word, "validate")) {
        return validate(c, name, err);
    }
    bool save = !strcmp(word, "save");
    json_t *value = save ? json_read(name, err) : json_string(name);
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
    .usage = "ls\nshow NAME\nsave FILE.json\nrm NAME\nvalidate NAME|FILE.json",
    .help = "A batch is a linear list of jobs, each a tool with its arguments; "
            "docs/formats/batch.schema.json describes it.\n"
            "A saved batch wins over one that ships under the same name.",
    .max_args = 2,
    .run = run,
};
