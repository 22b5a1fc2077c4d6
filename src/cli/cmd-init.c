/* `gantry init`: a folder becomes a project. */
#include "catalog/project.h"
#include "cli/command.h"
#include "base/mem.h"

static const struct opt options[] = {
    {0, "name", OPT_TEXT, "NAME", "its name (default: the folder's)", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool run(struct cli *c, struct err *err)
{
    json_t *args = json_object(), *answer = NULL;
    /* The engine may live in another process, with another current folder. */
    char *folder = project_folder(c->n_args ? c->args[0] : ".", err);
    bool ok = args && folder && json_put(args, "folder", json_string(folder), err) &&
        (!cli_has(c, "name") || json_put(args, "name", json_string(cli_text(c, "name", "")), err));
    answer = ok ? cli_call(c, "project.add", args, err) : NULL;
    ok = answer != NULL;
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        cli_print(c, "%s project %s: %s\n",
                  json_get_bool(answer, "new", true) ? "registered" : "already registered,",
                  json_get_text(answer, "name", ""), json_get_text(answer, "root", ""));
    }
    mem_free(folder);
    json_decref(args);
    json_decref(answer);
    return ok;
}

const struct command command_init = {
    .name = "init",
    .group = GROUP_DATA,
    .summary = "Register a data folder as a project",
    .usage = "[DIR] [--name NAME]",
    .help = "Its roots are the folder and its sibling DIR_rec, where results go. Other commands "
            "register the current folder\n"
            "by themselves when it is none yet; init gives it a name, or registers from elsewhere.",
    .options = options,
    .max_args = 1,
    .run = run,
};
