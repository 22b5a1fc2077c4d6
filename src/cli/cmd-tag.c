/* `gantry tag`: words on files. */
#include <inttypes.h>
#include <string.h>
#include "catalog/apply.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "cli/rows.h"
#include "report/items.h"

static const struct opt options[] = {
    {0, "study", OPT_FLAG, NULL, "tags of studies (not built yet)", true},
    {0, "subject", OPT_FLAG, NULL, "tags of subjects (not built yet)", true},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool list_tags(struct cli *c, struct err *err)
{
    static const struct column columns[] = {
        {"Tag", "tag", CELL_TEXT}, {"Files", "files", CELL_INT}, {NULL, NULL, CELL_TEXT}};
    struct project project = {0};
    json_t *rows = NULL;
    bool ok = resolve_project(c, true, &project, err) && cli_store(c, err) &&
        (rows = items_tags(c->store, project.id, err));
    if (ok) {
        ok = c->json ? cli_json(c, rows, err) : cli_table(c, rows, columns, err);
    }
    json_decref(rows);
    project_fini(&project);
    return ok;
}

static bool change_tags(struct cli *c, bool add, struct err *err)
{
    struct rows rows = {.n = 0};
    json_t *args = NULL, *answer = NULL;
    if (c->n_args < 2) {
        return cli_usage(c, err, "usage: gantry tag %s TAG SELECTOR...", add ? "add" : "rm");
    }
    bool ok = apply_tag_valid(c->args[0], err) &&
        rows_select(c, c->args + 1, c->n_args - 1, SELECT_FILES, &rows, err) &&
        rows_need(&rows, err) && (args = rows_args(&rows, err)) &&
        json_put(args, "tag", json_string(c->args[0]), err) &&
        json_put(args, "add", json_boolean(add), err) &&
        (answer = rows_call(c, "tag.change", args, err));
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        cli_print(c, "%s %s: %" PRId64 " of %zu changed\n", add ? "tagged" : "untagged", c->args[0],
                  json_get_int(answer, "changed", 0), rows.n);
    }
    json_decref(answer);
    json_decref(args);
    rows_fini(&rows);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    static const char *const words[] = {"add", "rm", "ls", NULL};
    if (cli_has(c, "study") || cli_has(c, "subject")) {
        return err_set(err, ERR_UNSUPPORTED,
                       "tags of studies and subjects are not built yet; those of files are");
    }
    const char *what = cli_sub(c, words, "ls", err);
    if (!what) {
        return false;
    }
    return !strcmp(what, "ls") ? list_tags(c, err) : change_tags(c, !strcmp(what, "add"), err);
}

const struct command command_tag = {
    .name = "tag",
    .group = GROUP_DATA,
    .summary = "Tags on files: add, rm, ls",
    .usage = "add|rm TAG SELECTOR...\nls",
    .help = "A tag is a word without blanks, commas and slashes; the selector tag:WORD finds its "
            "files.",
    .options = options,
    .max_args = -1,
    .run = run,
};
