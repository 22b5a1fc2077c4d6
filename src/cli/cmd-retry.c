/* `gantry retry`: new attempts of tasks, also with changed parameters. */
#include <inttypes.h>
#include "base/mem.h"
#include "cli/command.h"
#include "cli/launch.h"
#include "cli/resolve.h"
#include "engine/session.h"

static const struct opt options[] = {
    {0, "failed", OPT_FLAG, NULL, "only what failed (the default for runs)", false},
    {0, "cause", OPT_INT, "N", "the members of that cause (gantry errors)", false},
    {0, "set", OPT_TEXT, "KEY=VALUE", "change a parameter for the new attempts (may be repeated)",
     false},
    {0, "detach", OPT_FLAG, NULL, "in the background", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static json_t *set_params(const struct cli *c, struct err *err)
{
    size_t n = cli_count(c, "set");
    char **words = mem_array(n + 1, sizeof *words, err);
    for (size_t i = 0; words && i < n; i++) {
        words[i] = (char *)cli_nth(c, "set", i);
    }
    json_t *params = words ? cli_pairs(c, words, n, err) : NULL;
    mem_free(words);
    return params;
}

/* What the new attempts have that the old ones had not: "fbp_filter = shepp". */
static void say_diff(struct cli *c, const json_t *answer)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(answer, "diff"), key, value)
    {
        char *text = json_is_string(value)
            ? mem_strdup(json_string_value(value), err_ignore("shown without it"))
            : json_text(value, err_ignore("shown without it"));
        cli_note(c, "changed: %s = %s", key, text ? text : "?");
        mem_free(text);
    }
}

/* A run is one number for the engine; several, or a run and tasks, cannot be meant together. */
static bool put_run(const struct cli *c, json_t *args, struct err *err)
{
    const json_t *runs = json_object_get(args, "runs");
    if (json_array_size(runs) > 1 ||
        (json_array_size(runs) && json_array_size(json_object_get(args, "tasks")))) {
        return cli_usage(c, err, "gantry retry takes one run, or tasks");
    }
    return !json_array_size(runs) ||
        json_put(args, "run", json_incref(json_array_get(runs, 0)), err);
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0;
    json_t *args = NULL, *set = NULL, *answer = NULL;
    struct session *session = NULL;
    bool ok = false;
    if (!c->n_args && !cli_has(c, "cause")) {
        return cli_usage(c, err, "say what to try again: TASK, run:N, last, or --cause N");
    }
    if (!resolve_project_id(c, &project, err)) {
        return false;
    }
    args = resolve_targets(c, c->args, c->n_args, project, err);
    set = args ? set_params(c, err) : NULL;
    if (!set || !json_put(args, "set", set, err) || !put_run(c, args, err) ||
        !json_put(args, "project", json_integer(project), err) ||
        (cli_has(c, "failed") && !json_put(args, "failed", json_true(), err)) ||
        (cli_has(c, "cause") &&
         !json_put(args, "cause", json_integer(cli_int(c, "cause", 0)), err))) {
        goto out;
    }
    cli_store_close(c);
    if (cli_has(c, "detach")) {
        ok = launch_detached(c, "task.retry", args, err);
        goto out;
    }
    session = session_open(c->home, err);
    answer = session ? session_call(session, "task.retry", args, err) : NULL;
    if (answer) {
        say_diff(c, answer);
        ok = launch_follow(c, session, answer, err);
    }
out:
    json_decref(answer);
    json_decref(args);
    session_close(session);
    return ok;
}

const struct command command_retry = {
    .name = "retry",
    .group = GROUP_RUNS,
    .summary = "Try tasks again, also with changed parameters",
    .usage = "TASK|RUN... [--failed] [--set KEY=VALUE]\n--cause N [--set KEY=VALUE]",
    .help = "TASK is a number or ITEM/JOB as in sample_012/full; RUN is run:N, or 'last' for the "
            "newest run, of which what\n"
            "failed is tried again. A new attempt ignores the cache, and what follows it runs "
            "again too. --set is kept on\n"
            "the attempt and inherited by the item's later jobs.",
    .options = options,
    .max_args = -1,
    .run = run,
};
