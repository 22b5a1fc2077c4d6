/* base/mem and base/str: overflow, ceilings, alignment, failing allocations, strings that stay
 * failed. */
#include "test.h"

static void t_products_do_not_overflow(void **state)
{
    struct err err = {0};
    (void)state;
    assert_null(mem_array(SIZE_MAX / 2, 3, &err));
    assert_int_equal(err.code, ERR_NOMEM);
    assert_null(mem_big(SIZE_MAX, SIZE_MAX, &err));
    assert_null(mem_array(MEM_CEILING, 2, &err));
    assert_null(mem_array(SIZE_MAX, 2, NULL));
}

static void t_memory_is_zeroed_and_zero_sized_is_valid(void **state)
{
    struct err err = {0};
    (void)state;
    unsigned char *p = mem_array(100, 3, &err);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(p[i], 0);
    }
    mem_free(p);
    void *nothing = mem_zero(0, &err);
    assert_non_null(nothing);
    mem_free(nothing);
    mem_free(NULL);
}

static void t_big_arrays_are_aligned(void **state)
{
    static const size_t sizes[] = {1, 63, 64, 1000, (size_t)5 << 20};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct err err = {0};
        char *p = mem_big(sizes[i], 1, &err);
        assert_int_equal((uintptr_t)p % 64, 0);
        p[0] = p[sizes[i] - 1] = 1;
        mem_free(p);
    }
}

static void t_a_failed_resize_keeps_the_block(void **state)
{
    struct err err = {0};
    (void)state;
    char *p = mem_strdup("kept", &err);
    (void)mem_fail_at(1);
    assert_null(mem_resize(p, 1000, 1, &err));
    (void)mem_fail_at(0);
    assert_string_equal(p, "kept");
    mem_free(p);
}

static bool build_text(void *arg, struct err *err)
{
    struct str s = STR_INIT;
    (void)arg;
    for (int i = 0; i < 200; i++) {
        str_addf(&s, "%d,", i);
    }
    str_addc(&s, '\n');
    char *text = str_take(&s, err);
    bool ok = text != NULL;
    mem_free(text);
    str_fini(&s);
    return ok;
}

static void t_a_string_notices_every_failed_append(void **state)
{
    (void)state;
    test_every_failure(build_text, NULL);
}

static void t_a_string_has_a_maximum(void **state)
{
    struct str s = STR_INIT;
    struct err err = {0};
    (void)state;
    s.max = 11; /* ten bytes and the end of the text */
    str_add(&s, "0123456789");
    assert_true(str_ok(&s, &err));
    str_addc(&s, 'x');
    assert_false(str_ok(&s, &err));
    str_add(&s, "more");
    assert_false(str_ok(&s, &err));
    assert_null(str_take(&s, &err));
    str_fini(&s);
}

static void t_an_empty_string_is_text(void **state)
{
    struct str s = STR_INIT;
    struct err err = {0};
    (void)state;
    assert_string_equal(str_text(&s), "");
    char *text = str_take(&s, &err);
    assert_string_equal(text, "");
    mem_free(text);
    assert_true(str_starts("abc", "ab") && !str_starts("a", "ab") && str_ends("abc", "bc") &&
                !str_ends("c", "bc"));
    assert_true(str_equal(NULL, NULL) && !str_equal(NULL, "") && str_equal("a", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_products_do_not_overflow),
        cmocka_unit_test(t_memory_is_zeroed_and_zero_sized_is_valid),
        cmocka_unit_test(t_big_arrays_are_aligned),
        cmocka_unit_test(t_a_failed_resize_keeps_the_block),
        cmocka_unit_test(t_a_string_notices_every_failed_append),
        cmocka_unit_test(t_a_string_has_a_maximum),
        cmocka_unit_test(t_an_empty_string_is_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
