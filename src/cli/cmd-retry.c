/* `gantry retry`: new attempts of tasks, also with changed parameters. */
#include <inttypes.h>
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/launch.h"
#include "cli/resolve.h"
#include "cli/saved.h"
#include "engine/session.h"

static const struct opt options[] = {
    {0, "failed", OPT_FLAG, NULL, "only what failed (the default for runs)", false},
    {0, "cause", OPT_INT, "N", "the members of that cause (gantry errors)", false},
    {0, "set", OPT_TEXT, "KEY=VALUE", "change a parameter for the new attempts (may be repeated)",
     false},
    {0, "job", OPT_TEXT, "FILE",
     "the edited job (or a batch that has it): a new run of it for exactly these tasks", false},
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

/* The job in the file; of a batch the one that the cause's tasks are of, which the engine knows by
 * its id: the whole batch is searched for it. */
static bool put_job(const struct cli *c, json_t *args, const char *id, struct err *err)
{
    json_t *doc = saved_file(cli_text(c, "job", ""), err), *job = NULL, *one;
    size_t i;
    json_array_foreach(json_object_get(doc, "jobs"), i, one)
    {
        if (str_equal(json_get_text(one, "id", NULL), id)) {
            job = one;
        }
    }
    bool ok = doc &&
        (!json_object_get(doc, "jobs") || job ||
         err_set(err, ERR_USAGE, "'%s' has no job '%s'", cli_text(c, "job", ""), id));
    ok = ok && json_put(args, "job", json_incref(job ? job : doc), err);
    json_decref(doc);
    return ok;
}

/* Which job the tasks are of. */
static char *job_id(struct cli *c, const json_t *args, struct err *err)
{
    char *id = NULL;
    int64_t cause = json_get_int(args, "cause", 0),
            task = json_integer_value(json_array_get(json_object_get(args, "tasks"), 0));
    if (!cli_store(c, err) ||
        !store_text(c->store, &id, err,
                    "SELECT job_id FROM task WHERE (?1>0 AND cause_id=?1 AND state=7) OR id=?2 "
                    "ORDER BY id DESC LIMIT 1",
                    "ii", cause, task)) {
        return NULL;
    }
    if (!id) {
        (void)err_set(err, ERR_NOTHING, "nothing to rerun: no failed task is meant");
    }
    return id;
}

static void say_changes(struct cli *c, const json_t *answer)
{
    const json_t *changes = json_object_get(answer, "changes"), *row;
    size_t i;
    json_array_foreach((json_t *)changes, i, row)
    {
        char *old = json_object_get(row, "old")
            ? json_line(json_object_get(row, "old"), err_ignore("shown without it"))
            : NULL;
        char *new = json_object_get(row, "new")
            ? json_line(json_object_get(row, "new"), err_ignore("shown without it"))
            : NULL;
        cli_note(c, "changed: %s: %s -> %s", json_get_text(row, "key", ""), old ? old : "nothing",
                 new ? new : "nothing");
        mem_free(old);
        mem_free(new);
    }
}

/* A linked run of the edited job. */
static bool rerun(struct cli *c, json_t *args, struct err *err)
{
    char *id = job_id(c, args, err);
    struct session *session = NULL;
    json_t *answer = NULL;
    bool ok = id && put_job(c, args, id, err);
    mem_free(id);
    cli_store_close(c);
    if (ok && cli_has(c, "detach")) {
        return launch_detached(c, "run.rerun", args, err);
    }
    session = ok ? session_open(c->home, err) : NULL;
    answer = session ? session_call(session, "run.rerun", args, err) : NULL;
    ok = answer != NULL;
    if (ok) {
        say_changes(c, answer);
        ok = launch_follow(c, session, answer, err);
    }
    json_decref(answer);
    session_close(session);
    return ok;
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
    if (cli_has(c, "job")) {
        ok = rerun(c, args, err);
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
    .usage = "TASK|RUN... [--failed] [--set KEY=VALUE]\n--cause N [--set KEY=VALUE]\n--cause N "
             "--job FILE.json",
    .help = "TASK is a number or ITEM/JOB as in sample_012/full; RUN is run:N, or 'last' for the "
            "newest run, of which what\n"
            "failed is tried again. A new attempt ignores the cache, and what follows it runs "
            "again too. --set is kept on\n"
            "the attempt and inherited by the item's later jobs.\n"
            "--job edits the job itself, its script or its patterns: a new run has that job, and "
            "those behind it, for exactly\n"
            "the items of the cause; gantry show says what was changed.",
    .options = options,
    .max_args = -1,
    .run = run,
};
