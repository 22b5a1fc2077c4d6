/* engine/op-access: accounts, rights on projects, sessions and the audit log as operations do them
 * (DESIGN 8: roles, rights per project, who did what). */
#include "test.h"

#include <stdio.h>
#include <unistd.h>
#include "engine/op.h"
#include "os/file.h"

#define HASH "$argon2id$v=19$m=65536,t=2,p=1$bm8gcGFzc3dvcmQgaGFzIA$AAAA"

struct fixture {
    char *home;
    struct store *store;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct err err = {0};
    f.home = test_folder("access");
    f.store = store_open(f.home, STORE_WRITE, &err);
    assert_ok(f.store != NULL, err);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    store_close(f->store);
    assert_ok(file_remove_tree(f->home, &err), err);
    mem_free(f->home);
    return 0;
}

/* An operation on its own, as op_call does it (which needs a whole engine). */
static bool call(struct fixture *f, const char *name, json_t *args, struct err *err)
{
    json_t *answer = NULL;
    const struct op *op = ops_access;
    while (op->name && strcmp(op->name, name) != 0) {
        op++;
    }
    assert_non_null(op->name);
    assert_non_null(args);
    assert_ok(store_begin(f->store, err), *err);
    bool ok = op->run(NULL, f->store, args, &answer, err);
    if (ok) {
        assert_ok(store_commit(f->store, err), *err);
    } else {
        store_rollback(f->store);
    }
    json_decref(answer);
    json_decref(args);
    return ok;
}

static int64_t count(struct fixture *f, const char *sql)
{
    struct err err = {0};
    int64_t n = -1;
    assert_ok(store_int(f->store, -1, &n, &err, sql, ""), err);
    return n;
}

static void t_accounts(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_ok(call(f, "user.add",
                   json_pack("{s:s,s:s,s:s,s:{s:s,s:s}}", "name", "anna", "hash", HASH, "role",
                             "admin", "by", "user", "root", "ip", "10.0.0.1"),
                   &err),
              err);
    assert_false(
        call(f, "user.add", json_pack("{s:s,s:s}", "name", "ANNA", "role", "viewer"), &err));
    assert_int_equal(err.code, ERR_EXISTS);
    assert_false(
        call(f, "user.add", json_pack("{s:s,s:s}", "name", "b b", "role", "viewer"), &err));
    assert_false(call(f, "user.add", json_pack("{s:s,s:s}", "name", "b", "role", "king"), &err));
    assert_false(call(f, "user.add", json_pack("{s:s,s:s}", "name", "b", "hash", "plain"), &err));
    assert_ok(call(f, "user.add", json_pack("{s:s,s:s}", "name", "bob", "role", "viewer"), &err),
              err);
    /* nobody locks the house behind himself */
    assert_false(call(f, "user.rm", json_pack("{s:s}", "name", "anna"), &err));
    assert_non_null(strstr(err.text, "last admin"));
    assert_false(
        call(f, "user.set", json_pack("{s:s,s:s}", "name", "anna", "role", "viewer"), &err));
    assert_false(call(f, "user.set", json_pack("{s:s,s:b}", "name", "anna", "disabled", 1), &err));
    assert_int_equal(count(f, "SELECT count(*) FROM user WHERE role='admin' AND disabled=0"), 1);
    assert_ok(call(f, "user.set", json_pack("{s:s,s:s}", "name", "bob", "role", "admin"), &err),
              err);
    assert_ok(call(f, "user.rm", json_pack("{s:s}", "name", "anna"), &err), err);
    assert_int_equal(count(f,
                           "SELECT count(*) FROM audit WHERE what='user.add' AND user='root' "
                           "AND ip='10.0.0.1' AND detail LIKE 'anna role=%admin%'"),
                     1);
    assert_int_equal(count(f, "SELECT count(*) FROM audit WHERE detail LIKE '%argon%'"), 0);
}

