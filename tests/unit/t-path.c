/* base/path: the name rules that catalog, plan and worker share. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include "base/str.h"
#include "base/path.h"

#define assert_text(call, want)            \
    do {                                   \
        char *got_ = (call);               \
        assert_non_null(got_);             \
        assert_string_equal(got_, (want)); \
        mem_free(got_);                    \
    } while (0)

static struct err err;

static void t_join(void **state)
{
    (void)state;
    assert_text(path_join("a", "b", &err), "a/b");
    assert_text(path_join("a/", "b", &err), "a/b");
    assert_text(path_join("", "b", &err), "b");
    assert_text(path_join("a", "/b", &err), "/b");
    assert_text(path_join("/", "b", &err), "/b");
}

static void t_dir_base_ext_stem(void **state)
{
    (void)state;
    assert_text(path_dir("/a/b.h5", &err), "/a");
    assert_text(path_dir("/a", &err), "/");
    assert_text(path_dir("a", &err), ".");
    assert_string_equal(path_base("/a/b.h5"), "b.h5");
    assert_string_equal(path_ext("/a.b/c"), "");
    assert_string_equal(path_ext("x.nii.gz"), ".nii.gz");
    assert_string_equal(path_ext("x.txt.gz"), ".gz");
    assert_string_equal(path_ext(".hidden"), "");
    assert_text(path_stem("/a/sample_001.h5", &err), "sample_001");
    assert_text(path_stem("b.nii.gz", &err), "b");
    assert_text(path_stem("two.dots.h5", &err), "two.dots");
}

static void t_below_is_by_whole_components(void **state)
{
    (void)state;
    assert_string_equal(path_below("/a/b/c", "/a/b"), "c");
    assert_string_equal(path_below("/a/b", "/a/b"), "");
    assert_string_equal(path_below("/a/b/c", "/a/b/"), "c");
    assert_null(path_below("/a/bc", "/a/b"));
    assert_null(path_below("/a", "/a/b"));
    assert_true(path_within("/a/b/c", "/a"));
    char *label = path_label("in/1.2.840.10008", err_ignore("asserted"));
    assert_string_equal(label, "in/1.2.840.10008"); /* the last number of a UID is no extension */
    mem_free(label);
    assert_true(path_climbs("/a/..") && path_climbs("..") && path_climbs("/a/../b"));
    assert_false(path_climbs("/a/..b") || path_climbs("/a../b") || path_climbs("/a/...") ||
                 path_climbs(""));
    assert_false(path_within("/ab", "/a"));
}

static void t_absolute_resolves_dots(void **state)
{
    (void)state;
    assert_text(path_absolute("/a/b", "c", &err), "/a/b/c");
    assert_text(path_absolute("/a/b", "../c", &err), "/a/c");
    assert_text(path_absolute("/a/b", "/x//y/./z/..", &err), "/x/y");
    assert_text(path_absolute("/", "../..", &err), "/");
    assert_text(path_absolute("/a", "имя с пробелом", &err), "/a/имя с пробелом");
}

static void what_lies_beside_fits(void **state)
{
    char name[300] = "/d/", text[400];
    char *path = path_beside("/d/s_rec", ".prov.json", &err);
    (void)state;
    assert_string_equal(path, "/d/s_rec.prov.json");
    mem_free(path);
    memset(name + 3, 'a', 244);
    (void)snprintf(name + 247, sizeof name - 247, "\u00e9_1"); /* 248 bytes */
    path = path_beside(name, ".prov.json", &err);
    assert_true(strlen(path_base(path)) <= 255);
    assert_true(!strncmp(path, name, 200) && str_ends(path, ".prov.json"));
    (void)snprintf(text, sizeof text, "%s", path);
    mem_free(path);
    name[249] = '2'; /* another long name has another neighbour */
    path = path_beside(name, ".prov.json", &err);
    assert_string_not_equal(path, text);
    mem_free(path);
    /* no half of a letter is left */
    memset(name + 3, 'a', 236);
    name[238] = '\0';
    (void)snprintf(name + 238, sizeof name - 238, "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9");
    path = path_beside(name, ".prov.json", &err);
    assert_true(str_utf8(path));
    mem_free(path);
}

static void t_common_is_by_whole_components(void **state)
{
    static const char *const two[] = {"/data/a/b", "/data/ab/c"}, *const one[] = {"/data/a"};
    static const char *const far[] = {"/data", "/srv/x"}, *const within[] = {"/d/e", "/d/e/f"};
    char *path = path_common(two, 2, &err);
    (void)state;
    assert_string_equal(path, "/data");
    mem_free(path);
    path = path_common(one, 1, &err);
    assert_string_equal(path, "/data/a");
    mem_free(path);
    path = path_common(far, 2, &err);
    assert_string_equal(path, "/");
    mem_free(path);
    path = path_common(within, 2, &err);
    assert_string_equal(path, "/d/e");
    mem_free(path);
}

static void t_the_program_and_what_lies_beside_it(void **state)
{
    char *program = path_program(&err);
    char *beside = path_near_program("../share", &err);
    (void)state;
    assert_string_equal(path_base(program), "t-path");
    assert_true(program[0] == '/' && beside[0] == '/');
    assert_string_equal(path_base(beside), "share");
    assert_null(strstr(beside, ".."));
    mem_free(program);
    mem_free(beside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_join),
        cmocka_unit_test(t_dir_base_ext_stem),
        cmocka_unit_test(t_below_is_by_whole_components),
        cmocka_unit_test(t_absolute_resolves_dots),
        cmocka_unit_test(what_lies_beside_fits),
        cmocka_unit_test(t_common_is_by_whole_components),
        cmocka_unit_test(t_the_program_and_what_lies_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
