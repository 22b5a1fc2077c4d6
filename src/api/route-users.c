/* Accounts. Admins only. */
#include <string.h>
#include "api/access.h"
#include "api/events.h"
#include "api/passwd.h"
#include "api/route.h"
#include "base/mem.h"

static bool list(struct request *q, struct reply *r, struct err *err)
{
    json_t *rows = store_rows(
        q->api->store, err,
        "SELECT u.name, u.role, u.disabled AS disabled_bool, u.hash<>'' AS password_bool, "
        "u.everywhere AS everywhere_bool, u.created_us, "
        "(SELECT max(seen_us) FROM session WHERE user_id=u.id) AS seen_us, "
        "(SELECT json_group_array(json_object('project',up.project_id,'name',p.name,'role',"
        "up.role)) FROM user_project up JOIN project p ON p.id=up.project_id WHERE "
        "up.user_id=u.id) AS projects_json FROM user u ORDER BY u.name",
        "");
    return rows && reply_json(r, 200, rows, err);
}

/* What a change with a new password does once that was hashed. */
struct change {
    struct later *later;
    struct passwd_job *job;
    const char *op; /* user.add, or user.set behind user.passwd */
};

/* The body without the password is what the operations take. */
static json_t *op_args(const struct request *q, const char *hash, struct err *err)
{
    json_t *args = json_copy(q->body);
    bool ok = args || err_set(err, ERR_NOMEM, "out of memory");
    if (ok) {
        (void)json_object_del(args, "password");
    }
    ok = ok && (!q->parts[0] || json_put(args, "name", json_string(q->parts[0]), err)) &&
        (!hash || json_put(args, "hash", json_string(hash), err));
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

static bool apply(struct request *q, struct reply *r, const char *op, const char *hash,
                  struct err *err)
{
    json_t *args = op_args(q, hash, err), *first = NULL, *answer = NULL;
    bool ok = args != NULL;
    if (ok && hash && strcmp(op, "user.add") != 0) {
        ok = (first = request_op(q, "user.passwd", args, err)) != NULL;
    }
    ok = ok && (answer = request_op(q, op, args, err)) != NULL;
    hub_recheck(q->api->hub);
    ok = ok && reply_json(r, 200, answer, err);
    json_decref(first);
    json_decref(args);
    return ok;
}

static void gone(void *arg)
{
    struct change *c = arg;
    passwd_drop(c->job);
    mem_free(c);
}

static void hashed(void *arg, bool right, const char *hash, const struct err *failed)
{
    struct change *c = arg;
    struct later *later = c->later;
    const char *op = c->op;
    struct err err = *failed;
    (void)right;
    mem_free(c);
    if (err.code == ERR_NONE && apply(later_request(later), later_reply(later), op, hash, &err)) {
        later_done(later);
    } else {
        later_fail(later, &err);
    }
}

static bool with_password(struct request *q, struct reply *r, const char *op, struct err *err)
{
    const char *password = json_get_text(q->body, "password", NULL);
    if (!password) {
        return apply(q, r, op, NULL, err);
    }
    if (!passwd_check_new(password, err)) {
        return false;
    }
    struct change *c = mem_zero(sizeof *c, err);
    if (!c) {
        return false;
    }
    c->op = op;
    c->job = passwd_start(q->api, password, NULL, hashed, c, err);
    c->later = c->job ? reply_later(r, gone, c, err) : NULL;
    if (!c->later) {
        passwd_drop(c->job);
        mem_free(c);
        return false;
    }
    return true;
}

static bool add(struct request *q, struct reply *r, struct err *err)
{
    return with_password(q, r, "user.add", err);
}

static bool set(struct request *q, struct reply *r, struct err *err)
{
    return with_password(q, r, "user.set", err);
}

static bool drop(struct request *q, struct reply *r, struct err *err)
{
    return apply(q, r, "user.rm", NULL, err);
}

static const struct route_param add_params[] = {
    {IN_BODY, "name", P_TEXT, true, "letters, digits and . _ - @"},
    {IN_BODY, "role", P_TEXT, true, "viewer, operator or admin"},
    {IN_BODY, "password", P_TEXT, false, "at least 10 characters; without: single sign-on only"},
    {IN_BODY, "projects", P_ANY, false,
     "null for all, or a list of names, numbers or {project, role}"},
    {IN_BODY, NULL, P_ANY, false, NULL},
};

static const struct route_param set_params[] = {
    {IN_BODY, "role", P_TEXT, false, "viewer, operator or admin"},
    {IN_BODY, "password", P_TEXT, false, "a new one; open sessions end"},
    {IN_BODY, "disabled", P_BOOL, false, "may not sign in"},
    {IN_BODY, "projects", P_ANY, false,
     "null for all, or a list of names, numbers or {project, role}"},
    {IN_BODY, NULL, P_ANY, false, NULL},
};

const struct route routes_users[] = {
    {"GET", "/api/v1/users", ROLE_ADMIN, "The accounts", NULL, list, false},
    {"POST", "/api/v1/users", ROLE_ADMIN, "Make an account", add_params, add, false},
    {"PATCH", "/api/v1/users/{name}", ROLE_ADMIN, "Change an account", set_params, set, false},
    {"DELETE", "/api/v1/users/{name}", ROLE_ADMIN, "Remove an account", NULL, drop, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
