/* Selectors over a store, status words, tags. */
#include "catalog-fixture.h"

#include "catalog/selector.h"

/* --- selectors and tags */

static void selects(struct fixture *f, const char *arg, const char *want)
{
    int64_t *ids = NULL;
    size_t n = 0;
    struct str got = STR_INIT;
    char *args[1] = {(char *)arg};
    assert_ok(selector_items(f->s, f->p.id, args, arg ? 1 : 0, SELECT_SCANS, &ids, &n, &f->err),
              f->err);
    for (size_t i = 0; i < n; i++) {
        char *name = NULL;
        assert_ok(
            store_text(f->s, &name, &f->err, "SELECT name FROM item WHERE id=?1", "i", ids[i]),
            f->err);
        str_addf(&got, "%s%s", i ? " " : "", name);
        mem_free(name);
    }
    assert_string_equal(str_text(&got), want);
    str_fini(&got);
    mem_free(ids);
}

static void refuses(struct fixture *f, const char *arg, enum err_code code)
{
    int64_t *ids = NULL;
    size_t n = 0;
    char *args[1] = {(char *)arg};
    assert_false(selector_items(f->s, f->p.id, args, 1, SELECT_SCANS, &ids, &n, &f->err));
    assert_int_equal(f->err.code, code);
    assert_true(!*arg || strstr(f->err.text, arg));
}

static void t_selectors(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    char *path = mem_printf(&f->err, "%s/s_2.h5", f->p.root);
    char *dir = mem_printf(&f->err, "%s/sub", f->p.root);
    add_scan(f, "s_2.h5", 4, 4);
    add_scan(f, "s_10.h5", 4, 4);
    add_scan(f, "s_1.h5", 4, 4);
    add_scan(f, "sub/t_7.h5", 4, 4);
    selects(f, NULL, "s_1.h5 s_2.h5 s_10.h5 sub/t_7.h5");
    selects(f, "s_*", "s_1.h5 s_2.h5 s_10.h5");
    selects(f, "t_?.h5", "sub/t_7.h5");
    selects(f, "s_2", "s_2.h5");
    selects(f, path, "s_2.h5");
    selects(f, dir, "sub/t_7.h5");
    selects(f, "sub/", "sub/t_7.h5");
    selects(f, "series:s", "s_1.h5 s_2.h5 s_10.h5");
    selects(f, "series:t", "sub/t_7.h5");
    selects(f, "scan:2-9", "s_2.h5 sub/t_7.h5");
    selects(f, "status:ready", "s_1.h5 s_2.h5 s_10.h5 sub/t_7.h5");
    refuses(f, "x*", ERR_NOTHING);
    refuses(f, "status:failed", ERR_NOTHING);
    refuses(f, "scan:a-b", ERR_USAGE);
    refuses(f, "id:", ERR_USAGE);
    refuses(f, "", ERR_USAGE);
    add_scan(f, "id:1", 4, 4);
    add_scan(f, "s_*", 4, 4);
    selects(f, "id:1", "id:1"); /* names win over prefixes and globs */
    selects(f, "s_*", "s_*");
    mem_free(path);
    mem_free(dir);
    close_fixture(f);
}

/* error:N are the members of a cause, status: also knows the state of the newest task. */
static void t_members_of_a_cause(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    add_scan(f, "s_1.h5", 4, 4);
    add_scan(f, "s_2.h5", 4, 4);
    add_scan(f, "s_3.h5", 4, 4);
    for (int i = 0; i < 2; i++) {
        assert_ok(store_exec(f->s, &f->err,
                             "INSERT INTO task(run_id,item_id,job,job_id,tool,state,cause_id) "
                             "VALUES(1,?1,0,'full','noop',?2,nullif(?3,0))",
                             "iii", id_of(f, i ? "s_3.h5" : "s_1.h5"), (int64_t)(i ? 5 : 7),
                             (int64_t)(i ? 0 : 2)),
                  f->err);
    }
    selects(f, "error:2", "s_1.h5");
    selects(f, "error:1-5", "s_1.h5");
    refuses(f, "error:1", ERR_NOTHING);
    selects(f, "status:failed", "s_1.h5");
    selects(f, "status:done", "s_3.h5");
    close_fixture(f);
}

static void t_status_words(void **state)
{
    (void)state;
    assert_true(selector_status("failed", "Try failed", ""));
    assert_true(selector_status("SKIPPED", "Skipped (small)", ""));
    assert_true(selector_status("full", "Full 0-63", ""));
    assert_true(selector_status("done", "Full 0-63", "done"));
    assert_true(selector_status("done try", "Done try", "done"));
    assert_false(selector_status("ail", "Try failed", ""));
    assert_false(selector_status("", "Ready", "x"));
}

static void t_tags(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    int64_t changed = 0;
    add_scan(f, "s_1.h5", 4, 4);
    for (int i = 0; i < 2; i++) {
        json_t *args = json_pack("{s:[I], s:s, s:b}", "items", (json_int_t)id_of(f, "s_1.h5"),
                                 "tag", "good", "add", 1);
        assert_ok(apply_tag(f->s, args, &changed, &f->err), f->err);
        assert_int_equal(changed, i == 0);
        json_decref(args);
    }
    selects(f, "tag:good", "s_1.h5");
    refuses(f, "tag:goo", ERR_NOTHING);
    assert_false(apply_tag_valid("a b", &f->err) || apply_tag_valid("a/b", &f->err) ||
                 apply_tag_valid("", &f->err));
    close_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_selectors),
        cmocka_unit_test(t_members_of_a_cause),
        cmocka_unit_test(t_status_words),
        cmocka_unit_test(t_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
