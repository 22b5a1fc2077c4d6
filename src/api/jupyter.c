/* Who may, where it listens, and what of a request goes on. */
#include "api/jupyter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "api/access.h"
#include "api/proxy.h"
#include "api/request.h"
#include "api/scope.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "model/state.h"
#include "os/file.h"
#include "report/attempts.h"

#define PREFIX "/jupyter/"
#define STARTING                                                                             \
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Notebook</title><meta " \
    "name=\"color-scheme\" content=\"light dark\"><body style=\"font:15px/1.5 "              \
    "system-ui,sans-serif;max-width:42rem;margin:4rem auto;padding:0 1rem\"><h1>"
#define WAITS                                                                       \
    STARTING "The notebook is starting&hellip;</h1><p>It waits for a slot, or for " \
             "Jupyter. This page follows by itself.</p></body></html>"
#define ENDED                                                                   \
    STARTING "This notebook has ended</h1><p>A retry of its task begins a new " \
             "one.</p></body></html>"

/* What access_may() goes by. Jupyter's own pages cannot send our token against forgery: writes and
 * WebSockets must come from a page of this server instead. */
static const struct route passed_on = {
    "GET", PREFIX "{task}/...", ROLE_OPERATOR, "A notebook", NULL, NULL, true};

bool jupyter_is(const char *path)
{
    return str_starts(path, PREFIX);
}

/* "/jupyter/12/tree": 12, and *ret_rest the path behind its slash, NULL when there is none. */
static bool task_of(const char *path, int64_t *ret, const char **ret_rest)
{
    char number[24] = "";
    const char *from = path + strlen(PREFIX);
    size_t n = strcspn(from, "/");
    *ret_rest = from[n] ? from + n + 1 : NULL;
    if (n == 0 || n >= sizeof number) {
        return false;
    }
    memcpy(number, from, n);
    return num_int64(number, ret) && *ret > 0;
}

static bool wants_socket(const struct request *q)
{
    const char *upgrade = request_header(q, "Upgrade");
    return upgrade && !strcasecmp(upgrade, "websocket");
}

bool jupyter_find(struct request *q, int64_t task, struct notebook *ret, struct err *err)
{
    char *attempts = NULL;
    bool found = false, theirs = false;
    int64_t n = 0, state = 0;
    *ret = (struct notebook){0};
    if (!scope_task(q, task, NULL, err)) {
        return false;
    }
    struct query *rows = store_query(
        q->api->store, err,
        "SELECT t.run_id,t.state,coalesce(r.attempts,p.attempts),r.user,(SELECT max(a.n) FROM "
        "attempt a WHERE a.task_id=t.id AND a.state IN (1,2)) FROM task t JOIN run r ON "
        "r.id=t.run_id JOIN project p ON p.id=r.project_id WHERE t.id=?1 AND t.tool=?2",
        "is", task, JUPYTER_TOOL);
    bool ok = rows != NULL;
    if (ok && query_next(rows)) {
        found = true;
        ret->run = query_int(rows, 0);
        state = query_int(rows, 1);
        attempts = mem_strdup(query_text(rows, 2), err);
        theirs = strcmp(query_text(rows, 3), q->who.name) != 0;
        n = query_int(rows, 4);
        ok = attempts != NULL;
    }
    ok = rows && query_end(rows, ok ? err : err_ignore("the first error stays")) && ok;
    ok = ok && (found || err_set(err, ERR_NOTHING, "task %" PRId64 " is no notebook", task)) &&
        /* not an admin either: what a notebook shows could act in the page with the admin's rights
         */
        (!theirs || err_set(err, ERR_PERM, "this notebook is another person's"));
    if (ok && n > 0) {
        ret->folder = attempts_folder(attempts, ret->run, task, n, err);
        ok = ret->folder != NULL;
    }
    ret->running = state == TASK_RUNNING || state == TASK_SUSPENDED;
    ret->waiting = state == TASK_READY || state == TASK_WAITING || state == TASK_HELD;
    mem_free(attempts);
    return ok;
}

bool jupyter_may(struct request *q, struct reply *r, struct err *err)
{
    struct notebook notebook = {0};
    const char *rest;
    int64_t task;
    q->route = &passed_on;
    if (!access_may(q, r, err)) {
        return false;
    }
    if (wants_socket(q) && (!request_header(q, "Origin") || !access_same_origin(q))) {
        return reply_refuse(r, 403, err, "a page of another site sent this");
    }
    bool ok = (task_of(q->path, &task, &rest) ||
               err_set(err, ERR_NOTHING, "there is no '%.200s' here", q->path)) &&
        jupyter_find(q, task, &notebook, err);
    if (!ok && err->code == ERR_NOTHING) {
        reply_status(r, 404);
    }
    mem_free(notebook.folder);
    return ok;
}

/* --- passing on */

static void add_header(struct str *out, const struct request *q, const char *name)
{
    const char *value = request_header(q, name);
    if (value && !strpbrk(value, "\r\n")) {
        str_addf(out, "%s: ", name);
        str_add(out, value);
        str_add(out, "\r\n");
    }
}

