/* Runs: launching a batch on a selection, looking, stopping and trying again. */
#include <inttypes.h>
#include <string.h>
#include "api/access.h"
#include "api/child.h"
#include "api/events.h"
#include "api/recent.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/clock.h"
#include "base/mem.h"
#include "catalog/project.h"
#include "catalog/selector.h"
#include "report/runs.h"

#define RUNS_DEFAULT 20
#define RUNS_MOST 500

/* --- looking */

static bool list(struct request *q, struct reply *r, struct err *err)
{
    int64_t project, limit = request_int(q, "limit", RUNS_DEFAULT), begun = clock_mono_us();
    char *within = NULL, *key = NULL;
    bool done = false;
    limit = limit < 0 ? 0 : limit < RUNS_MOST ? limit : RUNS_MOST;
    bool ok = scope_maybe_project(q, &project, err) && scope_within(q, &within, err) &&
        (key = mem_printf(err, "runs %" PRId64 " %" PRId64 " %s", project, limit,
                          within ? within : "")) &&
        recent_answer(q, r, key, &done, err);
    if (ok && !done) {
        json_t *rows = runs_rows(q->api->store, project, 0, within, limit, err);
        json_t *doc = rows
            ? json_pack("{s:I, s:o}", "seq", (json_int_t)hub_seq(q->api->hub), "runs", rows)
            : NULL;
        ok = recent_keep(q, r, key, begun, doc, err);
    }
    mem_free(within);
    mem_free(key);
    return ok;
}

static bool show(struct request *q, struct reply *r, struct err *err)
{
    int64_t id, project;
    json_t *rows = request_id(q, 0, &id, err) && scope_run(q, id, &project, err)
        ? runs_rows(q->api->store, 0, id, NULL, 1, err)
        : NULL;
    json_t *row = json_incref(json_array_get(rows, 0));
    bool ok = rows && row;
    json_t *more = ok ? store_rows(q->api->store, err,
                                   "SELECT batch AS batch_json,params AS params_json,options AS "
                                   "options_json FROM run WHERE id=?1",
                                   "i", id)
                      : NULL;
    ok = more && json_object_update(row, json_array_get(more, 0)) == 0;
    json_decref(more);
    json_decref(rows);
    if (!ok) {
        json_decref(row);
        return false;
    }
    return reply_json(r, 200, row, err);
}

/* --- launching */

