/* `gantry status`: the runs, newest last; -f follows. */
#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/resolve.h"
#include "cli/served.h"
#include "cli/waiting.h"
#include "engine/session.h"
#include "model/state.h"

#define OLD_RUNS 10 /* ended runs that are listed beside the living ones */

static const struct opt options[] = {
    {'f', "follow", OPT_FLAG, NULL, "stay and show progress until it ends", false},
    {0, "all", OPT_FLAG, NULL, "every run there ever was, not only the newest ones", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* "active" says little: queued by nobody, or without an engine, it waits for --resume. */
static const char *state_word(const char *state, bool queued, bool engine,
                              const struct progress_counts *n)
{
    if (strcmp(state, "active")) {
        return state;
    }
    if (!queued || !engine) {
        return "interrupted";
    }
    return n->by_state[TASK_RUNNING] ? "running" : "queued";
}

static bool put_time(json_t *row, const char *key, const json_t *us, struct err *err)
{
    char text[40] = "";
    if (!json_is_integer(us)) {
        return json_put(row, key, json_null(), err);
    }
    clock_iso(json_integer_value(us), text, sizeof text);
    return json_put(row, key, json_string(text), err);
}

/* Tasks that were done but warn of something (gantry results shows the words). */
static bool put_warnings(struct cli *c, json_t *row, struct err *err)
{
    int64_t n = 0;
    return store_int(c->store, 0, &n, err,
                     "SELECT count(*) FROM task WHERE run_id=?1 AND state IN (5,6) AND result LIKE "
                     "'%\"warning\":%'",
                     "i", json_get_int(row, "id", 0)) &&
        json_put(row, "warnings", json_integer(n), err);
}

/* Counts, share and span of one run into its row. */
static bool complete_row(struct cli *c, json_t *row, bool engine, struct err *err)
{
    struct progress_counts n;
    int64_t created = json_get_int(row, "created_us", 0);
    int64_t ended = json_get_int(row, "ended_us", clock_utc_us());
    if (!progress_count(c->store, json_get_int(row, "id", 0), &n, err)) {
        return false;
    }
    const char *word =
        state_word(json_get_text(row, "state", ""), json_get_bool(row, "queued", true), engine, &n);
    bool ok = json_put(row, "state", json_string(word), err) &&
        json_put(row, "tasks", json_integer(n.total), err) &&
        json_put(row, "completed", json_integer(n.over), err) &&
        json_put(row, "progress", json_real(n.total ? (double)n.over / (double)n.total : 1.0),
                 err) &&
        json_put(row, "seconds", json_real((double)(ended - created) / 1e6), err) &&
        put_warnings(c, row, err);
    for (int state = 0; ok && state < TASK_STATES; state++) {
        ok = json_put(row, task_state_name((enum task_state)state), json_integer(n.by_state[state]),
                      err);
    }
    return ok && put_time(row, "created", json_object_get(row, "created_us"), err) &&
        put_time(row, "ended", json_object_get(row, "ended_us"), err);
}

static json_t *run_rows(struct cli *c, int64_t project, int64_t run, struct err *err)
{
    int64_t most = cli_has(c, "all") ? (int64_t)1 << 40 : OLD_RUNS;
    json_t *rows =
        store_rows(c->store, err,
                   "SELECT * FROM (SELECT r.id, p.name AS project, r.name AS batch, r.state, "
                   "r.queued AS queued_bool,"
                   " r.priority, r.user, r.host, r.created_us, r.ended_us FROM run r"
                   " JOIN project p ON p.id = r.project_id WHERE (?1 = 0 OR r.project_id = ?1) AND "
                   "(?2 = 0 OR r.id = ?2)"
                   " ORDER BY r.state = 'active' DESC, r.id DESC LIMIT"
                   " ?3 + (SELECT count(*) FROM run WHERE state = 'active')) ORDER BY id",
                   "iii", run ? (int64_t)0 : project, run, most);
    bool engine = session_engine_alive(c->home, NULL);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!complete_row(c, json_array_get(rows, i), engine, err)) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static bool print_rows(struct cli *c, json_t *rows, struct err *err)
{
    static const struct column columns[] = {
        {"Run", "id", CELL_INT},
        {"Batch", "batch", CELL_TEXT},
        {"Project", "project", CELL_TEXT},
        {"State", "state", CELL_STATUS},
        {"Completed", "completed", CELL_INT},
        {"Of", "tasks", CELL_INT},
        {"Running", "running", CELL_INT},
        {"Failed", "failed", CELL_INT},
        {"Warnings", "warnings", CELL_INT},
        {"Started", "created_us", CELL_TIME},
        {"Took", "seconds", CELL_SPAN},
        {NULL, NULL, CELL_TEXT},
    };
    if (c->json) {
        return cli_json(c, rows, err);
    }
    if (!json_array_size(rows)) {
        cli_note(c, "there are no runs yet");
        return true;
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (!strcmp(json_get_text(row, "state", ""), "interrupted")) {
            cli_note(c, "run %" PRId64 " was interrupted: gantry resume goes on with it",
                     json_get_int(row, "id", 0));
        }
    }
    return cli_table(c, rows, columns, err);
}

struct following {
    struct cli *c;
    struct progress *p;
    int64_t newest; /* run that is followed already */
    int64_t only;   /* this run and no other; 0 = all */
    struct err failure;
};

/* Runs that were launched meanwhile are followed too. */
static void look(void *arg)
{
    struct following *f = arg;
    int64_t next = 0;
    while (!f->failure.code && !f->only) {
        if (!store_int(f->c->store, 0, &next, &f->failure,
                       "SELECT min(id) FROM run WHERE id > ? AND state = 'active'", "i",
                       f->newest) ||
            !next || !progress_add_run(f->p, next, &f->failure)) {
            break;
        }
        f->newest = next;
    }
    progress_update(f->p);
}

/* Join the living engine and draw until the run, or everything, has ended. */
static bool follow(struct cli *c, int64_t run, json_t *rows, struct err *err)
{
    struct session *session = session_open(c->home, err);
    struct progress *p = session ? progress_new(c, c->json, err) : NULL;
    enum follow_end end = FOLLOW_ENDED;
    struct err stuck = {.code = ERR_NONE};
    struct following f = {.c = c, .p = p, .only = run};
    bool ok = p != NULL;
    for (size_t i = 0; ok && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *state = json_get_text(row, "state", "");
        if (!strcmp(state, "running") || !strcmp(state, "queued")) {
            ok = progress_add_run(p, json_get_int(row, "id", 0), err);
        }
        f.newest = json_get_int(row, "id", 0) > f.newest ? json_get_int(row, "id", 0) : f.newest;
    }
    if (ok) {
        struct follow how = {.run = run, .changed = look, .arg = &f};
        ok = session_follow(session, &how, &end, &stuck) && !f.failure.code;
        if (!ok) {
            *err = f.failure.code ? f.failure : stuck;
        }
    }
    ok = p && progress_end(p, ok ? err : err_ignore("the first error stays")) && ok;
    if (ok && end == FOLLOW_INTERRUPTED) {
        c->status = err_exit_status(ERR_CANCELLED);
    }
    if (ok && end == FOLLOW_STUCK) {
        cli_note(c, "%s; mend that, then `gantry run --resume`", stuck.text);
    }
    progress_free(p);
    session_close(session);
    return ok;
}

/* On stderr: the table is the same with a server and without. */
static void say_server(const struct cli *c)
{
    struct served served;
    served_find(c->home, &served);
    if (served.url[0]) {
        cli_note(c, "the page of this home is at %s", served.url);
    }
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0, id = 0;
    json_t *rows = NULL;
    struct err none = {.code = ERR_NONE};
    bool ok = resolve_project_id(c, &project, err);
    if (ok && !cli_store(c, &none)) {
        /* A home without a database has had no runs. */
        ok = none.code == ERR_NOTHING || err_set(err, none.code, "%s", none.text);
        rows = ok ? json_array() : NULL;
        ok = ok && print_rows(c, rows, err);
        json_decref(rows);
        return ok;
    }
    ok = ok && (!c->n_args || resolve_run(c, c->args[0], project, &id, err));
    rows = ok ? run_rows(c, project, id, err) : NULL;
    ok = rows != NULL;
    if (ok && cli_has(c, "follow") && session_engine_alive(c->home, NULL)) {
        ok = follow(c, id, rows, err);
        json_decref(rows);
        cli_store_close(c);
        rows = ok && cli_store(c, err) ? run_rows(c, project, id, err) : NULL;
        ok = rows != NULL;
    }
    ok = ok && print_rows(c, rows, err) && waiting_say(c, err);
    if (ok && !c->json) {
        say_server(c);
    }
    json_decref(rows);
    return ok;
}

const struct command command_status = {
    .name = "status",
    .group = GROUP_RUNS,
    .summary = "Runs and how far they are",
    .usage = "[RUN] [-f]",
    .help = "RUN is a number or 'last'. Without one: the runs of this project (outside of a "
            "project: of all).\n"
            "With -f: a bar on a terminal, otherwise one line a finished task, until the run has "
            "ended.",
    .options = options,
    .max_args = 1,
    .run = run,
};