/* Only these: no cookie, no Authorization, nothing that a proxy before us has put in. */
static void make_request(struct str *out, const struct request *q, const char *secret)
{
    static const char *const plain[] = {"Accept",        "Accept-Language",   "Content-Type",
                                        "If-None-Match", "If-Modified-Since", "Range",
                                        "User-Agent",    "X-Requested-With",  NULL};
    static const char *const socket[] = {"Sec-WebSocket-Key",
                                         "Sec-WebSocket-Version",
                                         "Sec-WebSocket-Extensions",
                                         "Sec-WebSocket-Protocol",
                                         "User-Agent",
                                         NULL};
    bool upgrade = wants_socket(q), body = strcmp(q->method, "GET") && strcmp(q->method, "HEAD");
    const char *const *names = upgrade ? socket : plain;
    str_addf(out, "%s ", q->method);
    str_add(out, q->path);
    if (q->in->query[0]) {
        str_addc(out, '?');
        str_add(out, q->in->query);
    }
    /* with HTTP/1.0 the body is neither in chunks nor kept waiting for a next request */
    str_addf(out, " HTTP/1.%d\r\nHost: localhost\r\nX-Gantry-Notebook: %s\r\nConnection: %s\r\n",
             upgrade, secret, upgrade ? "Upgrade\r\nUpgrade: websocket" : "close");
    for (size_t i = 0; names[i]; i++) {
        add_header(out, q, names[i]);
    }
    if (body) {
        str_addf(out, "Content-Length: %zu\r\n", q->in->n_raw);
    }
    str_add(out, "\r\n");
    if (body && q->in->n_raw) {
        str_addn(out, q->in->raw, q->in->n_raw);
    }
}

/* What the tool has left for us: {"socket", "token"}. NULL: it is not that far. */
static json_t *read_place(const char *folder)
{
    struct err *quiet = err_ignore("then it is not there yet");
    char *path = path_join(folder, ".jupyter.json", quiet),
         *ready = path ? path_join(folder, "ready", quiet) : NULL;
    json_t *place = ready && file_exists(ready) ? json_read(path, quiet) : NULL;
    mem_free(path);
    mem_free(ready);
    if (strspn(json_get_text(place, "token", ""), "0123456789abcdef") != 64 ||
        strchr(json_get_text(place, "socket", "/"), '/')) {
        json_decref(place);
        place = NULL;
    }
    return place;
}

static bool pass_on(struct request *q, struct reply *r, int64_t task, const char *folder,
                    const json_t *place, struct err *err)
{
    struct str request = STR_INIT;
    char prefix[48];
    (void)snprintf(prefix, sizeof prefix, PREFIX "%" PRId64 "/", task);
    make_request(&request, q, json_get_text(place, "token", ""));
    struct proxy_target target = {.folder = folder,
                                  .socket = json_get_text(place, "socket", ""),
                                  .prefix = prefix,
                                  .upgrade = wants_socket(q)};
    bool ok = proxy_answer(q, r, &target, &request, err);
    str_fini(&request);
    return ok;
}

/* Nothing to pass on to: a person gets a page that says so. */
static bool say_state(struct request *q, struct reply *r, const struct notebook *n, struct err *err)
{
    const char *accept = request_header(q, "Accept");
    bool waits = n->running || n->waiting, person = accept && strstr(accept, "text/html");
    reply_status(r, waits ? 503 : 410);
    if (!person) {
        return err_set(err, waits ? ERR_UNREACHABLE : ERR_NOTHING,
                       waits ? "the notebook is starting" : "the notebook has ended");
    }
    return (!waits || reply_header(r, "Refresh", "1", err)) &&
        (waits ? reply_static(r, "text/html; charset=utf-8", WAITS, sizeof WAITS - 1, NULL, err)
               : reply_static(r, "text/html; charset=utf-8", ENDED, sizeof ENDED - 1, NULL, err));
}

bool jupyter_answer(struct request *q, struct reply *r, struct err *err)
{
    struct notebook notebook = {0};
    const char *rest = NULL;
    char page[80];
    int64_t task = 0;
    bool ok = (task_of(q->path, &task, &rest) ||
               err_set(err, ERR_NOTHING, "there is no '%.200s' here", q->path)) &&
        jupyter_find(q, task, &notebook, err);
    json_t *place = ok && notebook.running && notebook.folder ? read_place(notebook.folder) : NULL;
    (void)snprintf(page, sizeof page, PREFIX "%" PRId64 "/" JUPYTER_PAGE, task);
    if (ok && !place) {
        ok = say_state(q, r, &notebook, err);
    } else if (ok && (!rest || !rest[0])) {
        ok = reply_redirect(r, page, err);
    } else if (ok) {
        ok = pass_on(q, r, task, notebook.folder, place, err);
    }
    json_decref(place);
    mem_free(notebook.folder);
    return ok;
}
