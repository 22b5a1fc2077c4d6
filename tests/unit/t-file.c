/* Files that matter: read, written aside, replaced, measured. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/file.h"

static char *in(const char *dir, const char *name)
{
    struct err err = {0};
    char *path = mem_printf(&err, "%s/%s", dir, name);
    assert_non_null(path);
    return path;
}

static void test_write_and_read(void **state)
{
    struct err err = {0};
    char *dir = test_folder("file"), *path = in(dir, "имя с пробелом");
    size_t n = 0, count = 0;
    (void)state;
    assert_ok(file_write(path, "one", 3, true, &err), err);
    assert_ok(file_write(path, "second", 6, false, &err), err);
    char *text = file_read(path, 0, &n, &err);
    assert_non_null(text);
    assert_int_equal(n, 6);
    assert_string_equal(text, "second");
    assert_null(file_read(path, 5, &n, &err)); /* larger than allowed */
    assert_int_equal(err.code, ERR_FORMAT);
    char **names = file_list(dir, &count, &err);
    assert_int_equal(count, 1); /* nothing was left aside */
    file_list_free(names);
    assert_ok(file_remove_tree(dir, &err), err);
    assert_ok(file_remove_tree(dir, &err), err); /* a missing tree is fine */
    mem_free(text);
    mem_free(path);
    mem_free(dir);
}

/* U10: what a killed process was writing aside goes; a living one's, and other names, stay. */
static void test_what_was_left_aside(void **state)
{
    struct err err;
    char *dir = test_folder("aside"), *path = in(dir, "r.csv");
    static const char *const stay[] = {"r.csv.gantry-x.tmp", "r.csv.gantry-999999999.tmp.old",
                                       "other.csv.gantry-999999999.tmp"};
    char alive[64], ended[64];
    size_t count = 0;
    (void)state;
    pid_t child = fork(); /* ends, and nobody has asked yet how */
    if (child == 0) {
        _exit(0);
    }
    assert_int_equal(waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    (void)snprintf(ended, sizeof ended, "r.csv.gantry-%ld.tmp", (long)child);
    (void)snprintf(alive, sizeof alive, "r.csv.gantry-%ld.tmp", (long)getpid());
    for (size_t i = 0; i < 6; i++) {
        char *one = in(dir,
                       i < 3        ? stay[i]
                           : i == 3 ? alive
                           : i == 4 ? ended
                                    : "r.csv.gantry-999999999.tmp");
        assert_ok(file_put(one, "a", 1, &err), err);
        mem_free(one);
    }
    file_sweep_aside(path);
    char **names = file_list(dir, &count, &err);
    assert_non_null(names);
    assert_int_equal(count, 4);
    file_list_free(names);
    assert_ok(file_remove_tree(dir, &err), err);
    file_sweep_aside(path); /* a folder that is not there is fine */
    assert_int_equal(waitpid(child, NULL, 0), child);
    mem_free(path);
    mem_free(dir);
}

static void test_a_folder_takes_the_place_of_another(void **state)
{
    struct err err = {0};
    char *dir = test_folder("swap"), *from = in(dir, "new"), *to = in(dir, "old"),
         *a = in(dir, "new/a"), *b = in(dir, "old/b"), *moved = in(dir, "old/a");
    (void)state;
    assert_ok(file_mkdirs(from, 0777, &err), err);
    assert_ok(file_mkdirs(to, 0777, &err), err);
    assert_ok(file_put(a, "a", 1, &err), err);
    assert_ok(file_put(b, "b", 1, &err), err);
    assert_ok(file_replace(from, to, &err), err);
    assert_true(file_exists(moved));
    assert_false(file_exists(b));
    assert_false(file_exists(from));
    assert_ok(file_remove_tree(dir, &err), err);
    mem_free(moved);
    mem_free(a);
    mem_free(b);
    mem_free(from);
    mem_free(to);
    mem_free(dir);
}

static void test_measures(void **state)
{
    struct err err = {0};
    struct file_measure m;
    char *dir = test_folder("measure"), *a = in(dir, "a.tiff"), *b = in(dir, "b.tiff"),
         *c = in(dir, "c.txt");
    (void)state;
    assert_ok(file_put(a, "12345", 5, &err), err);
    assert_ok(file_put(b, "123", 3, &err), err);
    assert_ok(file_put(c, "1", 1, &err), err);
    assert_ok(file_measure(dir, &m, &err), err);
    assert_true(m.folder && m.size == 9 && m.files == 3 && m.mtime_ns > 0);
    assert_ok(file_measure_glob(dir, "*.tiff", &m, &err), err);
    assert_true(m.size == 8 && m.files == 2);
    assert_ok(file_measure(a, &m, &err), err);
    assert_true(!m.folder && m.size == 5 && m.files == 1);
    assert_ok(file_remove_tree(dir, &err), err);
    assert_false(file_measure(dir, &m, &err));
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(dir);
}

static void test_a_file_in_the_way(void **state)
{
    struct err err = {0};
    char *dir = test_folder("way"), *a = in(dir, "a"), *below = in(dir, "a/b/c");
    (void)state;
    assert_ok(file_put(a, "", 0, &err), err);
    assert_false(file_mkdirs(a, 0777, &err));
    assert_non_null(strstr(err.text, "in the way"));
    assert_false(file_mkdirs(below, 0777, &err));
    assert_true(file_free_bytes(below) > 0); /* of the nearest parent that is there */
    assert_true(file_device(below) != 0);
    assert_ok(file_remove_tree(dir, &err), err);
    mem_free(a);
    mem_free(below);
    mem_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_what_was_left_aside),
        cmocka_unit_test(test_a_folder_takes_the_place_of_another),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_a_file_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
