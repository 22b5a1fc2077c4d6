/* base/num and base/clock: the whole text must be the number, and NaN is none (REQUIREMENTS C5). */
#include "test.h"

#include <math.h>
#include "base/clock.h"
#include "base/num.h"

static void t_doubles_are_finite_decimals(void **state)
{
    static const char *const bad[] = {"",         " ",  "nan",   "NaN", "inf", "-inf",
                                      "infinity", "1x", "0x10",  "1,5", "--1", "+",
                                      ".",        "e5", "1e999", "1 2"};
    double v = 7;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (num_double(bad[i], &v)) {
            fail_msg("'%s' was taken for %g", bad[i], v);
        }
        assert_true(v == 7);
    }
    assert_true(num_double(" -781.50 ", &v) && v == -781.5);
    assert_true(num_double("1e3", &v) && v == 1000);
    assert_true(num_double(".5", &v) && v == 0.5);
    assert_true(num_double("5.", &v) && v == 5);
}

static void t_whole_numbers(void **state)
{
    int64_t v = 0;
    (void)state;
    assert_true(num_int64("-12", &v) && v == -12);
    assert_true(num_int64("9223372036854775807", &v) && v == INT64_MAX);
    assert_false(num_int64("9223372036854775808", &v));
    assert_false(num_int64("1.0", &v));
    assert_false(num_int64("", &v));
    assert_false(num_int64(" 1", &v));
}

static void t_bytes(void **state)
{
    int64_t v = 0;
    (void)state;
    assert_true(num_bytes("512", &v) && v == 512);
    assert_true(num_bytes("4k", &v) && v == 4096);
    assert_true(num_bytes("2GiB", &v) && v == (int64_t)2 << 30);
    assert_true(num_bytes("1.5T", &v) && v == (int64_t)3 << 39);
    assert_false(num_bytes("-1", &v));
    assert_false(num_bytes("1X", &v));
    assert_false(num_bytes("1e30", &v));
    assert_false(num_bytes("", &v));
}

static void t_seconds(void **state)
{
    static const struct {
        const char *text;
        double want;
    } good[] = {{"90", 90},   {"90s", 90},           {"10m", 600},
                {"2h", 7200}, {"1d", 86400},         {"0:10:00", 600},
                {"1:30", 90}, {"1-00:00:00", 86400}, {"250ms", 0.25}};
    static const char *const bad[] = {"",  "-1",  "x",        "10 m",     "1:2:3:4",
                                      ":", "inf", "inf-0:00", "nan-0:00", "1e308d"};
    double v;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(num_seconds(good[i].text, &v));
        assert_true(fabs(v - good[i].want) < 1e-9);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (num_seconds(bad[i], &v)) {
            fail_msg("'%s' was taken for %g seconds", bad[i], v);
        }
    }
}

static void t_ranges(void **state)
{
    (void)state;
    assert_true(num_ranges_contain("12-45,50", 12) && num_ranges_contain("12-45,50", 45));
    assert_true(num_ranges_contain("12-45,50", 50) && !num_ranges_contain("12-45,50", 49));
    assert_true(num_ranges_valid("0") && !num_ranges_valid("") && !num_ranges_valid("5-1") &&
                !num_ranges_valid("1,"));
    assert_true(!num_ranges_valid("a") && !num_ranges_valid("-3") && !num_ranges_valid("1-"));
}

static void t_shown_for_people(void **state)
{
    char text[32];
    (void)state;
    num_show_bytes(0, text, sizeof text);
    assert_string_equal(text, "0 B");
    num_show_bytes(1234567, text, sizeof text);
    assert_string_equal(text, "1.2 MB");
    num_show_bytes(999999, text, sizeof text);
    assert_string_equal(text, "1.0 MB");
    clock_iso(1769850725123456, text, sizeof text);
    assert_string_equal(text, "2026-01-31T09:12:05.123Z");
    clock_span(185, text, sizeof text);
    assert_string_equal(text, "3 min 05 s");
}

static void t_plain_has_no_exponent(void **state)
{
    static const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {
        {0, 9, "0"},
        {-0.0, 9, "0"},
        {1, 9, "1"},
        {-1e-5, 9, "-0.00001"},
        {0.1, 15, "0.1"},
        {0.1f, 9, "0.100000001"},
        {1e20, 9, "100000000000000000000"},
        {123456, 3, "123456"},
        {-2.50, 15, "-2.5"},
        {1e-300, 9, "0"},
        {0.0012345678912, 9, "0.00123456789"},
    };
    char text[NUM_PLAIN];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        num_show_plain(cases[i].value, cases[i].digits, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
    num_show_plain(-1.7976931348623157e308, 17, text, sizeof text);
    assert_int_equal(strlen(text), 310);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_doubles_are_finite_decimals),
        cmocka_unit_test(t_whole_numbers),
        cmocka_unit_test(t_bytes),
        cmocka_unit_test(t_seconds),
        cmocka_unit_test(t_ranges),
        cmocka_unit_test(t_shown_for_people),
        cmocka_unit_test(t_plain_has_no_exponent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
