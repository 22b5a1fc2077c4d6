/* REQUIREMENTS D and E: series keys, the undersized rule; rulings X2, X23. */
#include "test.h"

#include <string.h>
#include "base/mem.h"
#include "catalog/series.h"

static void check(const char *name, const char *key, int64_t index)
{
    char *got;
    int64_t i;
    struct err err;
    assert_true(series_of(name, &got, &i, &err));
    assert_string_equal(got, key);
    assert_int_equal(i, index);
    mem_free(got);
}

static void D1_D3_key_and_index(void **state)
{
    (void)state;
    check("sample_001.h5", "sample", 1);
    check("sample_010.h5", "sample", 10);
    check("sample-7.h5", "sample", 7);
    check("sample.7.h5", "sample", 7);
    check("sample__-.12.h5", "sample", 12);
    check("sample12.h5", "sample", 12);
    check("tooth.h5", "tooth", 0);
    check("b2_run3.h5", "b2_run", 3);
    check("2024.h5", "", 2024);
    check("_5.h5", "", 5);
    check("a1b.h5", "a1b", 0);
    check("a_1_2.h5", "a_1", 2);
    check("x_.h5", "x_", 0);
    check("образец_05.h5", "образец", 5);
    check("day1/sample_007.h5", "day1/sample", 7);
    check("day1/007.h5", "day1/", 7);
    check("s_99999999999999999999.h5", "s", INT64_MAX);
    check("noext_3", "noext", 3);
}

static struct sized row(const char *series, int64_t bytes)
{
    return (struct sized){series, true, bytes, 10, 10, false, ""};
}

static void verdicts(const struct sized *rows, size_t n, int64_t pct, struct size_verdict *ret)
{
    double medians[16];
    struct err err;
    assert_true(series_medians(rows, n, medians, &err));
    for (size_t i = 0; i < n; i++) {
        series_verdict(&rows[i], medians[i], pct, &ret[i]);
    }
}

static void judge(const struct sized *rows, size_t n, int64_t pct, const char *want)
{
    struct size_verdict v[16];
    verdicts(rows, n, pct, v);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(v[i].skip, want[i] == 's');
        assert_int_equal(*v[i].reason != '\0', want[i] == 's');
    }
}

static void E3_below_half_the_median(void **state)
{
    (void)state;
    const struct sized odd[] = {row("s", 100), row("s", 100), row("s", 100), row("s", 50),
                                row("s", 49)};
    judge(odd, 5, 50, "....s");
    judge(odd, 5, 51, "...ss");
    judge(odd, 5, 0, ".....");
    const struct sized even[] = {row("s", 4), row("s", 10), row("s", 14), row("s", 20)};
    judge(even, 4, 50, "s..."); /* median 12 */
    const struct sized alone[] = {row("s", 100), row("t", 1)};
    judge(alone, 2, 50, "..");
    const struct sized two[] = {row("s", 100), row("s", 30)};
    judge(two, 2, 50, ".s"); /* median 65 */
}

static void X2_unreadable_counts_as_zero(void **state)
{
    (void)state;
    struct sized rows[] = {row("s", 100), row("s", 0), row("t", 5), row("t", 0)};
    rows[1].readable = false;
    rows[1].why = "not an HDF5 file";
    judge(rows, 4, 50, ".s..");
    struct size_verdict v[4];
    verdicts(rows, 4, 50, v);
    assert_string_equal(v[1].reason, "not an HDF5 file");
    judge(rows, 4, 0, ".s..");
    /* one usable file is not two: the zero-byte scan beside it is no peer */
    assert_false(v[3].skip);
}

static void X23_incomplete_is_undersized(void **state)
{
    (void)state;
    struct sized rows[] = {row("s", 100), row("t", 100), row("u", 100)};
    rows[0].frames = 6;
    rows[1].unallocated = true;
    rows[2].frames = rows[2].angles = -1;
    judge(rows, 3, 50, "ss.");
    judge(rows, 3, 0, "...");
    struct size_verdict v[3];
    verdicts(rows, 3, 50, v);
    assert_string_equal(v[0].reason, "6 of 10 projections written");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(D1_D3_key_and_index),
        cmocka_unit_test(E3_below_half_the_median),
        cmocka_unit_test(X2_unreadable_counts_as_zero),
        cmocka_unit_test(X23_incomplete_is_undersized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
