/* One operation that starts work, then the view of it. */
#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/child.h"
#include "cli/progress.h"
#include "model/options.h"
#include "model/state.h"
#include "os/proc.h"

#define SHOWN_SKIPPED 10
#define LOG "engine.log"
#define STUCK_STATUS 4 /* what is left waits for disk space */

static int more_serious(int a, int b)
{
    static const int order[] = {130, 5, 4, 1};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return a ? a : b;
}

/* "skipped 2: sample_007 (Skipped (small)), ..." once, at the start */
static void say_skipped(struct cli *c, const json_t *answer)
{
    const json_t *skipped = json_object_get(answer, "skipped");
    size_t n = json_array_size(skipped);
    for (size_t i = 0; i < n && i < SHOWN_SKIPPED; i++) {
        const json_t *one = json_array_get(skipped, i);
        char *name =
            cli_shown(json_get_text(one, "name", ""), err_ignore("an empty name is shown"));
        cli_note(c, "skipped %s: %s", name ? name : "", json_get_text(one, "reason", ""));
        mem_free(name);
    }
    if (n > SHOWN_SKIPPED) {
        cli_note(c, "(+%zu more skipped; gantry ls lists them)", n - SHOWN_SKIPPED);
    }
}

/* The runs of an answer ("run": id, or "runs": ids or rows with an id) as an array of integers. */
static json_t *runs_of(const json_t *answer, struct err *err)
{
    const json_t *runs = json_object_get(answer, "runs"), *run = json_object_get(answer, "run");
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < json_array_size(runs); i++) {
        const json_t *one = json_array_get(runs, i);
        int64_t id = json_is_object(one) ? json_get_int(one, "id", 0) : json_integer_value(one);
        ok = json_array_append_new(list, json_integer(id)) == 0;
    }
    ok = ok &&
        (runs || !json_is_integer(run) ||
         json_array_append_new(list, json_integer(json_integer_value(run))) == 0);
    if (!ok) {
        json_decref(list);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return list;
}

static void add_count(struct str *line, int64_t n, const char *word)
{
    if (n) {
        str_addf(line, "%s%" PRId64 " %s", line->len ? ", " : "", n, word);
    }
}

/* What could not be read or written is 4 or 5 and not 1. */
static bool weigh_failures(struct cli *c, int64_t run, struct err *err)
{
    struct query *q = store_query(
        c->store, err, "SELECT DISTINCT code FROM task WHERE run_id = ? AND state = 7", "i", run);
    if (!q) {
        return false;
    }
    while (query_next(q)) {
        int status = err_exit_status(err_code_of(query_text(q, 0)));
        c->status = status > 2 ? more_serious(c->status, status) : c->status;
    }
    return query_end(q, err);
}

