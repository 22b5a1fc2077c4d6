/* `gantry why`: why a task would run, waits, or is skipped. */
#include <inttypes.h>
#include "base/mem.h"
#include "cli/command.h"
#include "cli/pick.h"
#include "cli/resolve.h"

static void print_value(struct cli *c, const json_t *value)
{
    char *text =
        value && !json_is_null(value) ? json_text(value, err_ignore("shown without it")) : NULL;
    char *shown = text ? cli_shown(text, err_ignore("shown without it")) : NULL;
    cli_print(c, "%s", shown ? shown : "(nothing)");
    mem_free(shown);
    mem_free(text);
}

/* What the inputs look like now, not when they were last listed. */
static bool refresh_of(struct cli *c, int64_t task, struct err *err)
{
    int64_t project = 0;
    return store_int(c->store, 0, &project, err,
                     "SELECT r.project_id FROM task t JOIN run r ON r.id = t.run_id WHERE t.id = ?",
                     "i", task) &&
        pick_refresh(c, NULL, project, err);
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0, task = 0;
    json_t *args = NULL, *answer = NULL;
    bool ok = resolve_project_id(c, &project, err) && cli_store(c, err) &&
        resolve_task(c, c->args[0], project, &task, err);
    ok = ok && refresh_of(c, task, err);
    cli_store_close(c);
    args = ok ? json_pack("{s:I}", "task", (json_int_t)task) : NULL;
    answer = args ? cli_call(c, "task.why", args, err) : NULL;
    ok = answer != NULL;
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        const json_t *reasons = json_object_get(answer, "reasons"),
                     *changed = json_object_get(answer, "changed");
        cli_print(c, "Task %" PRId64 " is %s.\n", task, json_get_text(answer, "state", "unknown"));
        for (size_t i = 0; i < json_array_size(reasons); i++) {
            char *text = cli_shown(json_string_value(json_array_get(reasons, i)),
                                   err_ignore("shown without it"));
            cli_print(c, "  %s\n", text ? text : "");
            mem_free(text);
        }
        for (size_t i = 0; i < json_array_size(changed); i++) {
            const json_t *one = json_array_get(changed, i);
            cli_print(c, "  %s: ", json_get_text(one, "key", ""));
            print_value(c, json_object_get(one, "old"));
            cli_print(c, " -> ");
            print_value(c, json_object_get(one, "new"));
            cli_print(c, "\n");
        }
    }
    json_decref(answer);
    json_decref(args);
    return ok;
}

const struct command command_why = {
    .name = "why",
    .group = GROUP_RUNS,
    .summary = "Why a task would run, waits, or is skipped",
    .usage = "TASK",
    .help = "TASK is a number, ITEM/JOB as in sample_012/full, or 'last'.",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
