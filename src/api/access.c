/*
 * Sessions, the token, the trusted proxy; Host, Origin and CSRF. Everything is looked up anew for
 * every request (a few microseconds), so that a right that was taken away is gone at once.
 */
#include "api/access.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "api/audit.h"
#include "api/head.h"
#include "api/http.h"
#include "api/limit.h"
#include "api/options-fresh.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/secret.h"
#include "engine/engine.h"
#include "engine/op.h"
#include "model/account.h"
#include "os/file.h"

#define COOKIE "gantry_session"
#define SEEN_US ((int64_t)60 * 1000000) /* a session's last use is written once a minute */
#define BURST 10                        /* seconds' worth of requests at once */

struct access {
    struct api *api;
    struct fresh_options options;
    char token[SECRET_HEX];
    bool loopback;
    struct limits *limits;
    struct audit *audit;
    int passwords;      /* children of passwd.c */
    char *proxies_text; /* the option that `proxies` was made from */
    struct nets proxies;
};

/* --- beginning */

/* <home>/serve.token: readable by its owner only. */
static bool load_token(struct access *a, const char *home, struct err *err)
{
    size_t n = 0;
    char *path = path_join(home, "serve.token", err);
    char *text = path && file_exists(path) ? file_read(path, 256, &n, err) : NULL;
    bool ok = path && (text || !file_exists(path));
    size_t digits = text ? strspn(text, "0123456789abcdef") : 0;
    if (ok && digits == SECRET_HEX - 1) {
        memcpy(a->token, text, digits);
    } else if (ok) {
        mode_t old = umask(0077);
        ok = secret_token(a->token, err) && file_write(path, a->token, strlen(a->token), true, err);
        (void)umask(old);
    }
    mem_free(text);
    mem_free(path);
    return ok;
}

const struct options *access_options(const struct access *a)
{
    return a->options.now;
}

static const char *option(const struct access *a, const char *key)
{
    return options_text(a->options.now, key);
}

/* The list of trusted proxies follows its option. */
static bool load_proxies(struct access *a, struct err *err)
{
    const char *text = option(a, "trusted_proxy");
    struct nets nets;
    if (a->proxies_text && !strcmp(a->proxies_text, text)) {
        return true;
    }
    if (!nets_parse(text, &nets, err)) {
        return err_wrap(err, "option trusted_proxy");
    }
    char *copy = mem_strdup(text, err);
    if (copy) {
        mem_free(a->proxies_text);
        a->proxies_text = copy;
        a->proxies = nets;
    }
    return copy != NULL;
}

bool access_accounts(struct api *api, bool *ret, struct err *err)
{
    int64_t n = 0;
    bool ok = store_int(api->store, 0, &n, err, "SELECT EXISTS(SELECT 1 FROM user)", "");
    *ret = n != 0;
    return ok;
}

static bool check_address(struct access *a, const char *listen, struct err *err)
{
    bool accounts = false;
    return access_accounts(a->api, &accounts, err) &&
        (a->loopback || accounts ||
         err_set(err, ERR_USAGE,
                 "others can reach '%s', so accounts are needed: make one with `gantry user add "
                 "NAME --role admin`, or listen on 127.0.0.1",
                 listen));
}

struct access *access_new(struct api *api, const char *listen, struct err *err)
{
    struct access *a = mem_zero(sizeof *a, err);
    if (!a) {
        return NULL;
    }
    a->api = api;
    a->loopback = http_is_loopback(listen);
    bool ok = check_address(a, listen, err) && options_refresh(&a->options, a->api->home, err) &&
        load_proxies(a, err) && load_token(a, api->home, err) && (a->limits = limits_new(err)) &&
        (a->audit = audit_new(api, err));
    if (!ok) {
        access_free(a);
        return NULL;
    }
    return a;
}

void access_free(struct access *a)
{
    if (a) {
        audit_free(a->audit);
        limits_free(a->limits);
        options_free(a->options.now);
        mem_free(a->proxies_text);
        secret_wipe(a->token, sizeof a->token);
        mem_free(a);
    }
}

/* Only where nobody else can come, and only while nobody has an account. */
static bool token_counts(const struct access *a)
{
    bool accounts = true;
    return a->loopback &&
        access_accounts(a->api, &accounts, err_ignore("then the token does not count")) &&
        !accounts;
}

