/* `gantry init`: a folder becomes a project. */
#include <string.h>
#include "base/mem.h"
#include "catalog/project.h"
#include "cli/command.h"
#include "model/layout.h"

static const struct opt options[] = {
    {0, "name", OPT_TEXT, "NAME", "its name (default: the folder's)", false},
    {0, "layout", OPT_TEXT, "LAYOUT",
     "of a cohort: auto (default), bids, dicom, scans, or folders such as {subject}/{study}",
     false},
    {0, "autoexec", OPT_TEXT, "BATCH", "launch BATCH for each study that arrives; none = no more",
     false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool check_layout(const char *text, struct err *err)
{
    struct layout layout;
    return !strcmp(text, LAYOUT_AUTO) || layout_parse(text, &layout, err);
}

/* What was said of the project besides its name. */
static bool keep_settings(struct cli *c, json_t *project, struct err *err)
{
    const char *layout = cli_text(c, "layout", NULL), *batch = cli_text(c, "autoexec", NULL);
    if (!layout && !batch) {
        return true;
    }
    json_t *args = json_object(), *answer = NULL;
    bool ok = args &&
        json_put(args, "project", json_integer(json_get_int(project, "id", 0)), err) &&
        (!layout || json_put(args, "layout", json_string(layout), err)) &&
        (!batch ||
         json_put(args, "autoexec", json_string(strcmp(batch, "none") != 0 ? batch : ""), err)) &&
        (answer = cli_call(c, "project.set", args, err)) &&
        (!layout || json_put(project, "layout", json_string(layout), err));
    json_decref(answer);
    json_decref(args);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    json_t *args = json_object(), *answer = NULL;
    /* The engine may live in another process, with another current folder. */
    char *folder = project_folder(c->n_args ? c->args[0] : ".", err);
    bool ok = args && folder && check_layout(cli_text(c, "layout", LAYOUT_AUTO), err) &&
        json_put(args, "folder", json_string(folder), err) &&
        (!cli_has(c, "name") || json_put(args, "name", json_string(cli_text(c, "name", "")), err));
    answer = ok ? cli_call(c, "project.add", args, err) : NULL;
    ok = answer && keep_settings(c, answer, err);
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        cli_print(c, "%s project %s: %s\n",
                  json_get_bool(answer, "new", true) ? "registered" : "already registered,",
                  json_get_text(answer, "name", ""), json_get_text(answer, "root", ""));
        if (cli_has(c, "layout")) {
            cli_print(c, "layout: %s (gantry scan looks again)\n", cli_text(c, "layout", ""));
        }
        if (cli_has(c, "autoexec")) {
            cli_print(c, "autoexec: %s\n", cli_text(c, "autoexec", ""));
        }
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
    .usage = "[DIR] [--name NAME] [--layout LAYOUT] [--autoexec BATCH]",
    .help =
        "Its roots are the folder and its sibling DIR_rec, where results go. Other commands "
        "register the current folder\n"
        "by themselves when it is none yet; init gives it a name, or registers from elsewhere.\n"
        "--layout says which folders are subjects and studies: '{subject}/{study}', '{subject}', "
        "'raw/{subject}/ses-{study}',\n"
        "'{subject}_{study}'. auto finds BIDS trees and SUBJECT/STUDY by their NIfTI files. Said "
        "again, it changes the project.",
    .options = options,
    .max_args = 1,
    .run = run,
};
