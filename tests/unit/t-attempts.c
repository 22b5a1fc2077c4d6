/* report/attempts: files of attempts, loose and packed, whole and in pieces. */
#include "test.h"

#include "base/path.h"
#include "os/file.h"
#include "report/attempts.h"

static void put(const char *folder, const char *name, const char *text)
{
    struct err err = {0};
    char *path = path_join(folder, name, &err), *parent = path_dir(path, &err);
    assert_ok(file_mkdirs(parent, 0777, &err), err);
    assert_ok(file_put(path, text, strlen(text), &err), err);
    mem_free(parent);
    mem_free(path);
}

static void expect(const char *attempts, int64_t task, int64_t n, const char *name,
                   const char *want)
{
    struct err err = {0};
    char *text = NULL;
    size_t length = 9;
    assert_ok(attempts_file(attempts, 7, task, n, name, &text, &length, &err), err);
    if (!want) {
        assert_null(text);
        assert_int_equal(length, 0);
        return;
    }
    assert_non_null(text);
    assert_string_equal(text, want);
    assert_int_equal(length, strlen(want));
    mem_free(text);
}

static void t_loose_and_packed(void **state)
{
    struct err err = {0};
    char *attempts = test_folder("attempts");
    (void)state;
    put(attempts, "7/45.1/log", "loose\n");
    put(attempts, "7/logs.pack", "onetwothreefour");
    put(attempts, "7/logs.idx",
        "46.1\tlog\t0\t3\n46.1\tjob.json\t3\t3\n46.1\tlog\t6\t5\n146.1\tlog\t0\t1\n47."
        "1\tlog\t11\t99\n48.1\tlog\t-4\t3\n"
        "49.1\tlog\tx\n50.1\tlog\t0\t3");
    expect(attempts, 45, 1, "log", "loose\n");
    expect(attempts, 45, 2, "log", NULL);
    expect(attempts, 46, 1, "log", "three"); /* packed twice: the last line wins */
    expect(attempts, 46, 1, "job.json", "two");
    expect(attempts, 146, 1, "log", "o");
    expect(attempts, 48, 1, "log", NULL); /* not believed */
    expect(attempts, 49, 1, "log", NULL);
    expect(attempts, 50, 1, "log", NULL); /* a line still being written */
    char *text = NULL;
    size_t length = 0;
    assert_false(attempts_file(attempts, 7, 47, 1, "log", &text, &length, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_ok(file_remove_tree(attempts, &err), err);
    mem_free(attempts);
}

/* N11: the index of a long run is searched in pieces, from its end; no line is lost at a seam. */
static void t_long_index(void **state)
{
    struct err err = {0};
    char *attempts = test_folder("attempts");
    struct str index = STR_INIT;
    const int n = 12000; /* some pieces */
    (void)state;
    str_add(&index, "1.1\tlog\t1\t1\n");
    for (int i = 0; i < n; i++) {
        str_addf(&index, "%d.1\tlog\t%d\t1\n", 100 + i, i % 10);
    }
    put(attempts, "7/logs.pack", "0123456789");
    put(attempts, "7/logs.idx", str_text(&index));
    for (int i = 0; i < n; i++) {
        const char digit[2] = {(char)('0' + i % 10), '\0'};
        expect(attempts, 100 + i, 1, "log", digit);
    }
    expect(attempts, 1, 1, "log", "1");
    expect(attempts, 2, 1, "log", NULL);
    str_add(&index, "1.1\tlog\t7\t1\n");
    put(attempts, "7/logs.idx", str_text(&index));
    expect(attempts, 1, 1, "log", "7");
    str_fini(&index);
    assert_ok(file_remove_tree(attempts, &err), err);
    mem_free(attempts);
}

/* N11: a log is read from where the reader is, a bounded piece at a time. */
static void t_pieces(void **state)
{
    struct err err = {0};
    char *attempts = test_folder("attempts"), *text = NULL;
    size_t length = 0;
    int64_t size = 0;
    (void)state;
    put(attempts, "7/45.1/log", "one\ntwo\n");
    put(attempts, "7/logs.pack", "xxthreeyy");
    put(attempts, "7/logs.idx", "46.1\tlog\t2\t5\n");
    assert_ok(attempts_piece(attempts, 7, 45, 1, "log", (struct attempts_stretch){4, 2}, &text,
                             &length, &size, &err),
              err);
    assert_string_equal(text, "tw");
    assert_int_equal(size, 8);
    mem_free(text);
    assert_ok(attempts_piece(attempts, 7, 46, 1, "log", (struct attempts_stretch){2, 99}, &text,
                             &length, &size, &err),
              err);
    assert_string_equal(text, "ree");
    assert_int_equal(size, 5);
    mem_free(text);
    /* behind the end: nothing, and the size says why */
    assert_ok(attempts_piece(attempts, 7, 45, 1, "log", (struct attempts_stretch){9, 2}, &text,
                             &length, &size, &err),
              err);
    assert_null(text);
    assert_int_equal(size, 8);
    assert_ok(attempts_piece(attempts, 7, 47, 1, "log", (struct attempts_stretch){0, 2}, &text,
                             &length, &size, &err),
              err);
    assert_null(text);
    assert_int_equal(size, -1);
    assert_ok(file_remove_tree(attempts, &err), err);
    mem_free(attempts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_loose_and_packed),
        cmocka_unit_test(t_pieces),
        cmocka_unit_test(t_long_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
