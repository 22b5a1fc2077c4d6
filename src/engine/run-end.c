/* One JSON document in a file in memory, read by a child that nobody waits for. */
#include "engine/run-end.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "os/proc.h"

static const char *state_of(const json_t *counts)
{
    return json_get_int(counts, "failed", 0)   ? "failed"
        : json_get_int(counts, "cancelled", 0) ? "cancelled"
                                               : "done";
}

/* {"done": n, ...} by the names of states. */
static json_t *counts_of(struct store *s, int64_t run, struct err *err)
{
    json_t *counts = json_object();
    struct query *q = store_query(
        s, err, "SELECT state,count(*) FROM task WHERE run_id=?1 GROUP BY state", "i", run);
    bool ok = counts && q;
    while (ok && query_next(q)) {
        ok = json_object_set_new(counts, task_state_name((enum task_state)query_int(q, 0)),
                                 json_integer(query_int(q, 1))) == 0;
    }
    ok = q && query_end(q, err) && ok;
    if (!ok) {
        json_decref(counts);
        counts = NULL;
    }
    return counts;
}

static char *document(struct engine *e, const struct active *run, struct err *err)
{
    char started[32] = "", ended[32];
    int64_t created = 0, items = 0;
    json_t *counts = counts_of(e->store, run->id, err), *causes = NULL, *doc = NULL;
    bool ok = counts &&
        store_int(e->store, 0, &created, err, "SELECT created_us FROM run WHERE id=?1", "i",
                  run->id) &&
        store_int(e->store, 0, &items, err,
                  "SELECT count(DISTINCT item_id) FROM task WHERE run_id=?1", "i", run->id);
    causes = ok ? store_rows(e->store, err,
                             "SELECT c.id AS cause, count(*) AS count, c.example AS message FROM "
                             "task t JOIN cause c ON c.id=t.cause_id WHERE t.run_id=?1 AND "
                             "t.state=7 GROUP BY c.id ORDER BY count(*) DESC LIMIT 10",
                             "i", run->id)
                : NULL;
    clock_iso(created, started, sizeof started);
    clock_iso(clock_utc_us(), ended, sizeof ended);
    if (causes) {
        doc = json_pack("{s:i, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:O, s:O, s:s, s:s}", "gantry", 1,
                        "run", (json_int_t)run->id, "name", run->name, "project", run->project_name,
                        "folder", run->root, "user", run->user, "state", state_of(counts), "items",
                        (json_int_t)items, "tasks", counts, "causes", causes, "started", started,
                        "ended", ended);
    }
    char *text = doc ? json_pretty(doc, err) : NULL;
    json_decref(doc);
    json_decref(causes);
    json_decref(counts);
    return text;
}

/* setsid --fork leaves at once, so that nothing has to be reaped later. */
static bool start(const char *home, const char *const *argv, const char *text, struct err *err)
{
    char path[4200];
    struct proc_end end;
    pid_t pid;
    size_t length = strlen(text);
    (void)snprintf(path, sizeof path, "%s/run-end.log", home);
    int in = memfd_create("run-end", MFD_CLOEXEC),
        out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    bool ok = in >= 0 && out >= 0 && write(in, text, length) == (ssize_t)length &&
        lseek(in, 0, SEEK_SET) == 0;
    if (!ok) {
        (void)err_errno(err, errno, "telling the end of a run");
    }
    struct proc_spec spec = {
        .argv = argv, .in = in, .out = out, .errs = out, .keep_fd = -1, .session = true};
    ok = ok && proc_spawn(&spec, &pid, err);
    ok = ok && proc_reap(pid, true, &end) == 1 &&
        (end.exit == 0 || err_set(err, ERR_FAILED, "'%s' exits with %d", argv[0], end.exit));
    if (in >= 0) {
        (void)close(in);
    }
    if (out >= 0) {
        (void)close(out);
    }
    return ok;
}

bool run_end_tell(struct engine *e, const struct active *run, struct err *err)
{
    const char *command = options_text(e->options, "run_end_command"),
               *url = options_text(e->options, "run_end_url");
    const char *const with_shell[] = {"setsid", "--fork", "bash", "-c", command, NULL};
    const char *const with_curl[] = {"setsid",
                                     "--fork",
                                     "curl",
                                     "-fsS",
                                     "-m",
                                     "30",
                                     "-H",
                                     "Content-Type: application/json",
                                     "--data-binary",
                                     "@-",
                                     "--",
                                     url,
                                     NULL};
    struct err why = {ERR_NONE, ""};
    char *text = NULL;
    if (!command[0] && !url[0]) {
        return true;
    }
    bool ok = (text = document(e, run, &why)) != NULL &&
        (!command[0] || start(e->home, with_shell, text, &why));
    if (text && url[0]) {
        ok = (proc_program_there("curl") ||
              err_set(&why, ERR_FAILED, "run_end_url needs the program curl")) &&
            start(e->home, with_curl, text, &why) && ok;
    }
    mem_free(text);
    return ok || store_event(e->store, "run", run->project, run->id, 0, 0, why.text, NULL, err);
}
