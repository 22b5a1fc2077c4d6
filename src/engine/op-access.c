/*
 * Operations on accounts, sessions and the audit log. Passwords arrive as hashes: whoever asks has
 * made them in a process of its own. `by` {"user", "ip"} in the arguments writes who did it, in the
 * same transaction.
 */
#include "engine/op.h"

#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/project.h"
#include "model/account.h"

#define HOUR_US ((int64_t)3600 * 1000000)
#define AUDIT_KEEP 200000 /* rows; the oldest go */
#define AUDIT_SWEEP 1000  /* rows between two looks */

static bool answer_new(json_t **ret, struct err *err)
{
    *ret = json_object();
    return *ret || err_set(err, ERR_NOMEM, "out of memory");
}

static bool check_hash(const char *hash, struct err *err)
{
    return !*hash || str_starts(hash, "$argon2id$") ||
        err_set(err, ERR_USAGE, "that is no hash of a password");
}

static bool user_id(struct store *s, const char *name, int64_t *ret, struct err *err)
{
    return store_int(s, 0, ret, err, "SELECT id FROM user WHERE name=?1", "s", name) &&
        (*ret || err_set(err, ERR_NOTHING, "there is no account '%s' (gantry user ls)", name));
}

/* The row of the audit log: the account, and what was set of it. */
static bool note(struct store *s, const json_t *args, const char *what, struct err *err)
{
    static const char *const told[] = {"role", "disabled", "projects"};
    const json_t *by = json_object_get(args, "by");
    struct str detail = STR_INIT;
    bool ok = true;
    if (!by) {
        return true;
    }
    str_add(&detail, json_get_text(args, "name", ""));
    for (size_t i = 0; ok && i < sizeof told / sizeof told[0]; i++) {
        const json_t *value = json_object_get(args, told[i]);
        char *text = value ? json_text(value, err) : NULL;
        ok = !value || text;
        if (text) {
            str_addf(&detail, " %s=%s", told[i], text);
        }
        mem_free(text);
    }
    ok = ok && str_ok(&detail, err) &&
        store_exec(s, err,
                   "INSERT INTO audit(t_us,user,ip,what,outcome,detail) "
                   "VALUES(?1,?2,?3,?4,'ok',?5)",
                   "issss", clock_utc_us(), json_get_text(by, "user", ""),
                   json_get_text(by, "ip", ""), what, str_text(&detail));
    str_fini(&detail);
    return ok;
}

/* One entry of "projects": a name, a number, or {"project": either, "role": word}. */
static bool grant(struct store *s, int64_t user, const json_t *entry, const char *fallback,
                  struct err *err)
{
    const json_t *which = json_is_object(entry) ? json_object_get(entry, "project") : entry;
    const char *role = json_is_object(entry) ? json_get_text(entry, "role", fallback) : fallback;
    struct project p = {0};
    if (!strcmp(role, "admin") && json_is_object(entry) && json_object_get(entry, "role")) {
        return err_set(err, ERR_USAGE, "in a project an account is viewer or operator");
    }
    role = !strcmp(role, "admin") ? "operator" : role;
    bool ok = account_check_role(role, err) &&
        (json_is_integer(which)
             ? project_by_id(s, json_integer_value(which), &p, err)
             : project_by_name(s, json_is_string(which) ? json_string_value(which) : "", &p, err));
    ok = ok &&
        store_exec(s, err,
                   "INSERT OR REPLACE INTO user_project(user_id,project_id,role) "
                   "VALUES(?1,?2,?3)",
                   "iis", user, p.id, role);
    project_fini(&p);
    return ok;
}

/* "projects": null = all of them; a list = these and no other. */
static bool grant_all(struct store *s, int64_t user, const json_t *projects, const char *role,
                      struct err *err)
{
    const json_t *entry;
    size_t i;
    if (!projects) {
        return true;
    }
    if (!json_is_null(projects) && !json_is_array(projects)) {
        return err_set(err, ERR_USAGE, "projects is a list, or null for all");
    }
    bool ok = store_exec(s, err, "DELETE FROM user_project WHERE user_id=?1", "i", user) &&
        store_exec(s, err, "UPDATE user SET everywhere=?2 WHERE id=?1", "ii", user,
                   (int64_t)json_is_null(projects));
    json_array_foreach(projects, i, entry)
    {
        ok = ok && grant(s, user, entry, role, err);
    }
    return ok;
}