static void t_rights(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_ok(store_exec(f->store, &err,
                         "INSERT INTO project(id,name,root,rec,attempts,created_us) "
                         "VALUES(7,'p','/d/p','/d/p_rec','/d/p/.gantry',1)",
                         ""),
              err);
    assert_ok(call(f, "user.add",
                   json_pack("{s:s,s:s,s:[{s:s,s:s}]}", "name", "vera", "role", "viewer",
                             "projects", "project", "p", "role", "operator"),
                   &err),
              err);
    assert_int_equal(count(f,
                           "SELECT count(*) FROM user_project WHERE project_id=7 AND "
                           "role='operator'"),
                     1);
    assert_int_equal(count(f, "SELECT everywhere FROM user WHERE name='vera'"), 0);
    assert_false(
        call(f, "user.set", json_pack("{s:s,s:[s]}", "name", "vera", "projects", "nowhere"), &err));
    assert_false(
        call(f, "user.set", json_pack("{s:s,s:s}", "name", "vera", "role", "admin"), &err));
    assert_ok(call(f, "user.set", json_pack("{s:s,s:[i]}", "name", "vera", "projects", 7), &err),
              err);
    assert_int_equal(count(f, "SELECT count(*) FROM user_project WHERE role='viewer'"), 1);
    assert_ok(call(f, "user.set", json_pack("{s:s,s:n}", "name", "vera", "projects"), &err), err);
    assert_int_equal(count(f, "SELECT everywhere FROM user WHERE name='vera'"), 1);
    assert_int_equal(count(f, "SELECT count(*) FROM user_project"), 0);
}

static void t_sessions_end_with_what_they_rest_on(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    int64_t id = count(f, "SELECT id FROM user WHERE name='bob'");
    assert_true(id > 0);
    for (int i = 0; i < 3; i++) {
        static const char *const hash[] = {"h0", "h1", "h2"};
        assert_ok(call(f, "session.add",
                       json_pack("{s:s,s:I,s:s,s:i}", "hash", hash[i], "user", (json_int_t)id, "ip",
                                 "::1", "hours", 1),
                       &err),
                  err);
    }
    /* signing in again with an old cookie replaces that session */
    assert_ok(call(f, "session.add",
                   json_pack("{s:s,s:I,s:s,s:s}", "hash", "h3", "user", (json_int_t)id, "ip", "",
                             "replaces", "h0"),
                   &err),
              err);
    assert_int_equal(count(f, "SELECT count(*) FROM session WHERE hash='h0'"), 0);
    assert_ok(call(f, "session.rm", json_pack("{s:s}", "hash", "h1"), &err), err);
    assert_int_equal(count(f, "SELECT count(*) FROM session"), 2);
    assert_ok(call(f, "user.passwd",
                   json_pack("{s:s,s:s,s:s}", "name", "bob", "hash", HASH, "keep", "h3"), &err),
              err);
    assert_int_equal(count(f, "SELECT count(*) FROM session WHERE hash='h3'"), 1);
    assert_int_equal(count(f, "SELECT count(*) FROM session"), 1);
    assert_ok(store_exec(f->store, &err, "UPDATE session SET expires_us=5", ""), err);
    assert_ok(call(f, "session.add", json_pack("{s:s,s:s}", "hash", "h4", "ip", ""), &err), err);
    assert_int_equal(count(f, "SELECT count(*) FROM session WHERE user_id IS NULL"), 1);
    assert_int_equal(count(f, "SELECT count(*) FROM session"), 1); /* what expired is swept */
    assert_ok(call(f, "session.seen", json_pack("{s:s,s:i}", "hash", "h4", "hours", 48), &err),
              err);
    assert_int_equal(count(f, "SELECT (expires_us-seen_us)/3600000000 FROM session"), 48);
}

static void t_audit(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_ok(call(f, "audit.add",
                   json_pack("{s:[{s:s,s:s,s:s,s:s,s:i},{s:s}]}", "rows", "user", "anna", "ip",
                             "10.0.0.9", "what", "POST /x", "outcome", "permission", "project", 7,
                             "what", "login"),
                   &err),
              err);
    assert_int_equal(count(f,
                           "SELECT count(*) FROM audit WHERE ip='10.0.0.9' AND project_id=7 AND "
                           "outcome='permission' AND t_us>0"),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_accounts),
        cmocka_unit_test(t_rights),
        cmocka_unit_test(t_sessions_end_with_what_they_rest_on),
        cmocka_unit_test(t_audit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