/* The body's words as run.create wants them. */
static json_t *launch_args(struct request *q, int64_t project, struct err *err)
{
    static const char *const of_run[] = {"batch", "phases", "cor", "mode", "enable", NULL};
    static const char *const of_options[] = {
        "slots",     "gpus", "timeout", "stall", "on_error", "priority", "skip_missing_cor",
        "overwrite", "hash", NULL};
    json_t *args = json_object(), *options = json_object(), *set = json_object_get(q->body, "set");
    bool ok = args && options && json_put(args, "project", json_integer(project), err) &&
        json_put(args, "user", json_string(q->who.name), err) &&
        json_put(args, "params", set ? json_incref(set) : json_object(), err);
    for (size_t i = 0; ok && of_run[i]; i++) {
        ok = scope_copy(q, of_run[i], args, of_run[i], err);
    }
    for (size_t i = 0; ok && of_options[i]; i++) {
        ok = scope_copy(q, of_options[i], options, of_options[i], err);
    }
    ok = ok && json_put(args, "options", json_incref(options), err) &&
        (!json_get_bool(q->body, "dry_run", false) || json_put(args, "summary", json_true(), err));
    json_decref(options);
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

/* "items", or what "selectors" select now. */
static bool put_items(struct request *q, int64_t project, json_t *args, struct err *err)
{
    json_t *items = json_object_get(q->body, "items"),
           *selectors = json_object_get(q->body, "selectors");
    int64_t *ids = NULL;
    size_t n = json_array_size(selectors), n_ids = 0;
    if (!selectors || json_is_null(selectors)) {
        return scope_items(q, project, items, err) &&
            json_put(args, "items", json_incref(items), err);
    }
    char **words = mem_array(n + 1, sizeof *words, err);
    json_t *list = words ? json_array() : NULL;
    for (size_t i = 0; words && i < n; i++) {
        words[i] = (char *)json_string_value(json_array_get(selectors, i));
    }
    bool ok = list &&
        selector_items(q->api->store, project, words, n, SELECT_SCANS, &ids, &n_ids, err) &&
        (n_ids || err_set(err, ERR_NOTHING, "No files selected."));
    for (size_t i = 0; ok && i < n_ids; i++) {
        ok = json_array_append_new(list, json_integer(ids[i])) == 0;
    }
    ok = ok && json_put(args, "items", json_incref(list), err);
    json_decref(list);
    mem_free(ids);
    mem_free(words);
    return ok;
}

/* [{id, name}] of the rows without a centre. */
static json_t *missing_rows(const json_t *answer)
{
    json_t *rows = json_array();
    const json_t *names = json_object_get(answer, "missing_cor"),
                 *ids = json_object_get(answer, "missing_ids");
    for (size_t i = 0; rows && i < json_array_size(names); i++) {
        (void)json_array_append_new(rows,
                                    json_pack("{s:O, s:O}", "id", json_array_get(ids, i), "name",
                                              json_array_get(names, i)));
    }
    return rows;
}

/* X4, C4: every row without a centre is named, and nothing was launched. */
static bool answer_launch(struct reply *r, json_t *answer, struct err *err)
{
    json_t *missing = missing_rows(answer);
    size_t n = json_array_size(missing);
    if (json_object_get(answer, "refused")) {
        json_decref(answer);
        reply_status(r, 409);
        return reply_detail(r, "items", missing, err) &&
            err_set(err, ERR_USAGE,
                    "Invalid COR: %zu row%s no rotation centre (first: %s); type one, set the top "
                    "bar's, or leave them out",
                    n, n == 1 ? " has" : "s have",
                    json_get_text(json_array_get(missing, 0), "name", ""));
    }
    (void)json_object_del(answer, "missing_ids");
    int status = json_object_get(answer, "run") ? 201 : 200;
    bool ok = json_put(answer, "missing_cor", missing, err);
    if (!ok) {
        json_decref(answer);
        return false;
    }
    return reply_json(r, status, answer, err);
}

static bool create(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    json_t *args = scope_project(q, &project, err) ? launch_args(q, project, err) : NULL;
    json_t *answer =
        args && put_items(q, project, args, err) ? request_op(q, "run.create", args, err) : NULL;
    json_decref(args);
    return answer && answer_launch(r, answer, err);
}

/* The catalog is refreshed before a run, as `gantry run` does: by a child, then the launch. */
struct launching {
    struct later *later;
    struct api_child *child;
};

static void refreshed(void *arg, const json_t *report, const struct err *why)
{
    struct launching *l = arg;
    struct later *later = l->later;
    struct err err = *why;
    (void)report;
    mem_free(l);
    /* Its rights may have been taken while the folder was read. */
    bool still = why->code != ERR_NONE || access_still(later_request(later)) ||
        err_set(&err, ERR_PERM, "your rights have changed meanwhile: sign in and launch it again");
    if (still && why->code == ERR_NONE && create(later_request(later), later_reply(later), &err)) {
        later_done(later);
    } else {
        later_fail(later, &err);
    }
}

static void launch_gone(void *arg)
{
    struct launching *l = arg;
    child_drop(l->child);
    mem_free(l);
}

static bool launch(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    struct project p = {0};
    bool dry = json_get_bool(q->body, "dry_run", false);
    if (!json_get_bool(q->body, "refresh", !dry)) {
        return create(q, r, err);
    }
    json_t *args = scope_project(q, &project, err) ? launch_args(q, project, err) : NULL;
    struct launching *l = NULL;
    bool ok = args && put_items(q, project, args, err) && /* a slip is told before the scan */
        project_by_id(q->api->store, project, &p, err) && (l = mem_zero(sizeof *l, err));
    json_decref(args);
    if (ok) {
        const char *words[] = {"scan", "--json", "-p", p.name, NULL};
        struct child_hooks hooks = {.done = refreshed, .arg = l};
        l->child = child_start(q->api, words, &hooks, err);
        l->later = l->child ? reply_later(r, launch_gone, l, err) : NULL;
        ok = l->later != NULL;
        if (!ok) {
            child_drop(l->child);
            mem_free(l);
        }
    }
    project_fini(&p);
    return ok;
}

/* --- signals */

static bool act(struct request *q, struct reply *r, struct err *err)
{
    static const char *const verbs[] = {"kill", "suspend", "resume", "hold", "release", NULL};
    const char *verb = q->parts[1];
    json_t *set = json_object_get(q->body, "set");
    int64_t run;
    size_t i = 0;
    if (!request_id(q, 0, &run, err) || !scope_run(q, run, NULL, err)) {
        return false;
    }
    if (!strcmp(verb, "retry")) {
        return scope_answer_op(q, r, "task.retry",
                               json_pack("{s:I, s:b, s:O*}", "run", (json_int_t)run, "failed",
                                         (int)json_get_bool(q->body, "failed", false), "set", set),
                               err);
    }
    if (!strcmp(verb, "clear")) {
        return scope_answer_op(q, r, "task.clear", json_pack("{s:[I]}", "runs", (json_int_t)run),
                               err);
    }
    while (verbs[i] && strcmp(verbs[i], verb) != 0) {
        i++;
    }
    if (!verbs[i]) {
        return err_set(
            err, ERR_NOTHING,
            "a run understands kill, suspend, resume, hold, release, retry and clear, not "
            "'%.40s'",
            verb);
    }
    return scope_answer_op(q, r, "task.signal",
                           json_pack("{s:s, s:[I]}", "action", verb, "runs", (json_int_t)run), err);
}

static const struct route_param list_params[] = {
    {IN_QUERY, "project", P_INT, false, "of this project only"},
    {IN_QUERY, "limit", P_INT, false, "how many: 20; living ones first, then the newest"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param launch_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "batch", P_ANY, true, "a batch's name, or a whole batch"},
    {IN_BODY, "items", P_IDS, false, "the rows"},
    {IN_BODY, "selectors", P_TEXTS, false, "instead: as on the command line; [] = all"},
    {IN_BODY, "enable", P_IDS, false, "rows of these that run although they are skipped"},
    {IN_BODY, "phases", P_TEXTS, false, "only these phases of the batch"},
    {IN_BODY, "cor", P_ANY, false, "the top bar's rotation centre, or auto"},
    {IN_BODY, "set", P_OBJECT, false, "parameters of the tools"},
    {IN_BODY, "mode", P_TEXT, false, "split, split-ignore-dependencies"},
    {IN_BODY, "slots", P_INT, false, "most tasks of this run at once"},
    {IN_BODY, "gpus", P_ANY, false, "GPUs to use: [0, 1], [] = none, auto"},
    {IN_BODY, "timeout", P_NUMBER, false, "seconds after which a task is ended"},
    {IN_BODY, "stall", P_NUMBER, false, "seconds without progress after which a task is ended"},
    {IN_BODY, "on_error", P_TEXT, false, "break, continue, ignore"},
    {IN_BODY, "priority", P_INT, false, "higher goes first"},
    {IN_BODY, "overwrite", P_BOOL, false, "replace outputs that Gantry did not make"},
    {IN_BODY, "hash", P_BOOL, false, "know inputs by their content"},
    {IN_BODY, "skip_missing_cor", P_BOOL, false, "leave out rows without a rotation centre"},
    {IN_BODY, "refresh", P_BOOL, false, "look for changed files first (default, but for dry_run)"},
    {IN_BODY, "dry_run", P_BOOL, false, "say what would run, launch nothing"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param act_params[] = {
    {IN_BODY, "set", P_OBJECT, false, "retry: parameters to change"},
    {IN_BODY, "failed", P_BOOL, false, "retry: only failed tasks, not cancelled ones"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_runs[] = {
    {"GET", "/api/v1/runs", ROLE_VIEWER, "Runs with their counts, progress, rate and ETA",
     list_params, list, false},
    {"POST", "/api/v1/runs", ROLE_OPERATOR,
     "Launch a batch on a selection; 409 with 'items' when rows have no rotation centre",
     launch_params, launch, false},
    {"GET", "/api/v1/runs/{id}", ROLE_VIEWER, "One run, as it was launched", NULL, show, false},
    {"POST", "/api/v1/runs/{id}/{verb}", ROLE_OPERATOR,
     "kill, suspend, resume, hold, release, retry or clear its tasks", act_params, act, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
