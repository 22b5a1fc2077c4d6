/* The five signals. */
#include "cli/signal.h"

#include <inttypes.h>
#include "cli/resolve.h"

const char signal_help[] = "TASK is a number or ITEM/JOB as in sample_012/full; RUN is run:N, or "
                           "'last' for the newest run.\n"
                           "Signals reach the whole process group of a task.";

bool signal_tasks(struct cli *c, const char *action, struct err *err)
{
    int64_t project = 0;
    json_t *answer = NULL;
    json_t *args = resolve_project_id(c, &project, err)
        ? resolve_targets(c, c->args, c->n_args, project, err)
        : NULL;
    bool ok = args && json_put(args, "action", json_string(action), err);
    cli_store_close(c);
    answer = ok ? cli_call(c, "task.signal", args, err) : NULL;
    ok = answer != NULL;
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        int64_t n = json_get_int(answer, "changed", 0);
        cli_print(c, "%s: %" PRId64 " task%s\n", action, n, n == 1 ? "" : "s");
        if (n == 0) {
            cli_note(c, "%s changes nothing there (gantry ps --all shows the states)", action);
        }
    }
    json_decref(answer);
    json_decref(args);
    return ok;
}