/* The final line of a run (Y1): how many were completed, and where to look. */
static bool say_end(struct cli *c, int64_t run, struct err *err)
{
    struct progress_counts n;
    struct str line = STR_INIT;
    char span[32] = "";
    struct query *q = NULL;
    if (!progress_count(c->store, run, &n, err)) {
        return false;
    }
    q = store_query(
        c->store, err,
        "SELECT r.name, r.created_us, r.ended_us, CASE WHEN json_extract(r.batch,'$.level') IN "
        "('study','subject') THEN CASE CASE p.layout WHEN 'auto' THEN p.layout_found ELSE p.layout "
        "END WHEN 'bids' THEN p.root||'/derivatives/'||r.name WHEN 'scans' THEN coalesce(r.rec,"
        "p.rec) WHEN '' THEN coalesce(r.rec,p.rec) ELSE p.root||CASE WHEN EXISTS (SELECT 1 FROM "
        "json_each(r.batch,'$.jobs') WHERE json_extract(value,'$.collect')) THEN ' and '||"
        "coalesce(r.rec,p.rec)||'/'||r.name ELSE '' END END ELSE coalesce(r.rec,p.rec) END, "
        "coalesce(json_extract(r.options, "
        "'$.on_error'),"
        " json_extract(r.batch, '$.options.on_error'), 'break') FROM run r JOIN project p ON "
        "p.id = r.project_id"
        " WHERE r.id = ?",
        "i", run);
    if (!q) {
        return false;
    }
    for (int state = 0; state < TASK_STATES; state++) {
        add_count(&line, n.by_state[state], task_state_name((enum task_state)state));
    }
    bool found = query_next(q);
    bool ignore = found && !strcmp(query_text(q, 4), "ignore");
    if (found && !c->json) {
        int64_t end = query_null(q, 2) ? clock_utc_us() : query_int(q, 2);
        clock_span((double)(end - query_int(q, 1)) / 1e6, span, sizeof span);
        cli_print(c, "Run %" PRId64 " (%s): %" PRId64 " of %" PRId64 " tasks completed in %s: %s\n",
                  run, query_text(q, 0), n.over, n.total, span,
                  n.total ? str_text(&line) : "nothing to do");
        cli_print(c, "Outputs are below %s; the table: gantry results %" PRId64 "\n",
                  query_text(q, 3), run);
    }
    if (n.by_state[TASK_FAILED]) {
        cli_note(c, "%" PRId64 " failed; gantry errors %" PRId64 " says why, grouped by cause",
                 n.by_state[TASK_FAILED], run);
    }
    if ((n.by_state[TASK_FAILED] && !ignore) || n.by_state[TASK_CANCELLED]) {
        c->status = more_serious(c->status, 1);
    }
    str_fini(&line);
    return query_end(q, err) && (ignore || !n.by_state[TASK_FAILED] || weigh_failures(c, run, err));
}

/* A full disk is waited out for a while (option disk_wait): somebody frees space, and the work goes
 * on. Whatever else nobody here can give ends it. */
static bool follow_one(struct cli *c, struct session *session, const struct follow *how,
                       enum follow_end *ret, struct err *err)
{
    struct options *options = options_load(c->home, err);
    int64_t until =
        options ? clock_mono_us() + (int64_t)(1e6 * options_number(options, "disk_wait")) : 0;
    bool ok = options != NULL, again = ok, told = false;
    options_free(options);
    while (again) {
        struct err why = {.code = ERR_NONE};
        ok = session_follow(session, how, ret, &why);
        again = ok && *ret == FOLLOW_STUCK && why.code == ERR_DISKFULL && clock_mono_us() < until;
        if (!ok) {
            *err = why;
        } else if (*ret == FOLLOW_STUCK && (!again || !told)) {
            cli_note(c, "%s; mend that, then `gantry run --resume`%s", why.text,
                     again ? " (waiting for room)" : "");
            told = true;
        }
    }
    return ok;
}

/* Follow until all of `runs` have ended. Several runs of an engine of our own are waited for at
 * once. */
static bool follow_all(struct cli *c, struct session *session, const json_t *runs,
                       struct progress *p, struct err *err)
{
    size_t n = json_array_size(runs);
    bool at_once = n > 1 && session_hosting(session);
    for (size_t i = 0; i < n && (i == 0 || !at_once); i++) {
        enum follow_end end = FOLLOW_ENDED;
        struct follow how = {
            .run = at_once ? 0 : json_integer_value(json_array_get(runs, i)),
            .changed = progress_update,
            .arg = p,
            .cancel_on_interrupt = true,
        };
        if (!follow_one(c, session, &how, &end, err)) {
            return false;
        }
        if (end == FOLLOW_INTERRUPTED) {
            c->status = err_exit_status(ERR_CANCELLED);
            return true;
        }
        if (end == FOLLOW_STUCK) {
            c->status = more_serious(c->status, STUCK_STATUS);
        }
        if (end == FOLLOW_DETACHED) {
            return true;
        }
    }
    return true;
}

static json_t *run_summary(struct cli *c, int64_t run, struct err *err)
{
    struct progress_counts n;
    json_t *row = progress_count(c->store, run, &n, err) ? json_object() : NULL;
    bool ok = row && json_put(row, "run", json_integer(run), err) &&
        json_put(row, "tasks", json_integer(n.total), err);
    for (int state = 0; ok && state < TASK_STATES; state++) {
        ok = json_put(row, task_state_name((enum task_state)state), json_integer(n.by_state[state]),
                      err);
    }
    if (!ok) {
        json_decref(row);
        return NULL;
    }
    return row;
}