const char *access_token(const struct access *a)
{
    return token_counts(a) ? a->token : NULL;
}

bool access_is_token(const struct access *a, const char *text)
{
    return token_counts(a) && secret_equal(text, a->token);
}

struct limits *access_limits(struct access *a)
{
    return a->limits;
}

struct audit *access_log(struct access *a)
{
    return a->audit;
}

int *access_passwords(struct access *a)
{
    return &a->passwords;
}

/* --- who */

/* Any name may be made to point at 127.0.0.1 by whoever owns it (DNS rebinding), so a browser's
 * Host must be a name that is ours. With a session cookie (bound to the name) that is no danger,
 * hence other listeners take any name, except from a proxy's user. */
static bool check_host(const struct access *a, struct request *q, struct reply *r, struct err *err)
{
    const char *text = request_header(q, "Host");
    char host[HEAD_HOST];
    int port;
    if (!text || !head_authority(text, host, &port)) {
        reply_status(r, 400);
        return err_set(err, ERR_USAGE, "the request names no proper Host");
    }
    bool ours = head_is_local(host) || head_listed(option(a, "server_name"), host);
    if (ours || (!a->loopback && !q->who.proxied)) {
        return true;
    }
    reply_status(r, 403);
    return err_set(err, ERR_PERM,
                   "'%.100s' is no name of this server: gantry config set server_name=%.100s", host,
                   host);
}

static bool check_rate(struct access *a, struct request *q, struct reply *r, struct err *err)
{
    char key[64], seconds[16];
    double rate = options_number(a->options.now, "rate_limit");
    int wait = 0;
    head_neighbourhood(q->who.ip, key);
    if (rate <= 0 || limits_take(a->limits, key, rate, rate * BURST, clock_mono_us(), &wait)) {
        return true;
    }
    (void)snprintf(seconds, sizeof seconds, "%d", wait);
    err_waive(reply_header(r, "Retry-After", seconds, err_ignore("only a hint")));
    return reply_refuse(r, 429, err, "too many requests: slow down");
}

void access_session_hash(const struct request *q, char *ret)
{
    const char *cookie = request_cookie(q, COOKIE);
    ret[0] = '\0';
    if (cookie && strlen(cookie) == SECRET_HEX - 1) {
        secret_digest(NULL, cookie, ret);
    }
}

/* Bound to the session: another session's does not fit. */
static void make_csrf(const struct access *a, const char *of, struct who *who)
{
    char text[SECRET_HEX + 80], digest[SECRET_HEX];
    (void)snprintf(text, sizeof text, "csrf %s", of);
    secret_digest(a->token, text, digest);
    (void)snprintf(who->csrf, sizeof who->csrf, "%s", digest);
}

static void be_local(struct who *who)
{
    who->user = 0;
    who->role = ROLE_ADMIN;
    who->all_projects = true;
    (void)snprintf(who->name, sizeof who->name, "local");
}

/* The rights of an account that is kept to some projects. */
static bool load_projects(struct store *s, struct who *who, struct err *err)
{
    int64_t n = 0;
    if (!store_int(s, 0, &n, err, "SELECT count(*) FROM user_project WHERE user_id=?1", "i",
                   who->user)) {
        return false;
    }
    mem_free(who->projects);
    who->n_projects = 0;
    who->projects = mem_array((size_t)n, sizeof *who->projects, err);
    struct query *q = who->projects
        ? store_query(s, err, "SELECT project_id, role FROM user_project WHERE user_id=?1", "i",
                      who->user)
        : NULL;
    if (!q) {
        return false;
    }
    while (who->n_projects < (size_t)n && query_next(q)) {
        who->projects[who->n_projects++] = query_int(q, 0);
        enum role role = (enum role)account_rank(query_text(q, 1));
        who->role = role > who->role ? role : who->role; /* access_project looks at each */
    }
    return query_end(q, err);
}

