/*
 * Who asks, and may he. The router calls these in order for every request: access_who, then for a
 * route access_may, for a page access_page. Routes ask access_project() for what they touch.
 */
#ifndef GANTRY_API_ACCESS_H
#define GANTRY_API_ACCESS_H

#include <stdbool.h>
#include <stdint.h>
#include "api/route.h"
#include "base/err.h"

/* `listen` as given to the server. Refuses an address that others can reach while there is no
 * account, saying how to make one (ERR_USAGE). */
struct access *access_new(struct api *api, const char *listen, struct err *err) CHECK_RESULT;
void access_free(struct access *a);
/* The token of the printed URL; NULL when accounts are used. */
const char *access_token(const struct access *a);

/* Fill q->who (role ROLE_NONE: nobody known). False (with reply_status) for a request that is
 * refused whoever it is: a foreign Host header on loopback, too many attempts. `ip` is the peer. */
bool access_who(struct request *q, struct reply *r, const char *ip, struct err *err) CHECK_RESULT;
/* May q->who use q->route? Also the CSRF token of writes. False: err and reply_status 401 or 403.
 */
bool access_may(struct request *q, struct reply *r, struct err *err) CHECK_RESULT;
/* A page (GET of something outside /api): *ret_done when the reply is complete already (the token
 * was taken, cookie and redirect; or refused). */
bool access_page(struct request *q, struct reply *r, bool *ret_done, struct err *err) CHECK_RESULT;
/* After a write was answered: the audit log. */
void access_audit(struct request *q, int status);

/* Has q->who rights on this project? False: ERR_NOTHING, as if there were no such project. */
bool access_project(struct request *q, int64_t project, struct err *err) CHECK_RESULT;
/* The same without an error, for lists. */
bool access_sees(const struct who *who, int64_t project);

#endif
