/* Filter bars (REQUIREMENTS Q1, Q2). */
#include "test.h"

#include "catalog/filter.h"

static bool passes(const char *bar, const struct filter_row *row)
{
    struct err err = {0};
    struct filter *f = filter_parse(bar, &err);
    assert_ok(f != NULL, err);
    bool is = filter_match(f, row);
    filter_free(f);
    return is;
}

static const struct filter_row row = {
    .pid = "12345",
    .sid = "CT 2021",
    .sdesc = "Follow up",
    .stags = "/baseline/qc_ok/",
    .ptags = "/training/",
    .ftags = "/mask//mask/t1/",
    .jobs = {.queued = 0, .running = 2, .failed = 1, .done = 0},
};

static void t_or_and_wildcard(void **state) /* Q1 */
{
    (void)state;
    assert_true(passes("", &row) && passes("  ", &row) && passes("&", &row));
    assert_true(passes("123", &row) && passes("12345", &row) && passes("*45", &row));
    assert_false(passes("345", &row) || passes("123456", &row));
    assert_true(passes("nobody 12", &row) && passes("12 nobody", &row));
    assert_false(passes("nobody&12", &row) || passes("12&nobody", &row));
    assert_true(passes("12&ct", &row) && passes("12 & ct", &row) && passes("12 &ct&", &row));
    assert_true(passes("nobody&12 ct", &row) && passes("ct nobody&12", &row));
    assert_false(passes("nobody&12 someone&ct", &row));
    assert_true(passes("12345#ct", &row) && passes("\"CT 20\"", &row) && passes("'ct 2021'", &row));
    assert_false(passes("\"CT 3\"", &row));
    assert_true(passes("\"CT 20", &row)); /* still being typed */
    assert_true(passes("12\\", &row));
    assert_true(passes("1_345", &row) && !passes("1\\_345", &row));
}

static void t_attributes(void **state) /* Q2 */
{
    (void)state;
    assert_true(passes("STAG:base", &row) && passes("stag:qc_ok", &row) && passes("STAG:", &row));
    assert_false(passes("STAG:aseline", &row) || passes("STAG:training", &row));
    assert_true(passes("PTAG:train", &row) && !passes("PTAG:base", &row));
    assert_true(passes("FTAG:t1", &row) && !passes("FTAG:t2", &row));
    assert_true(passes("SDESC:follow", &row) && passes("SDESC:\"follow u\"", &row));
    assert_false(passes("SDESC:up", &row));
    assert_true(passes("JOB:r", &row) && passes("JOB:e", &row) && passes("JOB:", &row));
    assert_false(passes("JOB:q", &row) || passes("JOB:d", &row) || passes("JOB:x", &row));
    assert_true(passes("STAG:base&PTAG:tr&JOB:running", &row));
    assert_false(passes("STAG:base&PTAG:tr&JOB:q", &row));
}

static void t_needs(void **state)
{
    (void)state;
    struct err err = {0};
    struct filter *f = filter_parse("12 & STAG:a", &err);
    struct filter *g = filter_parse("FTAG:m JOB:e", &err);
    assert_true(f && g);
    assert_int_equal(filter_needs(f), 0);
    assert_int_equal(filter_needs(g), FILTER_FTAGS | FILTER_JOBS);
    filter_free(f);
    filter_free(g);
}

static bool parse(void *arg, struct err *err)
{
    struct filter *f = filter_parse(arg, err);
    filter_free(f);
    return f != NULL;
}

static void t_memory(void **state)
{
    (void)state;
    test_every_failure(parse, "STAG:a & 'b c' d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_or_and_wildcard),
        cmocka_unit_test(t_attributes),
        cmocka_unit_test(t_needs),
        cmocka_unit_test(t_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
