/* `gantry log`: what a task's attempt printed, or all of a run. Log lines are UTC<TAB>o|e<TAB>text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "model/state.h"
#include "report/attempts.h"

#define POLL_NS \
    100000000L /* -f looks ten times a second; the log is a file that nobody announces */

static const struct opt options[] = {
    {'f', "follow", OPT_FLAG, NULL, "go on until the task has ended", false},
    {'t', "times", OPT_FLAG, NULL, "with the time of each line (UTC)", false},
    {'n', "attempt", OPT_INT, "N", "that attempt instead of the newest", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

struct log_of {
    int64_t task, run, n, source; /* source: the task whose work was taken, 0 = its own */
    enum task_state state;
    char *attempts;
};

static void print_line(struct cli *c, const char *line, size_t n, bool times)
{
    const char *tab = memchr(line, '\t', n);
    const char *text = line;
    char stream = 'o';
    size_t left = n;
    if (tab && (size_t)(tab - line) + 2 < n && tab[2] == '\t') {
        stream = tab[1];
        text = tab + 3;
        left = n - (size_t)(text - line);
    }
    const char *colour = stream == 'e' ? cli_paint(c, "red") : "";
    if (times && text != line) {
        cli_print(c, "%.*s ", (int)(tab - line), line);
    }
    cli_print(c, "%s%.*s%s\n", colour, (int)left, text, *colour ? cli_paint(c, NULL) : "");
}

/* Whole lines from *at on; *at moves behind them. */
static void print_from(struct cli *c, const char *text, size_t length, size_t *at, bool rest,
                       bool times)
{
    while (*at < length) {
        const char *newline = memchr(text + *at, '\n', length - *at);
        if (!newline && !rest) {
            return;
        }
        size_t n = newline ? (size_t)(newline - text) - *at : length - *at;
        print_line(c, text + *at, n, times);
        *at += n + (newline ? 1 : 0);
    }
}

static json_t *line_row(const char *line, size_t n)
{
    const char *tab = memchr(line, '\t', n);
    if (!tab || (size_t)(tab - line) + 2 >= n || tab[2] != '\t') {
        return json_pack("{s:n, s:s, s:s%}", "time", "stream", "out", "text", line, n);
    }
    return json_pack("{s:s%, s:s, s:s%}", "time", line, (size_t)(tab - line), "stream",
                     tab[1] == 'e' ? "err" : "out", "text", tab + 3, n - (size_t)(tab + 3 - line));
}

static bool print_json(struct cli *c, const char *text, size_t length, struct err *err)
{
    json_t *rows = json_array();
    bool ok = rows != NULL;
    for (size_t at = 0; ok && at < length;) {
        const char *newline = memchr(text + at, '\n', length - at);
        size_t n = newline ? (size_t)(newline - text) - at : length - at;
        ok = json_array_append_new(rows, line_row(text + at, n)) == 0;
        at += n + 1;
    }
    ok = ok ? cli_json(c, rows, err) : err_set(err, ERR_NOMEM, "out of memory");
    json_decref(rows);
    return ok;
}

/* Where the task stands, and which attempt to show. */
static bool look_up(struct cli *c, int64_t task, struct log_of *l, struct err *err)
{
    int64_t from = 0;
    struct query *q = store_query(
        c->store, err,
        "SELECT t.run_id, t.state, t.attempts, coalesce(r.attempts, p.attempts), t.cached_from "
        "FROM task t"
        " JOIN run r ON r.id = t.run_id JOIN project p ON p.id = r.project_id WHERE t.id = ?",
        "i", task);
    if (!q) {
        return false;
    }
    bool found = query_next(q);
    if (found) {
        l->task = task;
        l->run = query_int(q, 0);
        l->state = (enum task_state)query_int(q, 1);
        l->n = cli_int(c, "attempt", query_int(q, 2));
        mem_free(l->attempts);
        l->attempts = mem_strdup(query_text(q, 3), err);
        from = query_int(q, 4);
    }
    if (!query_end(q, err) || !found || !l->attempts) {
        return found ? false : err_set(err, ERR_NOTHING, "there is no task %" PRId64, task);
    }
    if (l->state == TASK_CACHED && from && from != task) {
        l->source = from;
        return look_up(c, from, l, err);
    }
    return true;
}

/* The newest attempt may be a number that was reserved and never started: then the one before it.
 */
static bool read_log(struct log_of *l, bool given, char **ret, size_t *ret_length, struct err *err)
{
    for (int64_t n = l->n; n > 0; n--) {
        if (!attempts_file(l->attempts, l->run, l->task, n, "log", ret, ret_length, err)) {
            return false;
        }
        if (*ret || given) {
            l->n = n;
            return true;
        }
    }
    return true;
}

static bool follow(struct cli *c, struct log_of *l, struct err *err)
{
    size_t at = 0;
    int64_t shown = 0;
    for (;;) {
        char *text = NULL;
        size_t length = 0;
        cli_store_close(c);
        if (!cli_store(c, err) || !look_up(c, l->task, l, err) ||
            !read_log(l, cli_has(c, "attempt"), &text, &length, err)) {
            return false;
        }
        bool over = task_state_final(l->state);
        at = l->n == shown ? at : 0; /* a new attempt has a new log */
        shown = l->n;
        if (text) {
            print_from(c, text, length, &at, over, cli_has(c, "times"));
            (void)fflush(stdout);
        }
        mem_free(text);
        if (over) {
            return true;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
}

/* The log of one task of a whole run. */
static bool print_part(struct cli *c, int64_t task, struct err *err)
{
    struct log_of l = {.attempts = NULL};
    char *text = NULL;
    size_t length = 0, at = 0;
    bool ok = look_up(c, task, &l, err) && read_log(&l, false, &text, &length, err);
    if (ok && text) {
        print_from(c, text, length, &at, true, cli_has(c, "times"));
    }
    mem_free(text);
    mem_free(l.attempts);
    return ok;
}

/* Every task of a run behind a line that says what it was and how it ended: for the files of a
 * study. */
static bool print_run(struct cli *c, int64_t id, struct err *err)
{
    json_t *row,
        *rows = store_rows(c->store, err,
                           "SELECT t.id, i.name, t.job_id, t.state, t.message FROM task t JOIN "
                           "item i ON i.id = t.item_id WHERE t.run_id = ? ORDER BY t.id",
                           "i", id);
    size_t i;
    bool ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        const char *message = json_get_text(row, "message", "");
        cli_print(c, "%s== %s %s: %s%s%s%s\n", cli_paint(c, "bold"), json_get_text(row, "name", ""),
                  json_get_text(row, "job_id", ""),
                  task_state_name((enum task_state)json_get_int(row, "state", 0)),
                  *message ? ": " : "", message, cli_paint(c, NULL));
        ok = ok && print_part(c, json_get_int(row, "id", 0), err);
    }
    json_decref(rows);
    return ok;
}

static bool whole_run(struct cli *c, int64_t project, struct err *err)
{
    int64_t id = 0;
    if (c->json || cli_has(c, "follow") || cli_has(c, "attempt")) {
        return cli_usage(c, err, "-f, -n and --json go with one task, not with a run");
    }
    return resolve_run(c, c->args[0], project, &id, err) && print_run(c, id, err);
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0, task = 0;
    struct log_of l = {.attempts = NULL};
    char *text = NULL;
    size_t length = 0, at = 0;
    if (str_starts(c->args[0], "run:")) {
        return resolve_project_id(c, &project, err) && cli_store(c, err) &&
            whole_run(c, project, err);
    }
    bool ok = resolve_project_id(c, &project, err) && cli_store(c, err) &&
        resolve_task(c, c->args[0], project, &task, err) && look_up(c, task, &l, err);
    if (ok && l.source) {
        cli_note(c,
                 "task %" PRId64 " was skipped as cached; this is the log of task %" PRId64
                 ", which did the work",
                 task, l.task);
    }
    if (ok && cli_has(c, "follow") && !c->json) {
        ok = follow(c, &l, err);
        goto out;
    }
    ok = ok && read_log(&l, cli_has(c, "attempt"), &text, &length, err);
    if (ok && !text && cli_has(c, "attempt")) {
        ok =
            err_set(err, ERR_NOTHING, "task %" PRId64 " has no log of attempt %" PRId64, task, l.n);
    } else if (ok && !length && !task_state_final(l.state) && l.state != TASK_RUNNING) {
        ok = err_set(err, ERR_NOTHING,
                     "task %" PRId64 " has not started: it is %s (gantry why %" PRId64 ")", task,
                     task_state_name(l.state), task);
    } else if (ok && !length) {
        cli_note(c, "task %" PRId64 " (%s) has printed nothing", task, task_state_name(l.state));
    }
    if (ok && c->json) {
        ok = print_json(c, text ? text : "", length, err);
    } else if (ok && text) {
        print_from(c, text, length, &at, true, cli_has(c, "times"));
    }
out:
    mem_free(text);
    mem_free(l.attempts);
    return ok;
}

const struct command command_log = {
    .name = "log",
    .group = GROUP_RUNS,
    .summary = "What a task, or a whole run, printed",
    .usage = "TASK|run:N [-f]",
    .help = "TASK is a number, ITEM/JOB as in sample_012/full, or 'last'; run:N prints all tasks "
            "of a run, each behind a line\n"
            "that says what it was and how it ended. Lines of standard error are red on a "
            "terminal.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