/* Takes the first row: id, name, role, everywhere, seen. *ret_seen = -1: there is none. */
static bool take_account(struct access *a, struct query *query, struct who *who, int64_t *ret_seen,
                         struct err *err)
{
    *ret_seen = -1;
    if (!query) {
        return false;
    }
    if (query_next(query)) {
        who->user = query_int(query, 0);
        (void)snprintf(who->name, sizeof who->name, "%s", query_text(query, 1));
        who->role = (enum role)account_rank(query_text(query, 2));
        who->all_projects = query_int(query, 3) != 0;
        *ret_seen = query_int(query, 4);
    }
    return query_end(query, err) &&
        (*ret_seen < 0 || who->all_projects || load_projects(a->api->store, who, err));
}

static bool find_account(struct access *a, const char *name, struct who *who, int64_t *ret_seen,
                         struct err *err)
{
    return take_account(a,
                        store_query(a->api->store, err,
                                    "SELECT id,name,role,everywhere,0 FROM user WHERE name=?1 AND "
                                    "disabled=0",
                                    "s", name),
                        who, ret_seen, err);
}

static bool by_proxy(struct access *a, struct request *q, const char *name, struct err *err)
{
    int64_t seen;
    char of[120];
    q->who.proxied = true;
    if (!account_check_name(name, err_ignore("then nobody"))) {
        return true;
    }
    if (!find_account(a, name, &q->who, &seen, err)) {
        return false;
    }
    (void)snprintf(of, sizeof of, "proxy %s", q->who.name);
    make_csrf(a, of, &q->who);
    return true;
}

/* A session that is used lives on; that is written once a minute. */
static void keep(struct access *a, const char *hash, int64_t seen)
{
    if (clock_utc_us() - seen < SEEN_US) {
        return;
    }
    json_t *answer = NULL,
           *args = json_pack("{s:s, s:I}", "hash", hash, "hours",
                             (json_int_t)options_int(a->options.now, "session_hours"));
    err_waive(args &&
              op_call(a->api->engine, a->api->store, "session.seen", args, &answer,
                      err_ignore("it is tried again with the next request")));
    json_decref(args);
    json_decref(answer);
}

/* *ret_seen = -1: there is no such session. */
static bool find_session(struct access *a, const char *hash, struct who *who, int64_t *ret_seen,
                         struct err *err)
{
    int64_t now = clock_utc_us();
    *ret_seen = -1;
    if (!token_counts(a)) {
        return take_account(
            a,
            store_query(a->api->store, err,
                        "SELECT u.id,u.name,u.role,u.everywhere,s.seen_us FROM session s JOIN "
                        "user u ON u.id=s.user_id WHERE s.hash=?1 AND s.expires_us>?2 AND "
                        "u.disabled=0",
                        "si", hash, now),
            who, ret_seen, err);
    }
    bool ok = store_int(a->api->store, -1, ret_seen, err,
                        "SELECT seen_us FROM session WHERE hash=?1 AND user_id IS NULL AND "
                        "expires_us>?2",
                        "si", hash, now);
    if (ok && *ret_seen >= 0) {
        be_local(who);
    }
    return ok;
}

static bool by_cookie(struct access *a, struct request *q, struct err *err)
{
    char hash[SECRET_HEX];
    int64_t seen = -1;
    access_session_hash(q, hash);
    if (!hash[0]) {
        return true;
    }
    bool ok = find_session(a, hash, &q->who, &seen, err);
    if (ok && seen >= 0) {
        (void)snprintf(q->who.session, sizeof q->who.session, "%s", hash);
        make_csrf(a, hash, &q->who);
        keep(a, hash, seen);
    }
    return ok;
}

/* With accounts the token only reads the numbers for Prometheus, which cannot sign in. */
static void by_token(const struct access *a, struct request *q)
{
    if (token_counts(a)) {
        be_local(&q->who);
    } else if (!strcmp(q->path, "/metrics")) {
        q->who.role = ROLE_VIEWER;
        (void)snprintf(q->who.name, sizeof q->who.name, "metrics");
    }
}

