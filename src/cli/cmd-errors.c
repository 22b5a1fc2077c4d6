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

static const struct opt options[] = {
    {0, "cause", OPT_INT, "N", "only that cause", false},
    {0, "clear", OPT_FLAG, NULL, "these are dealt with: take them off the lists of what is open",
     false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

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

/* --cause: the others leave the list. */
static bool only_cause(struct cli *c, json_t *rows, struct err *err)
{
    int64_t cause = cli_int(c, "cause", 0);
    for (size_t i = json_array_size(rows); i-- > 0;) {
        if (json_get_int(json_array_get(rows, i), "id", 0) != cause) {
            (void)json_array_remove(rows, i);
        }
    }
    return json_array_size(rows) ||
        err_set(err, ERR_NOTHING, "there is no open failure of cause %" PRId64, cause);
}

/* A whole run with what was cancelled in it (`run`), or the failures in `rows`. */
static json_t *clear_args(const json_t *rows, int64_t run, struct err *err)
{
    json_t *tasks = json_array();
    bool ok = tasks != NULL;
    for (size_t i = 0; ok && !run && i < json_array_size(rows); i++) {
        ok = json_array_extend(tasks, json_object_get(json_array_get(rows, i), "tasks")) == 0;
    }
    json_t *args = !ok ? NULL
        : run          ? json_pack("{s:[I]}", "runs", (json_int_t)run)
                       : json_pack("{s:O}", "tasks", tasks);
    json_decref(tasks);
    if (!args) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return args;
}

static bool clear(struct cli *c, const json_t *rows, int64_t run, struct err *err)
{
    json_t *args = clear_args(rows, run, err);
    cli_store_close(c);
    json_t *answer = args ? cli_call(c, "task.clear", args, err) : NULL;
    bool ok = answer != NULL;
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        int64_t n = json_get_int(answer, "cleared", 0);
        cli_print(c,
                  "%" PRId64 " task%s cleared; gantry ps --all and gantry results still show %s.\n",
                  n, n == 1 ? "" : "s", n == 1 ? "it" : "them");
    }
    json_decref(answer);
    json_decref(args);
    return ok;
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
    ok = ok && rows && (!cli_has(c, "cause") || only_cause(c, rows, err)) &&
        (cli_has(c, "clear") ? clear(c, rows, cli_has(c, "cause") ? 0 : id, err)
                             : print_causes(c, rows, err));
    json_decref(rows);
    return ok;
}

const struct command command_errors = {
    .name = "errors",
    .group = GROUP_RESULTS,
    .summary = "Failures grouped by cause, with what to do",
    .usage = "[RUN] [--cause N] [--clear]",
    .help =
        "Kept until the tasks are retried with success, run anew, or cleared. gantry ls error:N "
        "lists the items of cause N;\n"
        "gantry retry --cause N [--set KEY=VALUE] tries them again. --clear marks them as dealt "
        "with (of a RUN also what\n"
        "was cancelled): they leave this list, gantry ps and the page's default lists, and stay "
        "in gantry results and\n"
        "gantry show; a retry takes the mark away.",
    .options = options,
    .max_args = 1,
    .run = run,
};