/* --json: the operation's answer with the final counts of its runs in "ended". */
static bool print_summary(struct cli *c, const json_t *answer, const json_t *runs, struct err *err)
{
    json_t *doc = json_copy((json_t *)answer);
    json_t *ended = json_array();
    bool ok = doc && ended;
    for (size_t i = 0; ok && i < json_array_size(runs); i++) {
        json_t *row = run_summary(c, json_integer_value(json_array_get(runs, i)), err);
        ok = row && json_array_append_new(ended, row) == 0;
    }
    ok = ok && json_object_set(doc, "ended", ended) == 0 && cli_json(c, doc, err);
    json_decref(ended);
    json_decref(doc);
    return ok || err->code || err_set(err, ERR_NOMEM, "out of memory");
}

/* `summary`: with --json the document says how it went. */
static bool follow(struct cli *c, struct session *session, const json_t *answer, bool summary,
                   struct err *err)
{
    struct progress *p = NULL;
    json_t *runs = runs_of(answer, err);
    bool ok = runs != NULL;
    cli_store_close(c); /* the operation may just have made the database */
    say_skipped(c, answer);
    p = ok ? progress_new(c, c->json, err) : NULL;
    ok = p != NULL;
    for (size_t i = 0; ok && i < json_array_size(runs); i++) {
        ok = progress_add_run(p, json_integer_value(json_array_get(runs, i)), err);
    }
    ok = ok && follow_all(c, session, runs, p, err);
    ok = p && progress_end(p, ok ? err : err_ignore("the first error stays")) && ok;
    for (size_t i = 0; ok && i < json_array_size(runs); i++) {
        ok = say_end(c, json_integer_value(json_array_get(runs, i)), err);
    }
    if (ok && c->status == err_exit_status(ERR_CANCELLED)) {
        cli_note(c, "interrupted; gantry run --resume goes on with it");
    }
    if (ok && c->json && summary) {
        ok = print_summary(c, answer, runs, err);
    }
    progress_free(p);
    json_decref(runs);
    return ok;
}

bool launch_follow(struct cli *c, struct session *session, const json_t *answer, struct err *err)
{
    return follow(c, session, answer, true, err);
}

bool launch_wait(struct cli *c, struct session *session, const json_t *answer, struct err *err)
{
    return follow(c, session, answer, false, err);
}

