/* base/path: the name rules that catalog, plan and worker share. */
#include "test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_join),
        cmocka_unit_test(t_dir_base_ext_stem),
        cmocka_unit_test(t_below_is_by_whole_components),
        cmocka_unit_test(t_absolute_resolves_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
