/* Tasks: the table, one task, its log, signals and retries. */
#include <inttypes.h>
#include <string.h>
#include "api/events.h"
#include "api/recent.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/group.h"
#include "model/state.h"
#include "report/attempts.h"
#include "report/task-list.h"
#include "report/task.h"

#define ROWS_DEFAULT 100
#define ROWS_MOST 5000
#define LOG_PIECE 262144 /* bytes of a log at once */
#define ONE_BY_ONE 500   /* retries that are tried each on its own when some are refused */
#define ALL_STATES ((1u << TASK_STATES) - 1)

/* --- the table */

/* "failed,running": states, or groups of them. */
static bool states_of(const char *text, unsigned *ret, struct err *err)
{
    unsigned states = 0;
    for (size_t n; *text; text += n + (text[n] == ',')) {
        char word[24] = "";
        n = strcspn(text, ",");
        if (n < sizeof word) {
            memcpy(word, text, n);
        }
        enum task_state state = task_state_of(word);
        enum row_group group = group_named(word);
        if (state == TASK_STATES && group == GROUP_COUNT) {
            return err_set(err, ERR_USAGE, "state: there is no '%.*s'", (int)n, text);
        }
        for (int s = 0; s < TASK_STATES; s++) {
            bool fits = state != TASK_STATES ? s == (int)state
                                             : group_of_state((enum task_state)s) == group;
            states |= fits ? 1u << s : 0;
        }
    }
    *ret = states;
    return true;
}

static bool list(struct request *q, struct reply *r, struct err *err)
{
    int64_t limit = request_int(q, "limit", ROWS_DEFAULT), offset = request_int(q, "offset", 0);
    char *within = NULL, *text = mem_strdup(request_text(q, "text", ""), err);
    struct task_query query = {
        .run = request_int(q, "run", 0),
        .item = request_int(q, "item", 0),
        .open = request_bool(q, "open", true),
        .states = ALL_STATES,
        .tool = request_text(q, "tool", ""),
        .text = text,
        .sort = request_text(q, "sort", "id"),
        .descending = !strcmp(request_text(q, "order", "asc"), "desc"),
        .offset = offset > 0 ? offset : 0,
        .limit = limit < 0      ? 0
            : limit < ROWS_MOST ? limit
                                : ROWS_MOST,
    };
    for (char *p = text; p && *p; p++) {
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p);
    }
    bool ok = text && scope_maybe_project(q, &query.project, err) &&
        scope_within(q, &within, err) && (!query.run || scope_run(q, query.run, NULL, err)) &&
        (!query.item || scope_item(q, query.item, NULL, err)) &&
        (!request_has(q, "state") || states_of(request_text(q, "state", ""), &query.states, err)) &&
        (task_list_sorts(query.sort) ||
         err_set(err, ERR_USAGE, "sort: there is no column '%.40s'", query.sort));
    query.within = within;
    json_t *answer = ok ? task_list(q->api->store, &query, err) : NULL;
    ok = answer && json_put(answer, "seq", json_integer(hub_seq(q->api->hub)), err) &&
        json_put(answer, "runas", json_string(q->api->run_as), err);
    mem_free(within);
    mem_free(text);
    if (!ok) {
        json_decref(answer);
        return false;
    }
    return reply_json(r, 200, answer, err);
}

/* --- one task */

static bool show(struct request *q, struct reply *r, struct err *err)
{
    int64_t id;
    json_t *doc = request_id(q, 0, &id, err) && scope_task(q, id, NULL, err)
        ? task_document(q->api->store, id, err)
        : NULL;
    return doc && reply_json(r, 200, doc, err);
}

static bool why(struct request *q, struct reply *r, struct err *err)
{
    int64_t id;
    return request_id(q, 0, &id, err) && scope_task(q, id, NULL, err) &&
        scope_answer_op(q, r, "task.why", json_pack("{s:I}", "task", (json_int_t)id), err);
}

struct log_place {
    int64_t task, run, attempts, source;
    enum task_state state;
    char *folder;
};

