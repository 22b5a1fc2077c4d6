/* Signing in and out, and one's own password. */
#include <stdio.h>
#include <string.h>
#include "api/access.h"
#include "api/events.h"
#include "api/head.h"
#include "api/limit.h"
#include "api/passwd.h"
#include "api/route.h"
#include "base/clock.h"
#include "base/mem.h"
#include "codec/secret.h"

#define FREE_BY_IP 10 /* a person mistypes, a lab behind one address too */
#define FREE_BY_NAME 5
#define MOST_BY_IP_S 900
#define MOST_BY_NAME_S 60 /* not more, or anybody could lock out anybody */
#define KEY 160

struct entry {
    struct later *later;
    struct passwd_job *job;
    int64_t user;
    char ip_key[KEY], name_key[KEY];
    char *next; /* the new password, of a change: hashed once the old one was right */
};

static json_t *projects_of(const struct who *who)
{
    if (who->all_projects) {
        return json_null();
    }
    json_t *list = json_array();
    for (size_t i = 0; i < who->n_projects; i++) {
        (void)json_array_append_new(list, json_integer(who->projects[i]));
    }
    return list;
}

/* {"ID of a project": role in it} of an account that is kept to some; `role` is the most of them.
 * null: the same everywhere. */
static bool rights_of(struct request *q, json_t **ret, struct err *err)
{
    char id[24];
    if (q->who.all_projects) {
        *ret = json_null();
        return true;
    }
    json_t *rights = json_object();
    struct query *rows = rights
        ? store_query(q->api->store, err,
                      "SELECT project_id,role FROM user_project WHERE user_id=?1", "i", q->who.user)
        : NULL;
    bool ok = rows != NULL;
    while (rows && query_next(rows)) {
        (void)snprintf(id, sizeof id, "%lld", (long long)query_int(rows, 0));
        ok = json_object_set_new(rights, id, json_string(query_text(rows, 1))) == 0 && ok;
    }
    ok = rows && query_end(rows, err) && (ok || err_set(err, ERR_NOMEM, "out of memory"));
    if (!rights) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!ok) {
        json_decref(rights);
        return false;
    }
    *ret = rights;
    return true;
}

static bool answer(struct request *q, struct reply *r, struct err *err)
{
    static const char *const roles[] = {"none", "viewer", "operator", "admin"};
    bool accounts = false;
    json_t *rights = NULL;
    return access_accounts(q->api, &accounts, err) && rights_of(q, &rights, err) &&
        reply_json(r, 200,
                   json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:b}", "user", q->who.name, "role",
                             roles[q->who.role], "csrf", q->who.csrf, "projects",
                             projects_of(&q->who), "rights", rights, "accounts", (int)accounts,
                             "proxied", (int)q->who.proxied),
                   err);
}

static bool show(struct request *q, struct reply *r, struct err *err)
{
    return answer(q, r, err);
}

/* --- waiting for a password */

static void entry_free(struct entry *e)
{
    if (e) {
        secret_wipe(e->next, e->next ? strlen(e->next) : 0);
        mem_free(e->next);
        mem_free(e);
    }
}

static void gone(void *arg)
{
    struct entry *e = arg;
    passwd_drop(e->job);
    entry_free(e);
}

static bool slow_down(struct reply *r, int wait, struct err *err)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%d", wait);
    err_waive(reply_header(r, "Retry-After", seconds, err_ignore("only a hint")));
    reply_status(r, 429);
    return err_set(err, ERR_PERM, "too many wrong passwords: wait %d s", wait);
}

static bool wrong(struct reply *r, struct err *err)
{
    reply_status(r, 401);
    return err_set(err, ERR_PERM, "the name or the password is wrong");
}

/* Every attempt counts from its beginning; a right one takes it back. */
static bool may_try(struct request *q, struct reply *r, struct entry *e, const char *name,
                    struct err *err)
{
    struct limits *l = access_limits(q->api->access);
    int64_t now = clock_mono_us();
    char near[64];
    head_neighbourhood(q->who.ip, near);
    (void)snprintf(e->ip_key, sizeof e->ip_key, "ip %s", near);
    (void)snprintf(e->name_key, sizeof e->name_key, "name %.100s", name);
    int by_ip = limits_wait(l, e->ip_key, now), by_name = limits_wait(l, e->name_key, now);
    if (by_ip || by_name) {
        return slow_down(r, by_ip > by_name ? by_ip : by_name, err);
    }
    limits_tried(l, e->ip_key, FREE_BY_IP, MOST_BY_IP_S, now);
    limits_tried(l, e->name_key, FREE_BY_NAME, MOST_BY_NAME_S, now);
    return true;
}

static void forgive(struct request *q, const struct entry *e)
{
    limits_forgive(access_limits(q->api->access), e->ip_key);
    limits_forgive(access_limits(q->api->access), e->name_key);
}

/* A name that is not known costs as long as one that is. */
static bool look_up(struct request *q, const char *name, int64_t *ret_user, char **ret_hash,
                    struct err *err)
{
    struct query *found = store_query(
        q->api->store, err, "SELECT id, hash FROM user WHERE name=?1 AND disabled=0 AND hash<>''",
        "s", name);
    if (!found) {
        return false;
    }
    bool any = query_next(found);
    *ret_user = any ? query_int(found, 0) : 0;
    *ret_hash = mem_strdup(any ? query_text(found, 1) : secret_nobody, err);
    struct err late;
    return query_end(found, *ret_hash ? err : &late) && *ret_hash;
}

