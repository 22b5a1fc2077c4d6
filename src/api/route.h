/*
 * What a route of the API is, and what it may use.
 *
 * To add routes: a file src/api/route-X.c that defines `const struct route routes_X[]` (ending with
 * a row whose method is NULL), and the word X in src/api/meson.build. Parameter checks, rights, the
 * OpenAPI document and the answer to a wrong method all follow from the table.
 *
 * Before run() is called: the caller is known and has the role `need` (access.h), the body is JSON,
 * and every query and body field is one of `params` and of its type. run() fills the reply and
 * returns true, or returns false with `err`: that becomes a problem (RFC 9457) with the status of
 * err-codes.h, unless reply_status() said another. Nothing here may block longer than a small
 * SQLite transaction: what takes long is a child (child.h) and is answered later.
 *
 * Reads use q->api->store; writes go through request_op(), never through SQL of one's own.
 */
#ifndef GANTRY_API_ROUTE_H
#define GANTRY_API_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

#define ROUTE_PARTS 4 /* most {..} in a path */

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN };

struct engine;
struct loop;
struct hub;
struct http;
struct access;
struct api_child;
struct look_pool;
struct upload;
struct volume_making;

/* What every route can reach. */
/* Folder in the home for tables on their way; emptied when a server starts. */
#define API_RESULTS "results"

struct api {
    struct engine *engine;
    struct store *store; /* the engine's own connection */
    struct loop *loop;
    const char *home;
    struct hub *hub;
    struct http *http;
    struct access *access;
    const char *webroot; /* folder to serve the page from instead of the embedded one; NULL */
    int64_t started_us;
    char run_as[64]; /* the engine's user, as whom tools run; asked once: a directory may be slow */
    char boot[24];   /* tells this start of the server from others: part of the event ids */
    struct api_end *ends;          /* api_at_end */
    struct api_child *children;    /* child.c */
    struct look_pool *look;        /* look.c; NULL until somebody looks */
    struct lists *lists;           /* lists.c; NULL until a list is asked for */
    struct watches *watches;       /* watches.c */
    struct recent *recent;         /* recent.c */
    struct volume_making *volumes; /* volumes.c: those that are being made */
};

/* Called once when the server stops, before the engine leaves (last registered, first called). */
bool api_at_end(struct api *api, void (*fn)(void *arg), void *arg, struct err *err) CHECK_RESULT;

/* Who asks. */
struct who {
    int64_t user; /* row of the account; 0: the holder of the token of a loopback server */
    char name[64];
    enum role role;
    char ip[64];
    bool all_projects;
    int64_t *projects; /* those with rights, when not all; access.c's */
    size_t n_projects;
    char csrf[72];    /* what X-CSRF-Token must say on writes; "" = none is asked for */
    char session[72]; /* digest of its cookie; "" = there is none */
    bool proxied;     /* signed in by a trusted proxy, not here */
    bool secure; /* the browser speaks TLS, as a trusted proxy says: the cookie is for TLS only */
};

enum param_in { IN_QUERY, IN_BODY };
enum param_type { P_TEXT, P_INT, P_NUMBER, P_BOOL, P_IDS, P_TEXTS, P_ARRAY, P_OBJECT, P_ANY };

/* Tables end with a row whose name is NULL. The name "*" (last) stands for any further field. */
struct route_param {
    enum param_in in;
    const char *name;
    enum param_type type;
    bool required; /* without it: 400. In the body, null counts as given only for P_ANY */
    const char *help;
};

struct request;
struct reply;

#define ROUTE_NO_CSRF 1U /* a write that anybody may send without X-CSRF-Token (login) */
#define ROUTE_RAW 2U     /* the body is a file, of any size: it is in q->upload (upload.h) */

struct route { /* NOLINT(clang-analyzer-optin.performance.Padding): tables read in this order */
    const char *method; /* GET (answers HEAD too), POST, PUT, PATCH, DELETE */
    const char *path;   /* "/api/v1/items/{id}" */
    enum role need;
    const char *summary;              /* one line for the OpenAPI document */
    const struct route_param *params; /* NULL: none */
    bool (*run)(struct request *q, struct reply *r, struct err *err);
    unsigned rules; /* ROUTE_* */
};

/* Made by Meson from the words in meson.build; NULL-terminated. */
extern const struct route *const route_tables[];

/* --- the request
 * ----------------------------------------------------------------------------------------------------
 */