/* {"op":..., "args":...} in a file without a name: a pipe would fill up with a million ids. */
static int request_file(const char *op, const json_t *args, struct err *err)
{
    json_t *doc = json_pack("{s:s, s:O}", "op", op, "args", args);
    char *text = doc ? json_text(doc, err) : NULL;
    int fd = text ? memfd_create("request", MFD_CLOEXEC) : -1;
    size_t length = text ? strlen(text) : 0;
    if (text &&
        (fd < 0 || write(fd, text, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)) {
        (void)err_errno(err, errno, "keeping the request");
        if (fd >= 0) {
            (void)close(fd);
        }
        fd = -1;
    }
    mem_free(text);
    json_decref(doc);
    return fd;
}

static void say_detached(struct cli *c, const json_t *answer)
{
    const json_t *runs = json_object_get(answer, "runs");
    if (!runs) {
        cli_print(c,
                  "Run %" PRId64 ": %" PRId64
                  " tasks, in the background. gantry status -f follows it.\n",
                  json_get_int(answer, "run", 0), json_get_int(answer, "tasks", 0));
        return;
    }
    cli_print(c, "%zu unfinished runs go on in the background. gantry status -f follows them.\n",
              json_array_size(runs));
}

json_t *launch_background(struct cli *c, const char *op, const json_t *args, struct err *err)
{
    static const char *const drain[] = {"engine", "--drain", NULL};
    int ends[2] = {-1, -1};
    json_t *doc = NULL, *answer;
    int request = request_file(op, args, err);
    bool ok = request >= 0;
    if (ok && pipe2(ends, O_CLOEXEC)) {
        ok = err_errno(err, errno, "making a pipe");
    }
    ok = ok && child_background(c, drain, "/", request, ends[1], LOG, err);
    if (ends[1] >= 0) {
        (void)close(ends[1]);
    }
    if (ok) {
        doc = child_first_answer(ends[0], "the background engine", LOG, err);
    }
    if (ends[0] >= 0) {
        (void)close(ends[0]);
    }
    if (request >= 0) {
        (void)close(request);
    }
    answer = json_incref(json_object_get(doc, "answer"));
    if (doc && !answer) {
        (void)err_set(err, ERR_UNREACHABLE, "the background engine gave no answer");
    }
    json_decref(doc);
    return answer;
}

bool launch_detached(struct cli *c, const char *op, const json_t *args, struct err *err)
{
    json_t *answer = launch_background(c, op, args, err);
    bool ok = answer != NULL;
    if (ok) {
        say_skipped(c, answer);
        if (c->json) {
            ok = cli_json(c, answer, err);
        } else {
            say_detached(c, answer);
        }
    }
    json_decref(answer);
    return ok;
}

bool launch(struct cli *c, const char *op, const json_t *args, bool detach, struct err *err)
{
    if (detach) {
        return launch_detached(c, op, args, err);
    }
    struct session *session = session_open(c->home, err);
    json_t *answer = session ? session_call(session, op, args, err) : NULL;
    bool ok = answer && launch_follow(c, session, answer, err);
    json_decref(answer);
    session_close(session);
    return ok;
}

bool launch_resume(struct cli *c, bool detach, struct err *err)
{
    if (detach) {
        json_t *none = json_object();
        bool done = none && launch_detached(c, "run.resume", none, err);
        json_decref(none);
        return done;
    }
    struct session *session = session_open(c->home, err);
    json_t *answer = session ? session_call(session, "run.resume", NULL, err) : NULL;
    bool ok = answer != NULL;
    if (ok && !json_array_size(json_object_get(answer, "runs"))) {
        cli_note(c, "nothing is left to resume");
        ok = !c->json || cli_json(c, answer, err);
    } else if (ok) {
        ok = launch_follow(c, session, answer, err);
    }
    json_decref(answer);
    session_close(session);
    return ok;
}

/* The parent waits for the end of our output: close it, and nothing we print later can go astray.
 */
static bool let_go(struct err *err)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)fflush(stdout);
    bool ok = null >= 0 && dup2(null, STDOUT_FILENO) >= 0;
    if (null >= 0) {
        (void)close(null);
    }
    return ok || err_errno(err, errno, "closing standard output");
}

static json_t *read_request(struct err *err)
{
    struct str text = STR_INIT;
    char block[4096];
    size_t n;
    json_t *doc = NULL;
    while ((n = fread(block, 1, sizeof block, stdin)) > 0) {
        str_addn(&text, block, n);
    }
    if (str_ok(&text, err)) {
        doc = json_parse(str_text(&text), text.len, "the request", err);
    }
    str_fini(&text);
    return doc;
}

bool launch_engine(struct cli *c, struct err *err)
{
    struct session *session = NULL;
    json_t *answer = NULL, *reply = NULL;
    enum follow_end end;
    bool ok = false;
    json_t *request = read_request(err);
    const char *op = request ? json_get_text(request, "op", "") : "";
    if (request) {
        session = session_open(c->home, err);
        answer = session ? session_call(session, op, json_object_get(request, "args"), err) : NULL;
        reply = answer ? json_pack("{s:O}", "answer", answer)
                       : json_pack("{s:s, s:s}", "code", err_name(err->code), "error", err->text);
    }
    if (!reply || !cli_json(c, reply, err) || !let_go(err) || !answer) {
        goto out;
    }
    ok =
        !session_hosting(session) || session_follow(session, &(struct follow){.run = 0}, &end, err);
out:
    json_decref(reply);
    json_decref(answer);
    json_decref(request);
    session_close(session);
    return ok;
}
