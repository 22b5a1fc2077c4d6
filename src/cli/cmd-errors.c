/* `gantry errors`: failures that nobody has dealt with yet, grouped by cause. */
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "cli/text.h"
#include "report/causes.h"

#define SHOWN_MEMBERS 8

static void print_cause(struct cli *c, const json_t *row)
{
    struct str line = STR_INIT;
    const json_t *members = json_object_get(row, "members");
    size_t n = json_array_size(members);
    int64_t id = json_get_int(row, "id", 0);
    text_show(&line, json_get_text(row, "example", ""));
    cli_print(c, "%s%" PRId64 "%s  %zu x %s: %s\n", cli_paint(c, "red"), id, cli_paint(c, NULL), n,
              json_get_text(row, "code", ""), str_text(&line));
    str_clear(&line);
    for (size_t i = 0; i < n && i < SHOWN_MEMBERS; i++) {
        str_add(&line, i ? ", " : "");
        text_show(&line, json_string_value(json_array_get(members, i)));
    }
    if (n > SHOWN_MEMBERS) {
        str_addf(&line, " (+%zu more)", n - SHOWN_MEMBERS);
    }
    cli_print(c, "   %s\n   %s\n   log: gantry log %s   retry: gantry retry --cause %" PRId64 "\n",
              str_text(&line), json_get_text(row, "advice", ""),
              json_string_value(json_array_get(members, 0)), id);
    str_fini(&line);
}

static bool print_causes(struct cli *c, const json_t *rows, struct err *err)
{
    if (c->json) {
        return cli_json(c, rows, err);
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        print_cause(c, json_array_get(rows, i));
    }
    if (!json_array_size(rows)) {
        cli_print(c, "No failures.\n");
    }
    return true;
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0, id = 0;
    struct err none = {.code = ERR_NONE};
    json_t *rows = NULL;
    bool ok = resolve_project_id(c, &project, err);
    if (ok && !cli_store(c, &none)) {
        rows = none.code == ERR_NOTHING ? json_array() : NULL;
        ok = rows || err_set(err, none.code, "%s", none.text);
    } else if (ok && (!c->n_args || resolve_run(c, c->args[0], project, &id, err))) {
        rows = causes_rows(c->store, id ? 0 : project, id, NULL, err);
    }
    ok = ok && rows && print_causes(c, rows, err);
    json_decref(rows);
    return ok;
}

const struct command command_errors = {
    .name = "errors",
    .group = GROUP_RESULTS,
    .summary = "Failures grouped by cause, with what to do",
    .usage = "[RUN]",
    .help = "Kept until the tasks are retried with success or run anew. gantry ls error:N lists "
            "the items of cause N;\n"
            "gantry retry --cause N [--set KEY=VALUE] tries them again.",
    .max_args = 1,
    .run = run,
};
