/* REQUIREMENTS F line by line on plain arrays, with rulings X3, X11, X15. */
#include "test.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "catalog/corfix.h"

#define MOST 32

struct table {
    struct corfix_row rows[MOST];
    struct corfix_verdict v[MOST];
    size_t n, series;
};

static void add(struct table *t, const char *series, int64_t index, double cor)
{
    t->rows[t->n++] = (struct corfix_row){series, "", index, cor, NAN, false, true};
}

static struct table series(size_t n, const double *cors)
{
    struct table t = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        add(&t, "s", (int64_t)i + 1, cors[i]);
    }
    return t;
}
#define SERIES(...) \
    series(sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

static void fix(struct table *t, double max_delta)
{
    struct err err;
    assert_true(corfix_judge(t->rows, t->n, max_delta, t->v, &t->series, &err));
}

static void replaced(const struct table *t, size_t i, double want)
{
    assert_int_equal(t->v[i].act, CORFIX_REPLACE);
    assert_true(fabs(t->v[i].cor - want) < 1e-9);
    assert_true(*t->v[i].reason);
}

static void kept(const struct table *t, size_t i)
{
    assert_int_equal(t->v[i].act, CORFIX_KEEP);
}

static void F1_A4_two_passes(void **state)
{
    (void)state;
    struct table t = SERIES(100, 101, 400, 102, NAN);
    fix(&t, 50);
    assert_int_equal(t.series, 1);
    replaced(&t, 2, 101.5);
    assert_int_equal(t.v[4].act, CORFIX_FILL);
    assert_true(fabs(t.v[4].cor - (100 + 101 + 101.5 + 102) / 4) < 1e-9); /* F11 */
    kept(&t, 0);
}

static void F2_median_and_unscaled_mad(void **state)
{
    (void)state;
    struct table t = SERIES(100, 103, 106, 109, 126);
    fix(&t, 50); /* median 106, MAD 3, limit 15 */
    replaced(&t, 4, 107.5);
    for (size_t i = 0; i < 4; i++) {
        kept(&t, i);
    }
}

static void F3_strictly_greater(void **state)
{
    (void)state;
    struct table t = SERIES(100, 100, 100, 110);
    fix(&t, 50);
    kept(&t, 3);
    t = SERIES(100, 100, 100, 110.01);
    fix(&t, 50);
    replaced(&t, 3, 100);
}

static void F4_X11_max_delta(void **state)
{
    (void)state;
    struct table t = SERIES(0, 100, 200, 300, 400);
    struct err err;
    fix(&t, CORFIX_MAX_DELTA);
    kept(&t, 2);
    assert_int_equal(t.v[0].act, CORFIX_REPLACE);
    assert_int_equal(t.v[1].act, CORFIX_REPLACE);
    fix(&t, 150);
    kept(&t, 1);
    assert_int_equal(t.v[0].act, CORFIX_REPLACE);
    assert_false(corfix_judge(t.rows, t.n, NAN, t.v, &t.series, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_false(corfix_judge(t.rows, t.n, 0, t.v, &t.series, &err));
    assert_false(corfix_judge(t.rows, t.n, INFINITY, t.v, &t.series, &err));
    t = SERIES(100, 100, 100, 106);
    fix(&t, 5); /* a smaller delta beats the floor of 10 */
    replaced(&t, 3, 100);
}

static void F5_neighbours_by_index(void **state)
{
    (void)state;
    struct table t = {.n = 0};
    add(&t, "s", 100, 130);
    add(&t, "s", 9, 104);
    add(&t, "s", 10, 500);
    add(&t, "s", 11, 108);
    add(&t, "s", 1, 100);
    add(&t, "s", 8, 100);
    add(&t, "s", 101, 104);
    fix(&t, 50);
    replaced(&t, 2, 106);
}

static void F5_flagged_neighbours_are_passed_over(void **state)
{
    (void)state;
    struct table t = SERIES(100, 500, 600, 104, 100, 102);
    fix(&t, 50);
    replaced(&t, 1, 102);
    replaced(&t, 2, 102); /* from originals, not from the repaired one beside it */
}

static void F5_edges(void **state)
{
    (void)state;
    struct table t = SERIES(900, 100, 104, 120, 104);
    fix(&t, 50);
    replaced(&t, 0, 102); /* the two nearest of the other side */
    t = SERIES(104, 120, 104, 100, 900);
    fix(&t, 50);
    replaced(&t, 4, 102);
    t = SERIES(100, 101, 900); /* one selected donor left when the other is not selected */
    t.rows[0].selected = false;
    add(&t, "s", 4, 102);
    add(&t, "s", 5, 800);
    t.rows[3].selected = true;
    fix(&t, 50);
    kept(&t, 0);
}

static void F5_one_donor_gives_its_value(void **state)
{
    (void)state;
    /* median 100, MAD 0: everything farther than 10 is flagged; one unflagged value remains on the
     * right of the first, and it is alone. */
    struct table t = SERIES(0, 300, 100);
    fix(&t, 50); /* median 100, deviations 100 200 0, MAD 100, limit 50 */
    replaced(&t, 0, 100);
    replaced(&t, 1, 100);
    kept(&t, 2);
}

static void F5_no_donor_is_reported(void **state)
{
    (void)state;
    struct table t = SERIES(100, 300);
    fix(&t, 50);
    assert_int_equal(t.v[0].act, CORFIX_NO_DONOR);
    assert_int_equal(t.v[1].act, CORFIX_NO_DONOR);
    assert_non_null(strstr(t.v[0].reason, "no unflagged neighbour"));
}

static void F6_floor(void **state)
{
    (void)state;
    struct table t = SERIES(100, 100, 100, 103, 95);
    fix(&t, 50);
    for (size_t i = 0; i < 5; i++) {
        kept(&t, i);
    }
}

static void F7_X3_donors_are_anywhere_in_the_table(void **state)
{
    (void)state;
    struct table t = SERIES(100, 104, 111, NAN, NAN);
    for (size_t i = 0; i < t.n; i++) {
        t.rows[i].selected = i == 3;
    }
    fix(&t, 50);
    assert_int_equal(t.v[3].act, CORFIX_FILL);
    assert_true(fabs(t.v[3].cor - 105) < 1e-9);
    kept(&t, 4);
}

static void F8_no_donor_in_the_series(void **state)
{
    (void)state;
    struct table t = SERIES(NAN, NAN);
    add(&t, "t", 1, 100);
    fix(&t, 50);
    assert_int_equal(t.series, 2);
    assert_int_equal(t.v[0].act, CORFIX_EMPTY);
    assert_string_equal(t.v[0].reason, "no COR donor in series (whole table)");
}

static void F9_gaps_take_the_mean(void **state)
{
    (void)state;
    struct table t = SERIES(100, NAN, 102, 108);
    fix(&t, 50);
    assert_true(fabs(t.v[1].cor - 310.0 / 3) < 1e-9);
}

static void F10_X15_one_value_is_no_outlier(void **state)
{
    (void)state;
    struct table t = SERIES(900, NAN);
    fix(&t, 50);
    kept(&t, 0);
    assert_true(fabs(t.v[1].cor - 900) < 1e-9);
    t = SERIES(900, INFINITY); /* infinities are not CORs */
    fix(&t, 50);
    kept(&t, 0);
    assert_int_equal(t.v[1].act, CORFIX_FILL);
}

static void pass_one_sees_the_selected_rows_only(void **state)
{
    (void)state;
    struct table t = SERIES(100, 500, 102, 104);
    t.rows[2].selected = false;
    fix(&t, 50);
    replaced(&t, 1, 102); /* (100 + 104) / 2: neighbours are selected ones too */
    kept(&t, 2);
}

/* What the store does after a fix: the old value is kept in `before`. */
static void apply(struct table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->v[i].act == CORFIX_REPLACE) {
            t->rows[i].before = isfinite(t->rows[i].before) ? t->rows[i].before : t->rows[i].cor;
            t->rows[i].cor = t->v[i].cor;
        } else if (t->v[i].act == CORFIX_FILL) {
            t->rows[i].filled = true;
            t->rows[i].cor = t->v[i].cor;
        }
    }
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

static void F13_a_second_click_changes_nothing(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int round = 0; round < 3000; round++) {
        struct table t = {.n = 0};
        size_t n = 1 + next_random(&seed) % (MOST - 1);
        for (size_t i = 0; i < n; i++) {
            double cor = 500 + next_random(&seed) % 40;
            cor = next_random(&seed) % 4 ? cor : cor + next_random(&seed) % 200;
            add(&t, next_random(&seed) % 2 ? "a" : "b", (int64_t)(next_random(&seed) % 20),
                next_random(&seed) % 5 ? cor : NAN);
            t.rows[i].selected = next_random(&seed) % 4 != 0;
        }
        fix(&t, 50);
        apply(&t);
        fix(&t, 50);
        for (size_t i = 0; i < t.n; i++) {
            assert_true(t.v[i].act != CORFIX_REPLACE && t.v[i].act != CORFIX_FILL);
        }
    }
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    struct table t = SERIES(100, 400, 100);
    struct err err;
    for (size_t n = 1; n <= 2; n++) {
        (void)mem_fail_at(n);
        assert_false(corfix_judge(t.rows, t.n, 50, t.v, &t.series, &err));
        (void)mem_fail_at(0);
        assert_int_equal(err.code, ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(F1_A4_two_passes),
        cmocka_unit_test(F2_median_and_unscaled_mad),
        cmocka_unit_test(F3_strictly_greater),
        cmocka_unit_test(F4_X11_max_delta),
        cmocka_unit_test(F5_neighbours_by_index),
        cmocka_unit_test(F5_flagged_neighbours_are_passed_over),
        cmocka_unit_test(F5_edges),
        cmocka_unit_test(F5_one_donor_gives_its_value),
        cmocka_unit_test(F5_no_donor_is_reported),
        cmocka_unit_test(F6_floor),
        cmocka_unit_test(F7_X3_donors_are_anywhere_in_the_table),
        cmocka_unit_test(F8_no_donor_in_the_series),
        cmocka_unit_test(F9_gaps_take_the_mean),
        cmocka_unit_test(F10_X15_one_value_is_no_outlier),
        cmocka_unit_test(pass_one_sees_the_selected_rows_only),
        cmocka_unit_test(F13_a_second_click_changes_nothing),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