/* A cached task has the log of the one that did the work. */
static bool look_up(struct store *s, int64_t task, struct log_place *l, int depth, struct err *err)
{
    struct query *q = store_query(
        s, err,
        "SELECT t.run_id,t.state,t.attempts,coalesce(r.attempts,p.attempts),t.cached_from FROM "
        "task t JOIN run r ON "
        "r.id=t.run_id JOIN project p ON p.id=r.project_id WHERE t.id=?1",
        "i", task);
    int64_t from = 0;
    bool ok = q != NULL;
    if (ok && query_next(q)) {
        mem_free(l->folder);
        l->task = task;
        l->run = query_int(q, 0);
        l->state = depth ? l->state : (enum task_state)query_int(q, 1);
        l->attempts = query_int(q, 2);
        l->folder = mem_strdup(query_text(q, 3), err);
        from = query_int(q, 1) == TASK_CACHED ? query_int(q, 4) : 0;
        ok = l->folder != NULL;
    }
    ok = q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    if (ok && from && from != task && depth < 8) {
        l->source = from;
        return look_up(s, from, l, depth + 1, err);
    }
    return ok && (l->folder || err_set(err, ERR_NOTHING, "there is no task %" PRId64, task));
}

/* A piece ends with a whole line where it can: a character is never cut in two. */
static size_t whole_lines(const char *text, size_t length, bool more)
{
    size_t n = length;
    while (more && n > 0 && text[n - 1] != '\n') {
        n--;
    }
    return n ? n : length;
}

static bool log_piece(struct request *q, struct reply *r, const struct log_place *l,
                      struct err *err)
{
    int64_t given = request_int(q, "attempt", 0), from = request_int(q, "from", 0), size = -1;
    int64_t n = given ? given : l->attempts;
    char *text = NULL;
    size_t length = 0;
    bool ok = true;
    /* the newest number may be reserved and never have started: then the one before it */
    for (; ok && n > 0 && size < 0; n -= size < 0) {
        mem_free(text);
        text = NULL;
        ok = attempts_piece(l->folder, l->run, l->task, n, "log",
                            (struct attempts_stretch){from > 0 ? from : 0, LOG_PIECE}, &text,
                            &length, &size, err);
        if (given) {
            break;
        }
    }
    struct str out = STR_INIT;
    bool more = size >= 0 && from + (int64_t)length < size;
    length = text ? whole_lines(text, length, more || !task_state_final(l->state)) : 0;
    if (text) {
        text[length] = '\0';
    }
    str_add(&out, "{\"text\":");
    json_add_text(&out, text ? text : "");
    str_addf(&out,
             ",\"next\":%" PRId64 ",\"size\":%" PRId64 ",\"attempt\":%" PRId64
             ",\"source\":%" PRId64 ",\"state\":\"%s\",\"ended\":%s}",
             from + (int64_t)length, size < 0 ? 0 : size, n, l->source, task_state_name(l->state),
             task_state_final(l->state) && from + (int64_t)length >= size ? "true" : "false");
    mem_free(text);
    char *doc = ok ? str_take(&out, err) : NULL;
    str_fini(&out);
    return doc && reply_json_text(r, 200, doc, err);
}

static bool show_log(struct request *q, struct reply *r, struct err *err)
{
    int64_t id;
    struct log_place l = {.task = 0};
    bool ok = request_id(q, 0, &id, err) && scope_task(q, id, NULL, err) &&
        look_up(q->api->store, id, &l, 0, err) && log_piece(q, r, &l, err);
    mem_free(l.folder);
    return ok;
}

/* --- signals and retries */

/* Some may be tried again and some may not: those that may are, the others are named. */
static json_t *retry_each(struct request *q, const json_t *tasks, json_t *set, struct err *err)
{
    json_t *refused = json_array(), *id;
    int64_t done = 0;
    size_t i;
    json_array_foreach(tasks, i, id)
    {
        struct err why = {ERR_NONE, ""};
        json_t *args = json_pack("{s:[O], s:O*}", "tasks", id, "set", set);
        json_t *one = args ? request_op(q, "task.retry", args, &why) : NULL;
        done += json_get_int(one, "tasks", json_get_int(one, "retried", 0));
        if (!one) {
            (void)json_array_append_new(refused,
                                        json_pack("{s:O, s:s}", "id", id, "error", why.text));
        }
        json_decref(one);
        json_decref(args);
    }
    json_t *answer = json_pack("{s:I, s:o}", "tasks", (json_int_t)done, "refused", refused);
    if (!answer) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return answer;
}

static bool retry(struct request *q, struct reply *r, json_t *tasks, struct err *err)
{
    json_t *set = json_object_get(q->body, "set");
    json_t *args = json_pack("{s:O, s:O*}", "tasks", tasks, "set", set);
    json_t *answer = args ? request_op(q, "task.retry", args, err) : NULL;
    size_t n = json_array_size(tasks);
    if (!answer && args && err->code == ERR_USAGE && n > 1 && n <= ONE_BY_ONE) {
        answer = retry_each(q, tasks, set, err);
        if (answer && json_array_size(json_object_get(answer, "refused")) == n) {
            json_decref(answer);
            answer = NULL; /* none may: the first refusal stands */
        }
    }
    json_decref(args);
    recent_forget(q->api);
    return answer && reply_json(r, 200, answer, err);
}