static bool wait_for(struct request *q, struct reply *r, struct entry *e, const char *password,
                     const char *hash, passwd_fn *fn, struct err *err)
{
    e->job = passwd_start(q->api, password, hash, fn, e, err);
    if (!e->job) {
        return false;
    }
    e->later = reply_later(r, gone, e, err);
    if (!e->later) {
        passwd_drop(e->job);
        return false;
    }
    return true;
}

/* --- POST */

static void login_checked(void *arg, bool right, const char *hash, const struct err *failed)
{
    struct entry *e = arg;
    struct later *later = e->later;
    struct request *q = later_request(later);
    struct reply *r = later_reply(later);
    struct err err = *failed;
    (void)hash;
    bool ok = err.code == ERR_NONE && ((right && e->user) || wrong(r, &err)) &&
        access_enter(q, r, e->user, &err) && answer(q, r, &err);
    if (ok) {
        forgive(q, e);
    }
    entry_free(e);
    if (ok) {
        later_done(later);
    } else {
        later_fail(later, &err);
    }
}

static bool login_by_token(struct request *q, struct reply *r, struct err *err)
{
    if (!access_is_token(q->api->access, json_get_text(q->body, "token", ""))) {
        reply_status(r, 401);
        return err_set(err, ERR_PERM, "that is not the token that `gantry serve` printed");
    }
    return access_enter(q, r, 0, err) && answer(q, r, err);
}

static bool login(struct request *q, struct reply *r, struct err *err)
{
    const char *name = json_get_text(q->body, "user", ""),
               *password = json_get_text(q->body, "password", "");
    bool accounts = false;
    char *hash = NULL;
    struct entry *e;
    if (!access_accounts(q->api, &accounts, err)) {
        return false;
    }
    if (!accounts) {
        return login_by_token(q, r, err);
    }
    e = mem_zero(sizeof *e, err);
    bool ok = e && may_try(q, r, e, name, err) && look_up(q, name, &e->user, &hash, err) &&
        (strlen(password) <= PASSWD_MAX || wrong(r, err)) &&
        wait_for(q, r, e, password, hash, login_checked, err);
    mem_free(hash);
    if (!ok) {
        entry_free(e);
    }
    return ok;
}

/* --- DELETE */

static bool logout(struct request *q, struct reply *r, struct err *err)
{
    bool ok = access_leave(q, r, err);
    hub_recheck(q->api->hub);
    return ok && reply_json(r, 200, json_object(), err);
}

/* --- PATCH: one's own password */

static void new_hashed(void *arg, bool right, const char *hash, const struct err *failed)
{
    struct entry *e = arg;
    struct later *later = e->later;
    struct request *q = later_request(later);
    struct err err = *failed;
    char keep[SECRET_HEX];
    json_t *args = NULL, *done = NULL;
    (void)right;
    entry_free(e);
    access_session_hash(q, keep);
    if (err.code == ERR_NONE) {
        args = json_pack("{s:s, s:s, s:s}", "name", q->who.name, "hash", hash, "keep", keep);
        done = args ? request_op(q, "user.passwd", args, &err) : NULL;
    }
    hub_recheck(q->api->hub);
    bool ok = done && answer(q, later_reply(later), &err);
    json_decref(args);
    json_decref(done);
    if (ok) {
        later_done(later);
    } else {
        later_fail(later, &err);
    }
}

static void old_checked(void *arg, bool right, const char *hash, const struct err *failed)
{
    struct entry *e = arg;
    struct later *later = e->later;
    struct request *q = later_request(later);
    struct err err = *failed;
    (void)hash;
    bool ok = err.code == ERR_NONE && (right || wrong(later_reply(later), &err));
    if (ok) {
        forgive(q, e);
        e->job = passwd_start(q->api, e->next, NULL, new_hashed, e, &err);
        ok = e->job != NULL;
    }
    if (!ok) {
        entry_free(e);
        later_fail(later, &err);
    }
}

static bool change(struct request *q, struct reply *r, struct err *err)
{
    const char *old = json_get_text(q->body, "old", ""),
               *next = json_get_text(q->body, "password", "");
    int64_t user = 0;
    char *hash = NULL;
    if (!q->who.user) {
        return err_set(err, ERR_USAGE, "there are no accounts here, so no password");
    }
    struct entry *e = mem_zero(sizeof *e, err);
    bool ok = e && passwd_check_new(next, err) && may_try(q, r, e, q->who.name, err) &&
        look_up(q, q->who.name, &user, &hash, err) &&
        (strlen(old) <= PASSWD_MAX || wrong(r, err)) && (e->next = mem_strdup(next, err)) &&
        wait_for(q, r, e, old, hash, old_checked, err);
    mem_free(hash);
    if (!ok) {
        entry_free(e);
    }
    return ok;
}

static const struct route_param login_params[] = {
    {IN_BODY, "user", P_TEXT, false, "name of the account"},
    {IN_BODY, "password", P_TEXT, false, "its password"},
    {IN_BODY, "token", P_TEXT, false, "without accounts: the token of the printed address"},
    {IN_BODY, NULL, P_ANY, false, NULL},
};

static const struct route_param change_params[] = {
    {IN_BODY, "old", P_TEXT, true, "the password until now"},
    {IN_BODY, "password", P_TEXT, true, "the new one, at least 10 characters"},
    {IN_BODY, NULL, P_ANY, false, NULL},
};

const struct route routes_session[] = {
    {"GET", "/api/v1/session", ROLE_VIEWER, "Who am I, what may I do, and my CSRF token", NULL,
     show, false},
    {"POST", "/api/v1/session", ROLE_NONE, "Sign in", login_params, login, ROUTE_NO_CSRF},
    {"DELETE", "/api/v1/session", ROLE_VIEWER, "Sign out", NULL, logout, false},
    {"PATCH", "/api/v1/session", ROLE_VIEWER, "Change my password", change_params, change, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