/* An administrator of the whole house cannot be kept out of a project. */
static bool check_admin(struct store *s, int64_t user, struct err *err)
{
    int64_t odd = 0;
    return store_int(s, 0, &odd, err,
                     "SELECT count(*) FROM user WHERE id=?1 AND role='admin' AND everywhere=0", "i",
                     user) &&
        (!odd ||
         err_set(err, ERR_USAGE,
                 "an admin sees every project: give the role operator or viewer with projects"));
}

/* {"name", "hash"?, "role"?, "projects"?, "by"?} -> {"id", "name"} */
static bool op_user_add(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                        struct err *err)
{
    const char *name = json_get_text(args, "name", ""), *hash = json_get_text(args, "hash", ""),
               *role = json_get_text(args, "role", "viewer");
    int64_t taken = 0, id;
    (void)e;
    if (!account_check_name(name, err) || !account_check_role(role, err) ||
        !check_hash(hash, err) ||
        !store_int(s, 0, &taken, err, "SELECT count(*) FROM user WHERE name=?1", "s", name)) {
        return false;
    }
    if (taken) {
        return err_set(err, ERR_EXISTS, "there is an account '%s' already (gantry user set)", name);
    }
    if (!store_exec(s, err, "INSERT INTO user(name,hash,role,created_us) VALUES(?1,?2,?3,?4)",
                    "sssi", name, hash, role, clock_utc_us())) {
        return false;
    }
    id = store_last_id(s);
    return grant_all(s, id, json_object_get(args, "projects"), role, err) &&
        check_admin(s, id, err) && note(s, args, "user.add", err) && answer_new(ret, err) &&
        json_put(*ret, "id", json_integer(id), err) &&
        json_put(*ret, "name", json_string(name), err);
}

/* Nobody locks the house behind himself: while accounts exist, one of them is an admin. */
static bool check_last_admin(struct store *s, const char *name, struct err *err)
{
    int64_t others = 0, admins = 0;
    return store_int(s, 0, &others, err, "SELECT count(*) FROM user WHERE disabled=0", "") &&
        store_int(s, 0, &admins, err, "SELECT count(*) FROM user WHERE disabled=0 AND role='admin'",
                  "") &&
        (!others || admins ||
         err_set(err, ERR_USAGE,
                 "'%s' is the last admin: make another first (gantry user set NAME --role admin)",
                 name));
}

static bool was_admin(struct store *s, int64_t id, bool *ret, struct err *err)
{
    int64_t n = 0;
    bool ok =
        store_int(s, 0, &n, err,
                  "SELECT count(*) FROM user WHERE id=?1 AND role='admin' AND disabled=0", "i", id);
    *ret = n > 0;
    return ok;
}

/* Sessions of an account whose password or state changed are over; `but` (a hash) stays. */
static bool end_sessions(struct store *s, int64_t id, const char *but, struct err *err)
{
    return store_exec(s, err, "DELETE FROM session WHERE user_id=?1 AND hash<>?2", "is", id, but);
}

/* {"name", "role"?, "disabled"?, "projects"?, "by"?} -> {"name"} */
static bool op_user_set(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                        struct err *err)
{
    const char *name = json_get_text(args, "name", ""), *role = json_get_text(args, "role", NULL);
    const json_t *disabled = json_object_get(args, "disabled"),
                 *projects = json_object_get(args, "projects");
    int64_t id = 0;
    bool admin = false;
    char *now = NULL;
    (void)e;
    bool ok = user_id(s, name, &id, err) && (!role || account_check_role(role, err)) &&
        was_admin(s, id, &admin, err);
    if (ok && role) {
        ok = store_exec(s, err, "UPDATE user SET role=?2 WHERE id=?1", "is", id, role);
    }
    if (ok && json_is_boolean(disabled)) {
        ok = store_exec(s, err, "UPDATE user SET disabled=?2 WHERE id=?1", "ii", id,
                        (int64_t)json_is_true(disabled)) &&
            (!json_is_true(disabled) || end_sessions(s, id, "", err));
    }
    ok = ok && store_text(s, &now, err, "SELECT role FROM user WHERE id=?1", "i", id) &&
        grant_all(s, id, projects, now ? now : "viewer", err) && check_admin(s, id, err) &&
        (!admin || check_last_admin(s, name, err)) && note(s, args, "user.set", err) &&
        answer_new(ret, err) && json_put(*ret, "name", json_string(name), err);
    mem_free(now);
    return ok;
}