bool access_who(struct request *q, struct reply *r, const char *ip, struct err *err)
{
    struct access *a = q->api->access;
    const char *header;
    struct who *who = &q->who;
    (void)snprintf(who->ip, sizeof who->ip, "%.63s", ip);
    (void)head_address(ip, who->ip);
    if (!options_refresh(&a->options, a->api->home, err) || !load_proxies(a, err)) {
        return false; /* the option was broken while we ran: nobody is trusted by mistake */
    }
    bool trusted = nets_have(&a->proxies, ip);
    if (trusted && (header = request_header(q, "X-Forwarded-For"))) {
        char client[64];
        if (head_forwarded(header, &a->proxies, client)) {
            (void)snprintf(who->ip, sizeof who->ip, "%s", client);
        }
    }
    header = trusted ? request_header(q, "X-Forwarded-Proto") : NULL;
    who->secure = header && !strcmp(header, "https");
    header = trusted ? request_header(q, "X-Remote-User") : NULL;
    who->proxied = header && *header;
    if (!check_host(a, q, r, err) || !check_rate(a, q, r, err)) {
        return false;
    }
    if (who->proxied) {
        return by_proxy(a, q, header, err);
    }
    header = request_header(q, "Authorization");
    if (header && str_starts(header, "Bearer ") && secret_equal(header + 7, a->token)) {
        by_token(a, q); /* a page of another site cannot send this header: no CSRF token needed */
        return true;
    }
    return by_cookie(a, q, err);
}

static bool same_rights(const struct who *a, const struct who *b)
{
    return a->user == b->user && a->role == b->role && a->all_projects == b->all_projects &&
        a->n_projects == b->n_projects &&
        (a->n_projects == 0 ||
         !memcmp(a->projects, b->projects, a->n_projects * sizeof *a->projects));
}

bool access_still(const struct request *q)
{
    struct access *a = q->api->access;
    const struct who *who = &q->who;
    struct who now = {.role = ROLE_NONE};
    struct err *quiet = err_ignore("then it is asked again with the next look");
    int64_t seen;
    bool ok = true;
    if (who->session[0]) {
        ok = find_session(a, who->session, &now, &seen, quiet);
    } else if (who->proxied) {
        ok = find_account(a, who->name, &now, &seen, quiet);
    } else if (token_counts(a)) {
        be_local(&now);
    }
    bool same = !ok || same_rights(who, &now);
    mem_free(now.projects);
    return same;
}

/* --- sessions */

static bool set_cookie(const struct request *q, struct reply *r, const char *value, struct err *err)
{
    char text[256];
    (void)snprintf(text, sizeof text, COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s%s", value,
                   q->who.secure ? "; Secure" : "", *value ? "" : "; Max-Age=0");
    return reply_header(r, "Set-Cookie", text, err);
}

bool access_enter(struct request *q, struct reply *r, int64_t user, struct err *err)
{
    struct access *a = q->api->access;
    char token[SECRET_HEX], hash[SECRET_HEX], old[SECRET_HEX];
    int64_t seen = 0;
    json_t *args = NULL, *answer = NULL;
    access_session_hash(q, old);
    bool ok = secret_token(token, err);
    if (ok) {
        secret_digest(NULL, token, hash);
        args = json_pack("{s:s, s:I, s:s, s:I, s:s}", "hash", hash, "user", (json_int_t)user, "ip",
                         q->who.ip, "hours",
                         (json_int_t)options_int(a->options.now, "session_hours"), "replaces", old);
        ok = args || err_set(err, ERR_NOMEM, "out of memory");
    }
    ok = ok && (answer = request_op(q, "session.add", args, err)) && set_cookie(q, r, token, err);
    if (ok && user) {
        ok = take_account(a,
                          store_query(a->api->store, err,
                                      "SELECT id,name,role,everywhere,0 FROM user WHERE id=?1 AND "
                                      "disabled=0",
                                      "i", user),
                          &q->who, &seen, err) &&
            (seen >= 0 || err_set(err, ERR_PERM, "the account is gone"));
    } else if (ok) {
        be_local(&q->who);
    }
    if (ok) {
        make_csrf(a, hash, &q->who);
    }
    secret_wipe(token, sizeof token);
    json_decref(args);
    json_decref(answer);
    return ok;
}

bool access_leave(struct request *q, struct reply *r, struct err *err)
{
    char hash[SECRET_HEX];
    access_session_hash(q, hash);
    json_t *args = json_pack("{s:s}", "hash", hash),
           *answer = args ? request_op(q, "session.rm", args, err) : NULL;
    bool ok = answer && set_cookie(q, r, "", err);
    json_decref(args);
    json_decref(answer);
    return ok || err->code || err_set(err, ERR_NOMEM, "out of memory");
}