struct request {
    const char *method;           /* "HEAD" stays "HEAD" */
    const char *path;             /* as it came, still percent-encoded, without the query */
    const struct route *route;    /* NULL for pages */
    char *parts[ROUTE_PARTS + 1]; /* values of {..} in order, decoded */
    json_t *body;                 /* an object, {} when none came */
    struct who who;
    struct api *api;
    struct upload *upload; /* the body of a ROUTE_RAW; NULL else */
    struct request_in *in; /* http.c's */
};

/* Query fields. The fallback when missing; their types were checked against the table. */
const char *request_text(const struct request *q, const char *name, const char *fallback);
int64_t request_int(const struct request *q, const char *name, int64_t fallback);
double request_number(const struct request *q, const char *name, double fallback);
bool request_bool(const struct request *q, const char *name, bool fallback); /* 1, true, yes, "" */
bool request_has(const struct request *q, const char *name);
/* The i-th part of the path as a positive number; ERR_NOTHING (404) when it is none. */
bool request_id(const struct request *q, size_t i, int64_t *ret, struct err *err) CHECK_RESULT;
/* A header (any letter case) or a cookie; NULL when it did not come. */
const char *request_header(const struct request *q, const char *name);
const char *request_cookie(const struct request *q, const char *name);
/* One operation of the engine (engine/op.h); `args` is borrowed. The answer is a new reference. */
json_t *request_op(struct request *q, const char *op, const json_t *args,
                   struct err *err) CHECK_RESULT;

/* --- the reply. Each returns false only when memory is out.
 * ----------------------------------------------------------------------------------------------------
 */

/* Takes the reference of `value`; NULL is "out of memory". Sent compact, gzipped where asked for;
 * answers a matching If-None-Match with 304 (the tag is made from the text). */
bool reply_json(struct reply *r, int status, json_t *value, struct err *err) CHECK_RESULT;
/* The same from text that is JSON already; takes `text` (mem_free). */
bool reply_json_text(struct reply *r, int status, char *text, struct err *err) CHECK_RESULT;
/* Bytes of any type. `etag` without quotes, NULL = none. reply_bytes copies, reply_take takes
 * (mem_free), reply_static borrows for ever. Text is gzipped where asked for, pictures are not. */
bool reply_bytes(struct reply *r, const char *type, const void *bytes, size_t n, const char *etag,
                 struct err *err) CHECK_RESULT;
bool reply_take(struct reply *r, const char *type, void *bytes, size_t n, const char *etag,
                struct err *err) CHECK_RESULT;
bool reply_static(struct reply *r, const char *type, const void *bytes, size_t n, const char *etag,
                  struct err *err) CHECK_RESULT;
/* `n` bytes of a file from `offset`; takes `fd` (also a memfd). Range requests are answered. */
bool reply_fd(struct reply *r, const char *type, int fd, int64_t offset, int64_t n,
              const char *etag, struct err *err) CHECK_RESULT;
bool reply_redirect(struct reply *r, const char *location, struct err *err) CHECK_RESULT; /* 303 */
/* One more header. "Cache-Control: no-store" stands unless another is given. */
bool reply_header(struct reply *r, const char *name, const char *value,
                  struct err *err) CHECK_RESULT;
/* The status of this reply, or of the problem when run() fails (401, 404, 409, 429, ...). */
void reply_status(struct reply *r, int status);
/* Refused for want of rights: the status and ERR_PERM with the reason. Always false. */
bool reply_refuse(struct reply *r, int status, struct err *err, const char *why);
/* One more member of the problem's object (the rows that block a run); takes the reference. */
bool reply_detail(struct reply *r, const char *key, json_t *value, struct err *err) CHECK_RESULT;

/* --- answers that come later
 * ----------------------------------------------------------------------------------------------------
 *
 * run() calls reply_later(), starts what it needs, and returns true. The connection rests
 * meanwhile. Then exactly one of these happens: you fill the reply of later_reply() and call
 * later_done(); you call later_fail(); or the client goes (or the server stops) and `gone` is
 * called, after which the token is invalid. later_done() and later_fail() may be called from within
 * run().
 */
struct later;
struct later *reply_later(struct reply *r, void (*gone)(void *arg), void *arg,
                          struct err *err) CHECK_RESULT;
struct request *later_request(struct later *l);
struct reply *later_reply(struct later *l);
void later_done(struct later *l);
void later_fail(struct later *l, const struct err *err);

#endif
