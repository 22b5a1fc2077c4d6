/* model/values: the forms of textual parameters, and pairs in order (REQUIREMENTS B, C: what is
 * wrong is said before anything is launched). */
#include "test.h"

#include <string.h>
#include "model/values.h"

static void refused(const char *form, const char *text, const char *word)
{
    struct err err = {0};
    if (values_check(form, "p", text, &err)) {
        fail_msg("%s: '%s' was accepted", form, text);
    }
    assert_int_equal(err.code, ERR_USAGE);
    if (!strstr(err.text, word) || !strstr(err.text, "p: ")) {
        fail_msg("'%s' does not say '%s'", err.text, word);
    }
}

static void taken(const char *form, const char *text)
{
    struct err err = {0};
    assert_ok(values_check(form, "p", text, &err), err);
}

static void forms_are_checked(void **state)
{
    (void)state;
    taken("rows", "0.5");
    taken("rows", "[0, 0.9, 17]");
    refused("rows", "-0.5", "0 to 1");
    refused("rows", "1.5", "whole number");
    refused("rows", "abc", "abc");
    refused("rows", "[]", "empty");
    taken("intervals", "none");
    taken("intervals", "[[0,1.2],[3,3.14]]");
    refused("intervals", "abc", "abc");
    refused("intervals", "[1]", "pairs");
    refused("intervals", "[2,1]", "start before end");
    taken("count-or-all", "all");
    taken("count-or-all", "21");
    refused("count-or-all", "x", "'x'");
    refused("count-or-all", "0", "from 1");
    taken("logical", "no");
    refused("logical", "perhaps", "True nor False");
    taken("a form of next year", "anything");
}

static void lists_end(void **state)
{
    (void)state;
    struct err err = {0};
    double number[4];
    size_t count;
    assert_ok(values_rows("p", "0,1,2,3", number, 4, &count, &err), err);
    assert_int_equal(count, 4);
    assert_false(values_rows("p", "0,1,2,3,4", number, 4, &count, &err));
    assert_ok(values_intervals("p", "[0,1],[2,3]", number, 2, &count, &err), err);
    assert_int_equal(count, 2);
    assert_true(number[3] == 3);
}

static void pairs_rise(void **state)
{
    (void)state;
    struct err err = {0};
    assert_ok(values_in_order("a", 5, "b", -1, &err), err);
    assert_ok(values_in_order("a", 5, "b", 6, &err), err);
    assert_false(values_in_order("a", 5, "b", 5, &err));
    assert_non_null(strstr(err.text, "a = 5 is not before b = 5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_checked),
        cmocka_unit_test(lists_end),
        cmocka_unit_test(pairs_rise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
