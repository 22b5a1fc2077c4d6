/* `gantry ps`: the tasks. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "catalog/selector.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "cli/waiting.h"
#include "model/state.h"
#include "report/attempts.h"
#include "report/task.h"

static const struct opt options[] = {
    {'a', "all", OPT_FLAG, NULL, "finished ones too", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* Several filters of one kind are a union; different kinds must all hold. */
static bool row_fits(const json_t *row, char *const *filters, size_t n)
{
    enum { BY_STATE, BY_RUN, BY_JOB, BY_TOOL, BY_ITEM, KINDS };
    bool asked[KINDS] = {false}, holds[KINDS] = {false};
    for (size_t i = 0; i < n; i++) {
        const char *f = filters[i];
        const char *item = json_get_text(row, "item", ""), *name = json_get_text(row, "name", "");
        int kind = BY_ITEM;
        bool hit;
        int64_t run;
        if (task_state_of(f) != TASK_STATES || str_starts(f, "state:")) {
            kind = BY_STATE;
            hit = str_equal(str_starts(f, "state:") ? f + 6 : f, json_get_text(row, "state", ""));
        } else if (str_starts(f, "run:")) {
            kind = BY_RUN;
            hit = num_int64(f + 4, &run) && run == json_get_int(row, "run", 0);
        } else if (str_starts(f, "job:")) {
            kind = BY_JOB;
            hit = str_equal(f + 4, json_get_text(row, "job", ""));
        } else if (str_starts(f, "tool:")) {
            kind = BY_TOOL;
            hit = selector_glob(f + 5, json_get_text(row, "tool", ""));
        } else {
            hit = str_equal(f, item) || str_equal(f, name) || selector_glob(f, item) ||
                selector_glob(f, name);
        }
        asked[kind] = true;
        holds[kind] = holds[kind] || hit;
    }
    for (int k = 0; k < KINDS; k++) {
        if (asked[k] && !holds[k]) {
            return false;
        }
    }
    return true;
}

/* Of runs that are not over, and of the newest one; a run: filter names others. */
static json_t *task_rows(struct cli *c, int64_t project, bool any_run, struct err *err)
{
    return store_rows(
        c->store, err,
        "SELECT t.id, t.run_id AS run, i.name, t.item_id, t.job_id AS job, t.tool, t.state, "
        "t.attempts,(SELECT count(*) FROM attempt a WHERE a.task_id=t.id AND a.state IN (1,2)) AS "
        "tries,"
        " a.gpu, a.slot, a.pid, t.code, t.message, t.cause_id AS cause, t.started_us, t.ended_us,"
        " CASE WHEN t.state = 3 THEN coalesce(r.attempts, p.attempts) END AS folder FROM task t"
        " JOIN item i ON i.id = t.item_id JOIN run r ON r.id = t.run_id"
        " JOIN project p ON p.id = r.project_id"
        " LEFT JOIN attempt a ON a.task_id = t.id AND a.state = 1"
        " WHERE (?1 = 0 OR r.project_id = ?1) AND (?2 OR r.state = 'active' OR r.id ="
        " (SELECT max(id) FROM run WHERE ?1 = 0 OR project_id = ?1)) AND (?3 OR (t.cleared = 0 AND "
        "t.state NOT IN (5, 6, 8)))"
        " ORDER BY t.id",
        "iii", project, (int64_t)any_run, (int64_t)cli_has(c, "all"));
}

/* "progress" (0..1 or null), and what a running task says of itself as its message. */
static bool add_progress(json_t *row, struct err *err)
{
    double done = NAN;
    char *message = NULL;
    const char *folder = json_get_text(row, "folder", NULL);
    bool ok = true;
    if (folder) {
        attempts_progress(folder, json_get_int(row, "run", 0), json_get_int(row, "id", 0),
                          json_get_int(row, "attempts", 0), &done, &message);
    }
    if (isfinite(done)) {
        char *text =
            mem_printf(err, "%.0f %%%s%s", 100 * done, message ? ", " : "", message ? message : "");
        ok = text && json_put(row, "message", json_string(text), err);
        mem_free(text);
    }
    mem_free(message);
    (void)json_object_del(row, "folder");
    return json_put(row, "progress", isfinite(done) ? json_real(done) : json_null(),
                    ok ? err : err_ignore("the first error stays")) &&
        ok;
}

static bool print_rows(struct cli *c, const json_t *rows, struct err *err)
{
    static const struct column columns[] = {
        {"Task", "id", CELL_INT},       {"Run", "run", CELL_INT},
        {"Item", "item", CELL_TEXT},    {"Job", "job", CELL_TEXT},
        {"Tool", "tool", CELL_TEXT},    {"State", "state", CELL_STATUS},
        {"Tries", "tries", CELL_INT},   {"Started", "started_us", CELL_TIME},
        {"Took", "seconds", CELL_SPAN}, {"Message", "message", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    if (c->json) {
        return cli_json(c, rows, err);
    }
    if (!json_array_size(rows)) {
        cli_note(c,
                 cli_has(c, "all")
                     ? "no tasks"
                     : "no tasks wait, run or have failed (gantry ps --all shows the rest)");
        return true;
    }
    return cli_table(c, rows, columns, err);
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0;
    struct err none = {.code = ERR_NONE};
    bool any_run = false, ready = false, ok = false;
    json_t *rows = NULL, *shown = json_array();
    if (!shown || !resolve_project_id(c, &project, err)) {
        goto out;
    }
    if (!cli_store(c, &none)) {
        ok = none.code == ERR_NOTHING ? print_rows(c, shown, err)
                                      : err_set(err, none.code, "%s", none.text);
        goto out;
    }
    for (size_t i = 0; i < c->n_args; i++) {
        any_run = any_run || str_starts(c->args[i], "run:");
    }
    rows = task_rows(c, project, any_run, err);
    if (!rows || !task_complete(rows, err)) {
        goto out;
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        ready = ready || !strcmp(json_get_text(row, "state", ""), "ready");
        if (!row_fits(row, c->args, c->n_args)) {
            continue;
        }
        if (!add_progress(row, err) || json_array_append(shown, row)) {
            (void)err_set(err, ERR_NOMEM, "out of memory");
            goto out;
        }
    }
    ok = print_rows(c, shown, err) && (!ready || waiting_say(c, err));
out:
    json_decref(rows);
    json_decref(shown);
    return ok;
}

const struct command command_ps = {
    .name = "ps",
    .group = GROUP_RUNS,
    .summary = "Tasks that wait, run or have failed",
    .usage = "[--all] [FILTER...]",
    .help = "Of the runs that are not over and of the newest one. A FILTER is a state (running, "
            "failed, ...), run:N,\n"
            "job:full, tool:recon.*, or an item or glob; several of one kind are a union.",
    .options = options,
    .max_args = -1,
    .run = run,
};
