/* The store: migration, transactions, rows, and what it refuses. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "store/store.h"

static void clean(char *home)
{
    struct err err = {0};
    char *path = mem_printf(&err, "%s/gantry.db", home);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(home), 0); /* nothing else was left there */
    mem_free(path);
    mem_free(home);
}

static void test_made_reopened_and_read(void **state)
{
    struct err err = {0};
    char *home = test_folder("store");
    int64_t n = 0;
    (void)state;
    assert_null(store_open(home, STORE_READ, &err));
    assert_int_equal(err.code, ERR_NOTHING);
    struct store *s = store_open(home, STORE_WRITE, &err);
    assert_non_null(s);
    assert_ok(store_exec(s, &err, "INSERT INTO batch(name,json,changed_us) VALUES(?1,?2,?3)", "ssi",
                         "a", "{\"k\":[1,2]}", (int64_t)7),
              err);
    struct store *r = store_open(home, STORE_READ, &err);
    assert_non_null(r);
    json_t *rows = store_rows(r, &err, "SELECT name, json AS doc_json, changed_us FROM batch", "");
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(json_array_get(rows, 0), "doc"), "k")), 2);
    assert_int_equal(json_get_int(json_array_get(rows, 0), "changed_us", 0), 7);
    json_decref(rows);
    assert_false(store_exec(r, &err, "DELETE FROM batch", "")); /* a reader may not write */
    assert_ok(store_int(r, -1, &n, &err, "SELECT count(*) FROM batch WHERE name=?1", "s", "b"),
              err);
    assert_int_equal(n, 0);
    store_close(r);
    store_close(s);
    clean(home);
}

static void test_a_failed_change_leaves_nothing(void **state)
{
    struct err err = {0};
    char *home = test_folder("rollback");
    int64_t n = -1;
    struct store *s = store_open(home, STORE_WRITE, &err);
    (void)state;
    assert_non_null(s);
    assert_ok(store_begin(s, &err), err);
    assert_ok(store_begin(s, &err), err); /* nested */
    assert_ok(store_exec(s, &err, "INSERT INTO batch(name,json,changed_us) VALUES('x','{}',1)", ""),
              err);
    assert_ok(store_commit(s, &err), err);
    assert_true(store_in_transaction(s));
    store_rollback(s);
    assert_ok(store_int(s, -1, &n, &err, "SELECT count(*) FROM batch", ""), err);
    assert_int_equal(n, 0);
    assert_false(store_exec(
        s, &err, "INSERT INTO task(run_id,item_id,job,job_id,tool,state) VALUES(1,1,0,'a','t',99)",
        ""));
    store_close(s);
    clean(home);
}

static void test_a_newer_or_foreign_file_is_refused(void **state)
{
    struct err err = {0};
    char *home = test_folder("newer"), *path = mem_printf(&err, "%s/gantry.db", home);
    (void)state;
    struct store *s = store_open(home, STORE_WRITE, &err);
    assert_non_null(s);
    assert_ok(store_exec(s, &err, "PRAGMA user_version=4711", ""), err);
    store_close(s);
    assert_null(store_open(home, STORE_WRITE, &err));
    assert_non_null(strstr(err.text, "newer"));
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs("this is not a database, whatever it is called", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_null(store_open(home, STORE_WRITE, &err));
    mem_free(path);
    clean(home);
}

/* What an earlier Gantry wrote is lifted by who comes first, also by a command that only reads, and
 * a copy of the file as it was lies beside it. */
static void test_an_older_file_is_lifted(void **state)
{
    struct err err = {0};
    char *home = test_folder("older"), *copy = mem_printf(&err, "%s/gantry.db.v1", home);
    int64_t version = 0, n = 0;
    (void)state;
    struct store *s = store_open(home, STORE_WRITE, &err);
    assert_non_null(s);
    assert_ok(store_exec(s, &err, "INSERT INTO batch(name,json,changed_us) VALUES('x','{}',1)", ""),
              err);
    /* back to version 1: what 0002-server.sql brought goes */
    assert_ok(store_exec(s, &err, "DROP INDEX item_off", ""), err);
    assert_ok(store_exec(s, &err, "ALTER TABLE task DROP COLUMN cleared", ""), err);
    assert_ok(store_exec(s, &err, "ALTER TABLE watch DROP COLUMN words", ""), err);
    assert_ok(store_exec(s, &err, "DROP TABLE user", ""), err);
    assert_ok(store_exec(s, &err, "DROP TABLE user_project", ""), err);
    assert_ok(store_exec(s, &err, "DROP TABLE session", ""), err);
    assert_ok(store_exec(s, &err, "DROP TABLE audit", ""), err);
    assert_ok(store_exec(s, &err, "ALTER TABLE run DROP COLUMN rec", ""), err); /* and 0003 */
    assert_ok(store_exec(s, &err, "ALTER TABLE run DROP COLUMN attempts", ""), err);
    static const char *const later[] = {"DROP TABLE model_archived",
                                        "DROP TABLE validation",
                                        "DROP TABLE annotation",
                                        "DROP TABLE prediction",
                                        "DROP TABLE dataset_item",
                                        "DROP TABLE series",
                                        "DROP TABLE dataset",
                                        "DROP TABLE dicom_folder",
                                        "DROP TABLE verdict",
                                        "DROP TABLE file",
                                        "DROP TABLE study",
                                        "ALTER TABLE project DROP COLUMN layout",
                                        "ALTER TABLE project DROP COLUMN layout_found",
                                        "ALTER TABLE project DROP COLUMN autoexec",
                                        "ALTER TABLE item DROP COLUMN attrs",
                                        "ALTER TABLE batch DROP COLUMN starred",
                                        "ALTER TABLE batch DROP COLUMN grp"};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) { /* 0005 and 0004 */
        assert_ok(store_exec(s, &err, later[i], ""), err);
    }
    assert_ok(store_exec(s, &err, "PRAGMA user_version=1", ""), err);
    store_close(s);
    s = store_open(home, STORE_READ, &err);
    assert_ok(s != NULL, err);
    struct store *again = store_open(home, STORE_WRITE, &err);
    assert_ok(again != NULL, err);
    assert_ok(store_int(s, 0, &version, &err, "PRAGMA user_version", ""), err);
    assert_true(version > 1);
    assert_ok(store_int(s, 0, &n, &err, "SELECT count(*) FROM batch", ""), err);
    assert_int_equal(n, 1);
    assert_ok(store_exec(again, &err, "UPDATE task SET cleared=1", ""), err);
    assert_false(store_exec(s, &err, "DELETE FROM batch", "")); /* a reader still may not write */
    store_close(again);
    store_close(s);
    assert_int_equal(unlink(copy), 0);
    mem_free(copy);
    clean(home);
}

/* Reads that are held together: when they cannot be ended properly nothing stays open behind them
 * (the next change would be refused, and the next, for ever). */
static void test_a_held_read_always_ends(void **state)
{
    struct err err = {0};
    char *home = test_folder("held");
    struct store *s = store_open(home, STORE_WRITE, &err);
    (void)state;
    assert_non_null(s);
    store_hold(s);
    (void)mem_fail_at(1);
    store_release(s);
    assert_int_equal(mem_fail_at(0), 1);
    assert_ok(store_begin(s, &err), err);
    assert_ok(store_commit(s, &err), err);
    store_close(s);
    clean(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_reopened_and_read),
        cmocka_unit_test(test_a_failed_change_leaves_nothing),
        cmocka_unit_test(test_a_newer_or_foreign_file_is_refused),
        cmocka_unit_test(test_an_older_file_is_lifted),
        cmocka_unit_test(test_a_held_read_always_ends),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