/* {"name", "hash", "keep"?: hash of the session that stays, "by"?} -> {"name"} */
static bool op_user_passwd(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                           struct err *err)
{
    const char *name = json_get_text(args, "name", ""), *hash = json_get_text(args, "hash", "");
    int64_t id = 0;
    (void)e;
    return user_id(s, name, &id, err) && check_hash(hash, err) &&
        store_exec(s, err, "UPDATE user SET hash=?2 WHERE id=?1", "is", id, hash) &&
        end_sessions(s, id, json_get_text(args, "keep", ""), err) &&
        note(s, args, "user.passwd", err) && answer_new(ret, err) &&
        json_put(*ret, "name", json_string(name), err);
}

/* {"name", "by"?} -> {"name"} */
static bool op_user_remove(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                           struct err *err)
{
    const char *name = json_get_text(args, "name", "");
    int64_t id = 0;
    bool admin = false;
    (void)e;
    return user_id(s, name, &id, err) && was_admin(s, id, &admin, err) &&
        end_sessions(s, id, "", err) &&
        store_exec(s, err, "DELETE FROM user_project WHERE user_id=?1", "i", id) &&
        store_exec(s, err, "DELETE FROM user WHERE id=?1", "i", id) &&
        (!admin || check_last_admin(s, name, err)) && note(s, args, "user.rm", err) &&
        answer_new(ret, err) && json_put(*ret, "name", json_string(name), err);
}

/* {"hash", "user"?: id, "ip", "hours", "replaces"?: hash} -> {}. What has expired goes too. */
static bool op_session_add(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                           struct err *err)
{
    int64_t now = clock_utc_us(), hours = json_get_int(args, "hours", 24);
    (void)e;
    (void)ret;
    return store_exec(s, err, "DELETE FROM session WHERE expires_us<?1 OR hash=?2", "is", now,
                      json_get_text(args, "replaces", "")) &&
        store_exec(s, err,
                   "INSERT INTO session(hash,user_id,ip,created_us,seen_us,expires_us) "
                   "VALUES(?1,nullif(?2,0),?3,?4,?4,?5)",
                   "sisii", json_get_text(args, "hash", ""), json_get_int(args, "user", 0),
                   json_get_text(args, "ip", ""), now, now + hours * HOUR_US);
}

/* {"hash", "hours"} -> {}: it is used, so it stays. */
static bool op_session_seen(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                            struct err *err)
{
    int64_t now = clock_utc_us();
    (void)e;
    (void)ret;
    return store_exec(s, err, "UPDATE session SET seen_us=?2, expires_us=?3 WHERE hash=?1", "sii",
                      json_get_text(args, "hash", ""), now,
                      now + json_get_int(args, "hours", 24) * HOUR_US);
}

/* {"hash"} -> {} */
static bool op_session_remove(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                              struct err *err)
{
    (void)e;
    (void)ret;
    return store_exec(s, err, "DELETE FROM session WHERE hash=?1", "s",
                      json_get_text(args, "hash", ""));
}

/* {"rows": [{"t_us", "user", "ip", "what", "outcome", "project"?, "detail"}]} -> {} */
static bool op_audit_add(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                         struct err *err)
{
    const json_t *row;
    size_t i;
    bool ok = true;
    (void)e;
    (void)ret;
    json_array_foreach(json_object_get(args, "rows"), i, row)
    {
        ok = ok &&
            store_exec(s, err,
                       "INSERT INTO audit(t_us,user,ip,what,outcome,project_id,detail) "
                       "VALUES(?1,?2,?3,?4,?5,nullif(?6,0),?7)",
                       "issssis", json_get_int(row, "t_us", clock_utc_us()),
                       json_get_text(row, "user", ""), json_get_text(row, "ip", ""),
                       json_get_text(row, "what", ""), json_get_text(row, "outcome", "ok"),
                       json_get_int(row, "project", 0), json_get_text(row, "detail", ""));
        if (ok && store_last_id(s) % AUDIT_SWEEP == 0) {
            ok = store_exec(s, err, "DELETE FROM audit WHERE id<=?1", "i",
                            store_last_id(s) - AUDIT_KEEP);
        }
    }
    return ok;
}

const struct op ops_access[] = {
    {"user.add", op_user_add},
    {"user.set", op_user_set},
    {"user.passwd", op_user_passwd},
    {"user.rm", op_user_remove},
    {"session.add", op_session_add},
    {"session.seen", op_session_seen},
    {"session.rm", op_session_remove},
    {"audit.add", op_audit_add},
    {NULL, NULL},
};
