/* `gantry show`: everything about one task, as JSON. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "report/task.h"

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0, task = 0;
    bool ok = resolve_project_id(c, &project, err) && cli_store(c, err) &&
        resolve_task(c, c->args[0], project, &task, err);
    json_t *doc = ok ? task_document(c->store, task, err) : NULL;
    ok = doc != NULL;
    if (ok && c->json) {
        ok = cli_json(c, doc, err);
    } else if (ok) {
        char *text = json_pretty(doc, err);
        ok = text != NULL;
        cli_print(c, "%s%s", text ? text : "", text && str_ends(text, "\n") ? "" : "\n");
        mem_free(text);
    }
    json_decref(doc);
    return ok;
}

const struct command command_show = {
    .name = "show",
    .group = GROUP_RUNS,
    .summary = "All about one task, as JSON: command, arguments, attempts, outputs, provenance",
    .usage = "TASK",
    .help = "TASK is a number, ITEM/JOB as in sample_012/full, or 'last'.",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
