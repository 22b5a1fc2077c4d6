/*
 * Who asks, and may he. The router calls these in order for every request: access_who, then for a
 * route access_may, for a page access_page. Routes ask access_project() for what they touch.
 *
 * Two ways to be known. A loopback server without accounts prints a URL with a token (kept in
 * <home>/serve.token, so that it survives a restart); opening it starts a session, and scripts send
 * it as `Authorization: Bearer`. With accounts a session begins by signing in, or each request
 * carries X-Remote-User from a trusted proxy. Sessions are rows of the store, found by the digest
 * of the cookie.
 */
#ifndef GANTRY_API_ACCESS_H
#define GANTRY_API_ACCESS_H

#include <stdbool.h>
#include <stdint.h>
#include "api/route.h"
#include "base/err.h"

struct limits;
struct audit;
struct options;

/* `listen` as given to the server. Refuses an address that others can reach while there is no
 * account, saying how to make one (ERR_USAGE). */
struct access *access_new(struct api *api, const char *listen, struct err *err) CHECK_RESULT;
/* Writes what the audit log still waits for. NULL is fine. */
void access_free(struct access *a);
/* The token of the printed URL; NULL when accounts are used. */
const char *access_token(const struct access *a);

/* Fill q->who (role ROLE_NONE: nobody known). False (with reply_status) for a request that is
 * refused whoever it is: a foreign Host header on loopback, too many attempts. `ip` is the peer. */
bool access_who(struct request *q, struct reply *r, const char *ip, struct err *err) CHECK_RESULT;
/* May q->who use q->route? Also the CSRF token of writes. False: err and reply_status 401 or 403.
 */
bool access_may(struct request *q, struct reply *r, struct err *err) CHECK_RESULT;
/* Did a page of this server send it, or no browser at all? */
bool access_same_origin(const struct request *q);
/* Of an answer without an end: has q->who still the rights it had? */
bool access_still(const struct request *q);
/* A page (GET of something outside /api): *ret_done when the reply is complete already (the token
 * was taken, cookie and redirect; or refused). */
bool access_page(struct request *q, struct reply *r, bool *ret_done, struct err *err) CHECK_RESULT;
/* After a write was answered: the audit log. */
void access_audit(struct request *q, int status);

/* Has q->who the rights on this project that q->route needs? False: ERR_NOTHING as if there were no
 * such project, or ERR_PERM for who may only look. */
bool access_project(struct request *q, int64_t project, struct err *err) CHECK_RESULT;
/* May he see it? Without an error, for lists. */
bool access_sees(const struct who *who, int64_t project);
/* What belongs to no project (options, batches, new projects) is for accounts that are not kept to
 * some: ERR_PERM. */
bool access_everywhere(const struct request *q, struct err *err) CHECK_RESULT;

/* Folders below which q->who may open projects: the option `roots`, his projects' folders, and the
 * user's own home on a loopback server without accounts. A new array of texts. */
json_t *access_roots(struct request *q, struct err *err) CHECK_RESULT;
/* `path` with links resolved when it lies below one of them (confine_path). Caller frees. */
char *access_folder(struct request *q, const char *path, struct err *err) CHECK_RESULT;

/* --- between access.c and the routes of sessions and accounts --- */

/* Are there accounts? Then the token counts no more. */
bool access_accounts(struct api *api, bool *ret, struct err *err) CHECK_RESULT;
struct limits *access_limits(struct access *a);
/* config.ini as it is now (half a second late). */
const struct options *access_options(const struct access *a);
struct audit *access_log(struct access *a);
int *access_passwords(struct access *a); /* how many are being checked */
/* Begin a session of `user` (0: of the token): a fresh cookie, whatever cookie came. q->who is
 * filled as the next request will have it. */
bool access_enter(struct request *q, struct reply *r, int64_t user, struct err *err) CHECK_RESULT;
/* End it. */
bool access_leave(struct request *q, struct reply *r, struct err *err) CHECK_RESULT;
/* Digest of the session's cookie, "" without one: `ret` of SECRET_HEX bytes. */
void access_session_hash(const struct request *q, char *ret);
bool access_is_token(const struct access *a, const char *text);

#endif
