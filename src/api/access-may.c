/* May he do that: origin and CSRF token of writes, roles, rights on projects. */
#include <string.h>
#include "api/access.h"
#include "api/head.h"
#include "base/mem.h"
#include "codec/secret.h"
#include "model/account.h"

/* What a person sees who opens the bare address of a server without accounts. */
#define HOW_HEAD                                                                          \
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Gantry: not signed " \
    "in</title>"                                                                          \
    "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" " \
    "content=\"light dark\">"                                                             \
    "<body style=\"font:15px/1.5 system-ui,sans-serif;max-width:42rem;margin:4rem auto;"  \
    "padding:0 1rem\"><h1>Gantry is running</h1>"
#define HOW_IN                                                                                 \
    "<p>To come in, open the address that <code>gantry "                                       \
    "serve</code> printed when it was started: it ends with <code>?token=</code> and a long "  \
    "word. Once is enough: this browser remembers it.</p><p>It is out of sight? <code>gantry " \
    "doctor</code>, on the machine and by the person that serves, says where it is "           \
    "kept.</p></body></html>"
static const char how_in[] = HOW_HEAD HOW_IN;
static const char old_link[] =
    HOW_HEAD "<p><b>The token in your link is not, or no longer, this server's.</b></p>" HOW_IN;

static bool writes(const struct request *q)
{
    return strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0;
}

/* A write that another site's page started is refused, whatever it carries. */
bool access_same_origin(const struct request *q)
{
    const char *origin = request_header(q, "Origin"), *host = request_header(q, "Host"),
               *site = request_header(q, "Sec-Fetch-Site");
    char theirs[HEAD_HOST], ours[HEAD_HOST];
    int their_port, our_port;
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0) {
        return false;
    }
    if (!origin) {
        return true; /* no browser */
    }
    if (!host || !head_origin(origin, theirs, &their_port) ||
        !head_authority(host, ours, &our_port)) {
        return false;
    }
    if (our_port < 0) {
        our_port = q->who.secure ? 443 : 80;
    }
    return !strcmp(theirs, ours) && their_port == our_port;
}

static bool nobody(struct request *q, struct reply *r, struct err *err)
{
    bool accounts = !access_token(q->api->access);
    err_waive(reply_detail(r, "accounts", json_boolean(accounts), err_ignore("only a hint")));
    err_waive(reply_header(r, "WWW-Authenticate", accounts ? "Session" : "Bearer",
                           err_ignore("only a hint")));
    if (q->who.proxied) {
        return reply_refuse(r, 403, err,
                            "there is no account for you here: ask an admin to make one");
    }
    return reply_refuse(r, 401, err,
                        accounts ? "sign in first"
                                 : "open the address with the token that `gantry serve` printed");
}

bool access_may(struct request *q, struct reply *r, struct err *err)
{
    const struct route *route = q->route;
    if (writes(q) && !access_same_origin(q)) {
        return reply_refuse(r, 403, err, "a page of another site sent this");
    }
    if (q->who.role < route->need) {
        if (q->who.role == ROLE_NONE) {
            return nobody(q, r, err);
        }
        return reply_refuse(r, 403, err,
                            route->need == ROLE_ADMIN ? "only an admin may do that"
                                                      : "you may look here, not change anything");
    }
    if (writes(q) && !(route->rules & ROUTE_NO_CSRF) && q->who.csrf[0]) {
        const char *given = request_header(q, "X-CSRF-Token");
        if (!given || !secret_equal(given, q->who.csrf)) {
            return reply_refuse(
                r, 403, err, "the request lacks this session's X-CSRF-Token: load the page again");
        }
    }
    return true;
}

/* A person with a browser, or a program? */
static bool takes_html(const struct request *q)
{
    const char *accept = request_header(q, "Accept");
    return !accept || strstr(accept, "text/html") ||
        (strstr(accept, "*/*") && !strstr(accept, "json"));
}

static bool tell_how(struct request *q, struct reply *r, bool *ret_done, struct err *err)
{
    if (q->who.proxied || !takes_html(q)) {
        return nobody(q, r, err);
    }
    *ret_done = true;
    if (request_has(q, "token")) { /* not ours: it leaves the address bar all the same */
        return reply_redirect(r, "/?link=old", err);
    }
    reply_status(r, 401);
    err_waive(reply_header(r, "WWW-Authenticate", "Bearer", err_ignore("only a hint")));
    bool old = request_has(q, "link");
    return reply_static(r, "text/html; charset=utf-8", old ? old_link : how_in,
                        (old ? sizeof old_link : sizeof how_in) - 1, NULL, err);
}

/* The address with the token becomes a session, and leaves the address bar. With accounts the page
 * itself is where one signs in: it carries no data. */
bool access_page(struct request *q, struct reply *r, bool *ret_done, struct err *err)
{
    const char *token = request_text(q, "token", NULL);
    *ret_done = false;
    if (token && access_is_token(q->api->access, token)) {
        *ret_done = true;
        return access_enter(q, r, 0, err) && reply_redirect(r, "/", err);
    }
    return q->who.role != ROLE_NONE || !access_token(q->api->access) ||
        tell_how(q, r, ret_done, err);
}

bool access_sees(const struct who *who, int64_t project)
{
    for (size_t i = 0; i < who->n_projects; i++) {
        if (who->projects[i] == project) {
            return true;
        }
    }
    return who->all_projects;
}

bool access_project(struct request *q, int64_t project, struct err *err)
{
    char *word = NULL;
    if (!access_sees(&q->who, project)) {
        return err_set(err, ERR_NOTHING, "there is no project %lld", (long long)project);
    }
    if (q->who.all_projects || !q->route || q->route->need <= ROLE_VIEWER) {
        return true;
    }
    bool ok = store_text(q->api->store, &word, err,
                         "SELECT role FROM user_project WHERE user_id=?1 AND project_id=?2", "ii",
                         q->who.user, project) &&
        ((word && account_rank(word) >= (int)q->route->need) ||
         err_set(err, ERR_PERM, "you may look at this project, not change anything"));
    mem_free(word);
    return ok;
}

bool access_everywhere(const struct request *q, struct err *err)
{
    return q->who.all_projects ||
        err_set(err, ERR_PERM, "your account is kept to some projects: ask an admin");
}
