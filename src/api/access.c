/* A random token for the one user of a loopback server: in the printed URL, then in a cookie, or as
 * `Authorization: Bearer` from scripts. */
#include "api/access.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "api/http.h"
#include "base/mem.h"
#include "base/str.h"

#define TOKEN_BYTES 24

struct access {
    char token[2 * TOKEN_BYTES + 1];
};

struct access *access_new(struct api *api, const char *listen, struct err *err)
{
    unsigned char bytes[TOKEN_BYTES];
    (void)api;
    if (!http_is_loopback(listen)) {
        (void)err_set(err, ERR_UNSUPPORTED, "'%s' can be reached by others: accounts are needed",
                      listen);
        return NULL;
    }
    struct access *a = mem_zero(sizeof *a, err);
    if (a && getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        (void)err_set(err, ERR_IO, "no random numbers for the token");
        mem_free(a);
        return NULL;
    }
    for (size_t i = 0; a && i < sizeof bytes; i++) {
        (void)snprintf(a->token + 2 * i, 3, "%02x", bytes[i]);
    }
    return a;
}

void access_free(struct access *a)
{
    mem_free(a);
}

const char *access_token(const struct access *a)
{
    return a->token;
}

/* In a time that does not tell how much is right. */
static bool same(const char *given, const char *token)
{
    size_t n = given ? strlen(given) : 0;
    unsigned char differ = n != strlen(token);
    for (size_t i = 0; i < n && i < strlen(token); i++) {
        differ |= (unsigned char)(given[i] ^ token[i]);
    }
    return !differ;
}

bool access_who(struct request *q, struct reply *r, const char *ip, struct err *err)
{
    const struct access *a = q->api->access;
    const char *bearer = request_header(q, "Authorization");
    (void)r;
    (void)err;
    (void)snprintf(q->who.ip, sizeof q->who.ip, "%s", ip);
    bool known = (bearer && str_starts(bearer, "Bearer ") && same(bearer + 7, a->token)) ||
        same(request_cookie(q, "gantry_session"), a->token);
    q->who.role = known ? ROLE_ADMIN : ROLE_NONE;
    q->who.all_projects = known;
    (void)snprintf(q->who.name, sizeof q->who.name, "%s", known ? "local" : "");
    return true;
}

static bool refuse(struct reply *r, struct err *err)
{
    reply_status(r, 401);
    return err_set(err, ERR_PERM, "open the address with the token that `gantry serve` printed");
}

bool access_may(struct request *q, struct reply *r, struct err *err)
{
    return q->who.role >= q->route->need || refuse(r, err);
}

bool access_page(struct request *q, struct reply *r, bool *ret_done, struct err *err)
{
    char cookie[200];
    const struct access *a = q->api->access;
    *ret_done = false;
    if (same(request_text(q, "token", ""), a->token)) {
        (void)snprintf(cookie, sizeof cookie,
                       "gantry_session=%s; Path=/; HttpOnly; SameSite=Strict", a->token);
        *ret_done = true;
        return reply_header(r, "Set-Cookie", cookie, err) && reply_redirect(r, "/", err);
    }
    return q->who.role != ROLE_NONE || refuse(r, err);
}

void access_audit(struct request *q, int status)
{
    (void)q;
    (void)status;
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
    return access_sees(&q->who, project) ||
        err_set(err, ERR_NOTHING, "there is no project %lld", (long long)project);
}
