/* Failures with one cause have one signature. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include "collect/cause.h"

static void same(const char *a, const char *b)
{
    char x[480], y[480];
    cause_signature(a, x, sizeof x);
    cause_signature(b, y, sizeof y);
    assert_string_equal(x, y);
}

static void test_details_do_not_count(void **state)
{
    (void)state;
    same("truncated HDF5 file: has 496795 of 827992 bytes",
         "truncated HDF5 file: has 12 of 99 bytes");
    same("cannot read '/data/a b/sample_001.h5': Permission denied",
         "cannot read '/x/y.h5': Permission denied");
    same("exit 3: no such table sample_12", "exit 3: no such table sample_7");
    same("error at 0x7f3a in thread 12", "error at 0x11 in thread 1");
}

/* J3: whose input is missing, and what comes near, are no causes; which pattern finds nothing is.
 */
static void test_missing_inputs(void **state)
{
    char x[480], y[480];
    (void)state;
    same("input 'f1' of anna#v one: nothing matches 't1*/s0__.nii' (nearest: t1/x.nii, y.nii)",
         "input 'f1' of P01#S1: nothing matches 't1*/s0__.nii' (it has no files in the catalog)");
    cause_signature("input 'f1' of P01#S1: nothing matches 'a.nii' (nearest: b)", x, sizeof x);
    assert_string_equal(x, "input 'f1': nothing matches 'a.nii'");
    cause_signature("input 'f2' of P01#S1: nothing matches 'a.nii'", y, sizeof y);
    assert_string_not_equal(x, y);
}

static void test_words_do(void **state)
{
    char x[480], y[480];
    (void)state;
    cause_signature("exit 1: disk quota", x, sizeof x);
    cause_signature("exit 1: no licence", y, sizeof y);
    assert_string_not_equal(x, y);
    cause_signature("", x, sizeof x);
    assert_string_equal(x, "");
    cause_signature("it's 'open", x, sizeof x); /* a quote that never ends */
    assert_true(x[0] == 'i');
    cause_signature("a very long message that does not fit", x, 8);
    assert_int_equal(x[7] == '\0' || x[6] == '\0', 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_details_do_not_count),
        cmocka_unit_test(test_missing_inputs),
        cmocka_unit_test(test_words_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
