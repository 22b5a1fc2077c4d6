/* Pending rows are a JSON array: the arguments of audit.add as they will be sent. */
#include "api/audit.h"

#include <stdio.h>
#include <string.h>
#include "api/access.h"
#include "base/clock.h"
#include "base/mem.h"
#include "engine/op.h"
#include "model/account.h"
#include "os/loop.h"

#define FLUSH_MS 50
#define AGAIN_MS 5000      /* after a failure */
#define MOST_PENDING 10000 /* of a disk that stays full: the oldest rows are kept */
#define DETAIL_MAX 1000    /* bytes */

struct audit {
    struct api *api;
    json_t *pending;
    struct loop_timer *timer;
};

void audit_flush(struct audit *a)
{
    json_t *args, *answer = NULL;
    if (!json_array_size(a->pending)) {
        return;
    }
    args = json_pack("{s:O}", "rows", a->pending);
    bool ok = args &&
        op_call(a->api->engine, a->api->store, "audit.add", args, &answer,
                err_ignore("it is tried again"));
    json_decref(args);
    json_decref(answer);
    if (ok) {
        (void)json_array_clear(a->pending);
    } else {
        loop_timer_start(a->timer, AGAIN_MS, 0);
    }
}

static void flush_later(void *arg)
{
    audit_flush(arg);
}

struct audit *audit_new(struct api *api, struct err *err)
{
    struct audit *a = mem_zero(sizeof *a, err);
    if (a) {
        a->api = api;
        a->pending = json_array();
        a->timer = loop_timer_new(api->loop, flush_later, a, err);
        if (!a->pending || !a->timer) {
            (void)(a->pending || err_set(err, ERR_NOMEM, "out of memory"));
            audit_free(a);
            return NULL;
        }
    }
    return a;
}

void audit_free(struct audit *a)
{
    if (a) {
        if (a->pending && a->timer) {
            audit_flush(a);
        }
        loop_timer_free(a->timer);
        json_decref(a->pending);
        mem_free(a);
    }
}

void audit_note(struct audit *a, const struct who *who, const char *what, const char *outcome,
                int64_t project, const char *detail)
{
    if (json_array_size(a->pending) >= MOST_PENDING) {
        return;
    }
    json_t *row =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:s}", "t_us", (json_int_t)clock_utc_us(), "user",
                  who->name, "ip", who->ip, "what", what, "outcome", outcome, "project",
                  (json_int_t)project, "detail", detail ? detail : "");
    (void)json_array_append_new(a->pending, row);
    if (!loop_timer_active(a->timer)) {
        loop_timer_start(a->timer, FLUSH_MS, 0);
    }
}

char *audit_detail(const json_t *body)
{
    static const char *const hidden[] = {"password", "old", "token", NULL};
    struct err *quiet = err_ignore("then without details");
    json_t *copy = json_is_object(body) ? json_copy((json_t *)body) : NULL;
    for (size_t i = 0; copy && hidden[i]; i++) {
        (void)json_object_del(copy, hidden[i]);
    }
    char *text = copy && json_object_size(copy) ? json_text(copy, quiet) : mem_strdup("", quiet);
    if (text && strlen(text) > DETAIL_MAX + 3) {
        size_t n = DETAIL_MAX;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) {
            n--; /* not in the middle of a letter */
        }
        memcpy(text + n, "...", 4);
    }
    json_decref(copy);
    return text;
}

/* --- what the router notes */

static const char *outcome_of(int status)
{
    if (status < 400) {
        return "ok";
    }
    for (int code = ERR_FAILED; code < ERR_CODE_COUNT; code++) {
        if (err_http_status((enum err_code)code) == status) {
            return err_name((enum err_code)code);
        }
    }
    return status == 401 ? "denied" : status == 429 ? "too-many" : "refused";
}

/* Signing in is written under the name that was tried. Of others only what somebody known did. */
void access_audit(struct request *q, int status)
{
    struct audit *a = access_log(q->api->access);
    struct who who = q->who;
    bool session = !strcmp(q->route->path, "/api/v1/session");
    char what[300];
    if (session && !strcmp(q->method, "POST")) {
        const char *name = json_get_text(q->body, "user", "");
        if (who.role == ROLE_NONE) {
            bool plain = account_check_name(name, err_ignore("then it is not repeated"));
            (void)snprintf(who.name, sizeof who.name, "%s", plain ? name : "?");
        }
        if (status < 400 || status == 401) { /* what never came to a try would only fill the log */
            audit_note(a, &who, "login", outcome_of(status), 0, "");
        }
        return;
    }
    if (who.role == ROLE_NONE || (!session && q->route->need <= ROLE_VIEWER)) {
        return; /* nobody; or a question that is too long for an address: it changes nothing */
    }
    char *detail = audit_detail(q->body);
    (void)snprintf(what, sizeof what, "%.10s %.280s", q->method, q->path);
    audit_note(a, &who, session && !strcmp(q->method, "DELETE") ? "logout" : what,
               outcome_of(status), json_get_int(q->body, "project", 0), detail);
    mem_free(detail);
}
