/* Formulas of image.math (issue 5, point 3): what they give, what is refused. (Numbers are compared
 * with numpy's in tests/e2e/test_image_steps.py.) */
#include "test.h"

#include <math.h>
#include <string.h>
#include "math/expression.h"

static double value_of(const char *text, double f1, double f2)
{
    struct err err = {ERR_NONE, ""};
    struct expression *e = expression_new(text, 2, &err);
    const double *const input[] = {&f1, &f2};
    double ret = 0;
    if (!e) {
        fail_msg("%s", err.text);
    }
    expression_run(e, input, 1, &ret);
    expression_free(e);
    return ret;
}

static void precedence(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double wanted;
    } cases[] = {{"1+2*3", 7},          {"-2^2", -4},        {"2^3^2", 512},
                 {"2^-1", 0.5},         {"!1+1", 1},         {"not 1+1 == 2", 0},
                 {"1 or 0 and 0", 1},   {"1 < 2 == 1", NAN}, {"min(4,2,3)", 2},
                 {"max(1, f1, f2)", 5}, {"f1-f2-1", -3},     {"8/2/2", 2},
                 {"1e2+.5", 100.5},     {"--3", 3},          {"!f1 != f2", 1},
                 {"-7 % 3", 2},         {"notable", NAN},    {"f1and f2", NAN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {ERR_NONE, ""};
        if (isnan(cases[i].wanted)) {
            assert_null(expression_new(cases[i].text, 2, &err));
            assert_int_equal(err.code, ERR_USAGE);
        } else {
            double got = value_of(cases[i].text, 3, 5);
            if (got != cases[i].wanted) {
                fail_msg("%s: %g, not %g", cases[i].text, got, cases[i].wanted);
            }
        }
    }
}

static void what_is_known_of_it(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct expression *e = expression_new("f2 > 1 || bin(f2)", 3, &err);
    assert_non_null(e);
    assert_true(expression_is_mask(e) && expression_uses(e, 1) && !expression_uses(e, 0));
    expression_free(e);
    e = expression_new("f1 + (f2 > 1)", 2, &err);
    assert_non_null(e);
    assert_false(expression_is_mask(e));
    expression_free(e);
    assert_null(expression_new("f1 + f4", 3, &err));
    assert_string_equal(err.text,
                        "expression 'f1 + f4': there is no such image at character 6 ('f4')");
}

static bool attempt(void *arg, struct err *err)
{
    (void)arg;
    struct expression *e = expression_new("where(f1, f2, min(1, 2, 3))", 2, err);
    expression_free(e);
    return e != NULL;
}

static void every_failure(void **state)
{
    (void)state;
    test_every_failure(attempt, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(precedence),
                                       cmocka_unit_test(what_is_known_of_it),
                                       cmocka_unit_test(every_failure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
