/* What arrived stands in the rows (baseline, taken, grown_us), so that a scan or a watch that was
 * killed forgets none and launches none twice. */
#include "cli/arrivals.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/launch.h"
#include "cli/rows.h"

#define LINE_MAX_BYTES 1000

static bool add_study(struct arrivals *a, const struct query *q, int64_t before, struct err *err)
{
    bool settled = query_int(q, 2) <= before;
    json_t *list = settled ? a->settled : a->waiting;
    size_t n = json_array_size(list), used = strlen(a->names);
    const char *name = query_text(q, 1);
    if (settled && used + strlen(name) + 8 < sizeof a->names) {
        (void)snprintf(a->names + used, sizeof a->names - used, "%s%s", n ? ", " : "", name);
    } else if (settled && !str_ends(a->names, ", ...")) {
        (void)snprintf(a->names + used, sizeof a->names - used, ", ...");
    }
    if (!settled && !n) {
        (void)snprintf(a->first, sizeof a->first, "%s", name);
    }
    return json_array_append_new(list, json_integer(query_int(q, 0))) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

bool arrivals_find(struct store *s, int64_t project, double settle_s, struct arrivals *ret,
                   struct err *err)
{
    struct arrivals a = {.settled = json_array(), .waiting = json_array()};
    struct err late;
    int64_t before = clock_utc_us() - (int64_t)(settle_s * 1e6);
    struct query *q = NULL;
    bool ok = (a.settled && a.waiting) || err_set(err, ERR_NOMEM, "out of memory");
    ok = ok &&
        (q = store_query(s, err,
                         "SELECT i.id,p.name||'#'||y.sid,i.grown_us FROM item i JOIN study y ON "
                         "y.item_id=i.id JOIN item p ON p.id=y.subject_id WHERE i.project_id=?1 "
                         "AND i.level='study' AND i.baseline=0 AND i.taken=0 AND i.gone=0 AND "
                         "i.hidden=0 ORDER BY p.name,y.date,y.sid",
                         "i", project));
    while (ok && query_next(q)) {
        ok = add_study(&a, q, before, err);
    }
    ok = (!q || query_end(q, ok ? err : &late)) && ok;
    if (!ok) {
        arrivals_fini(&a);
        return false;
    }
    *ret = a;
    return true;
}

void arrivals_fini(struct arrivals *a)
{
    json_decref(a->settled);
    json_decref(a->waiting);
    a->settled = a->waiting = NULL;
}

json_t *arrivals_args(int64_t project, const struct arrivals *a, const json_t *run, bool autoexec,
                      struct err *err)
{
    json_t *args = json_pack("{s:I, s:O, s:b}", "project", (json_int_t)project, "items", a->settled,
                             "autoexec", autoexec);
    bool ok = (args || err_set(err, ERR_NOMEM, "out of memory")) &&
        (!run || json_put(args, "run", json_incref((json_t *)run), err));
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

/* {"batch": name}, or NULL without one. */
static bool autoexec_run(struct store *s, int64_t project, char **ret_batch, json_t **ret_run,
                         struct err *err)
{
    char *batch = NULL;
    *ret_batch = NULL;
    *ret_run = NULL;
    if (!store_text(s, &batch, err, "SELECT autoexec FROM project WHERE id=?1", "i", project)) {
        return false;
    }
    if (!batch || !*batch) {
        mem_free(batch);
        return true;
    }
    *ret_run = json_pack("{s:s}", "batch", batch);
    *ret_batch = batch;
    return *ret_run || err_set(err, ERR_NOMEM, "out of memory");
}

/* --- the turn of a watch */

static bool take_settled(const struct arrivals_turn *how, const struct arrivals *a,
                         const json_t *run, const char *batch, struct err *err)
{
    char line[LINE_MAX_BYTES];
    struct err why = {.code = ERR_NONE};
    size_t n = json_array_size(a->settled);
    json_t *args = arrivals_args(how->project, a, run, !how->batch, &why);
    json_t *answer = args ? session_call(how->session, "watch.take", args, &why) : NULL;
    int64_t number = json_get_int(answer, "run", 0);
    if (number) {
        (void)snprintf(line, sizeof line, "%s: settled; run %" PRId64 " (%s)", a->names, number,
                       batch);
    } else if (answer) {
        (void)snprintf(line, sizeof line, "%s: settled", a->names);
    } else {
        (void)snprintf(line, sizeof line, "%s: settled, but not launched: %s", a->names, why.text);
    }
    how->say(how->arg, n ? json_integer_value(json_array_get(a->settled, 0)) : 0, line);
    bool ok = answer || (why.code != ERR_UNREACHABLE && why.code != ERR_NOMEM);
    json_decref(answer);
    json_decref(args);
    if (!ok) {
        *err = why;
    }
    return ok;
}

bool arrivals_turn(const struct arrivals_turn *how, struct store *s, struct err *err)
{
    struct arrivals a = {.settled = NULL};
    char *batch = NULL, line[LINE_MAX_BYTES];
    json_t *run = NULL;
    bool ok = arrivals_find(s, how->project, how->settle_s, &a, err) &&
        (how->batch || autoexec_run(s, how->project, &batch, &run, err));
    size_t waiting = ok ? json_array_size(a.waiting) : 0;
    if (waiting) {
        (void)snprintf(line, sizeof line, "%s: arriving", a.first);
        how->say(how->arg, json_integer_value(json_array_get(a.waiting, 0)), line);
    }
    if (ok && json_array_size(a.settled)) {
        ok = take_settled(how, &a, how->batch ? how->launch : run, how->batch ? how->batch : batch,
                          err);
    }
    mem_free(batch);
    json_decref(run);
    arrivals_fini(&a);
    return ok;
}

/* --- after a scan */

static json_t *take_now(struct cli *c, const json_t *args, struct err *err)
{
    return session_engine_alive(c->home, NULL) ? cli_call(c, "watch.take", args, err)
                                               : launch_background(c, "watch.take", args, err);
}

bool arrivals_autoexec(struct cli *c, int64_t project, double settle_s, json_t **ret,
                       struct err *err)
{
    struct arrivals a = {.settled = NULL};
    struct err why = {.code = ERR_NONE};
    char *batch = NULL;
    json_t *run = NULL, *args = NULL, *answer = NULL, *said = NULL;
    bool ok = autoexec_run(c->store, project, &batch, &run, err) &&
        (!batch || arrivals_find(c->store, project, settle_s, &a, err));
    size_t n = json_array_size(a.settled), waiting = json_array_size(a.waiting);
    *ret = NULL;
    if (ok && (n || waiting)) {
        said = json_pack("{s:s, s:I, s:I}", "batch", batch, "items", (json_int_t)n, "waiting",
                         (json_int_t)waiting);
        ok = said || err_set(err, ERR_NOMEM, "out of memory");
    }
    if (ok && n) {
        cli_store_close(c);
        args = arrivals_args(project, &a, run, true, err);
        ok = args != NULL;
        answer = ok ? take_now(c, args, &why) : NULL;
        if (ok) {
            ok = answer ? json_put(said, "run", json_incref(json_object_get(answer, "run")), err)
                        : json_put(said, "error", json_string(why.text), err);
        }
    }
    json_decref(answer);
    json_decref(args);
    json_decref(run);
    mem_free(batch);
    arrivals_fini(&a);
    if (!ok) {
        json_decref(said);
        return false;
    }
    *ret = said;
    return true;
}