static bool act_on(struct request *q, struct reply *r, const char *verb, json_t *tasks,
                   struct err *err)
{
    static const char *const verbs[] = {"kill", "suspend", "resume", "hold", "release", NULL};
    size_t i = 0;
    if (!scope_tasks(q, tasks, err)) {
        return false;
    }
    if (!strcmp(verb, "retry")) {
        return retry(q, r, tasks, err);
    }
    if (!strcmp(verb, "clear")) {
        return scope_answer_op(q, r, "task.clear", json_pack("{s:O}", "tasks", tasks), err);
    }
    while (verbs[i] && strcmp(verbs[i], verb) != 0) {
        i++;
    }
    if (!verbs[i]) {
        return err_set(
            err, ERR_NOTHING,
            "a task understands kill, suspend, resume, hold, release, retry and clear, not "
            "'%.40s'",
            verb);
    }
    return scope_answer_op(q, r, "task.signal",
                           json_pack("{s:s, s:O}", "action", verb, "tasks", tasks), err);
}

static bool act_many(struct request *q, struct reply *r, struct err *err)
{
    return act_on(q, r, q->parts[0], json_object_get(q->body, "tasks"), err);
}

static bool act_one(struct request *q, struct reply *r, struct err *err)
{
    int64_t id;
    json_t *tasks = request_id(q, 0, &id, err) ? json_pack("[I]", (json_int_t)id) : NULL;
    bool ok = tasks && act_on(q, r, q->parts[1], tasks, err);
    json_decref(tasks);
    return ok;
}

static const struct route_param list_params[] = {
    {IN_QUERY, "project", P_INT, false, "of this project only"},
    {IN_QUERY, "run", P_INT, false, "of this run only"},
    {IN_QUERY, "item", P_INT, false, "of this scan only"},
    {IN_QUERY, "state", P_TEXT, false, "states or groups, separated by commas"},
    {IN_QUERY, "open", P_BOOL, false,
     "0: done, cached, cancelled and cleared ones too (hidden by default)"},
    {IN_QUERY, "tool", P_TEXT, false, "the tool's name"},
    {IN_QUERY, "text", P_TEXT, false, "in the file's name or the message, or the job"},
    {IN_QUERY, "sort", P_TEXT, false,
     "id (default), run, name, job, tool, state, started, ended, seconds, attempt, owner"},
    {IN_QUERY, "order", P_TEXT, false, "asc (default) or desc"},
    {IN_QUERY, "offset", P_INT, false, "rows to leave out"},
    {IN_QUERY, "limit", P_INT, false, "rows to give: 100, at most 5000"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param log_params[] = {
    {IN_QUERY, "attempt", P_INT, false, "that attempt instead of the newest"},
    {IN_QUERY, "from", P_INT, false, "byte to go on from: what 'next' said"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param many_params[] = {
    {IN_BODY, "tasks", P_IDS, true, "the tasks"},
    {IN_BODY, "set", P_OBJECT, false, "retry: parameters to change"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param one_params[] = {
    {IN_BODY, "set", P_OBJECT, false, "retry: parameters to change"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_tasks[] = {
    {"GET", "/api/v1/tasks", ROLE_VIEWER, "Tasks: filtered, ordered, in pages, counted by state",
     list_params, list, false},
    {"POST", "/api/v1/tasks/{verb}", ROLE_OPERATOR,
     "kill, suspend, resume, hold, release, retry or clear a selection", many_params, act_many,
     false},
    {"GET", "/api/v1/tasks/{id}", ROLE_VIEWER,
     "One task: command, arguments, attempts, outputs, provenance", NULL, show, false},
    {"GET", "/api/v1/tasks/{id}/log", ROLE_VIEWER, "What it printed, a piece at a time", log_params,
     show_log, false},
    {"GET", "/api/v1/tasks/{id}/why", ROLE_VIEWER, "Why it would run, or why it is skipped", NULL,
     why, false},
    {"POST", "/api/v1/tasks/{id}/{verb}", ROLE_OPERATOR,
     "kill, suspend, resume, hold, release, retry or clear one task", one_params, act_one, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
