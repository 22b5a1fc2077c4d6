/* `gantry config`: the options of the home. */
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "model/options.h"

static const char *const words[] = {"show", "set", "check", NULL};

static const struct opt options[] = {
    {0, "unset", OPT_TEXT, "KEY", "take an option out of the file, so that its default holds",
     false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool show(struct cli *c, struct err *err)
{
    static const struct column columns[] = {
        {"Option", "key", CELL_TEXT}, {"Value", "value", CELL_TEXT}, {"Set", "set", CELL_BOOL},
        {"", "help", CELL_TEXT},      {NULL, NULL, CELL_TEXT},
    };
    struct options *o = options_load(c->home, err);
    json_t *rows = json_array();
    bool ok = o && rows, found = false;
    for (const struct option_info *i = option_table; ok && i->key; i++) {
        if (c->n_args && strcmp(c->args[0], i->key)) {
            continue;
        }
        found = true;
        json_t *row = json_pack("{s:s, s:s, s:b, s:s, s:s, s:s}", "key", i->key, "value",
                                options_text(o, i->key), "set", options_given(o, i->key), "default",
                                i->fallback, "type", option_type_name(i->type), "help", i->help);
        ok = json_array_append_new(rows, row) == 0 || err_set(err, ERR_NOMEM, "out of memory");
    }
    if (ok && !found) {
        ok = option_find(c->args[0], err) != NULL;
    }
    ok = ok && (c->json ? cli_json(c, rows, err) : cli_table(c, rows, columns, err));
    json_decref(rows);
    options_free(o);
    return ok;
}

/* "key=value" words; all are checked before the first is written. */
static bool set(struct cli *c, struct err *err)
{
    for (int write = 0; write <= 1; write++) {
        for (size_t i = 0; i < c->n_args; i++) {
            const char *equals = strchr(c->args[i], '=');
            if (!equals) {
                return cli_usage(c, err, "'%s' is not KEY=VALUE", c->args[i]);
            }
            char *key = mem_strndup(c->args[i], (size_t)(equals - c->args[i]), err);
            const struct option_info *info = key ? option_find(key, err) : NULL;
            bool ok = info && option_check(info, equals + 1, err) &&
                (!write || options_save(c->home, key, equals + 1, err));
            mem_free(key);
            if (!ok) {
                return false;
            }
        }
    }
    return true;
}

static bool run(struct cli *c, struct err *err)
{
    const char *word = cli_sub(c, words, "show", err);
    if (!word) {
        return false;
    }
    if (!strcmp(word, "show")) {
        return show(c, err);
    }
    if (!strcmp(word, "check")) {
        struct options *o = options_load(c->home, err);
        if (o) {
            cli_print(c, c->json ? "{\"valid\":true}\n" : "config.ini is valid\n");
        }
        options_free(o);
        return o != NULL;
    }
    if (!c->n_args && !cli_has(c, "unset")) {
        return cli_usage(c, err, "gantry config set KEY=VALUE...");
    }
    for (size_t i = 0; i < cli_count(c, "unset"); i++) {
        if (!options_save(c->home, cli_nth(c, "unset", i), NULL, err)) {
            return false;
        }
    }
    return set(c, err);
}

const struct command command_config = {
    .name = "config",
    .group = GROUP_SETUP,
    .summary = "Options of this home: show, set, check",
    .usage = "show [KEY]\nset KEY=VALUE...\ncheck",
    .help = "Options live in config.ini in the home and are read when they are used: slots and "
            "gpus count for the next task\n"
            "that is started, everything else for the next run.",
    .options = options,
    .max_args = -1,
    .run = run,
};
