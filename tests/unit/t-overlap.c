/* Agreement of masks and of classes with the truth, on cases that can be reckoned by hand (W8:
 * validations on the results). tests/e2e/test_validate_figures.py holds them against SciPy. */
#include "test.h"

#include <math.h>
#include <string.h>
#include "math/overlap.h"
#include "math/roc.h"

#define assert_near(value, wanted) assert_true(fabs((value) - (wanted)) < 1e-9)

/* Two bars of four voxels, one shifted by one along the columns; 2 x 3 x 4 mm. */
static void bars(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    const size_t n[3] = {6, 2, 2};
    const double mm[3] = {2, 3, 4};
    uint16_t p[24] = {7, 7, 7, 7}, t[24] = {0, 7, 7, 7, 7, 9};
    struct overlap *list = NULL;
    size_t found = 0;
    assert_ok(overlap_find(p, t, n, &list, &found, &err), err);
    assert_int_equal(found, 2);
    assert_true(list[0].label == 7 && list[0].predicted == 4 && list[0].truth == 4 &&
                list[0].both == 3);
    assert_true(list[0].low[0] == 0 && list[0].high[0] == 5 && list[0].high[1] == 1);
    assert_ok(overlap_measure(p, t, n, mm, 1, 1, &list[0], &err), err);
    assert_near(list[0].dice, 0.75);
    assert_near(list[0].iou, 0.6);
    assert_near(list[0].predicted_ml, 4 * 24 / 1000.0);
    assert_near(list[0].volume_ml, 0);
    /* distances 2 0 0 0 in both directions: 0.95 x 3 = 2.85 of the way through the sorted four */
    assert_near(list[0].hd95, 0.85 * 2);
    assert_near(list[0].surface_dice, 6 / 8.0);
    assert_ok(overlap_measure(p, t, n, mm, 2, 1, &list[0], &err), err);
    assert_near(list[0].surface_dice, 1);
    assert_true(list[1].label == 9 && list[1].predicted == 0);
    assert_ok(overlap_measure(p, t, n, mm, 1, 1, &list[1], &err), err);
    assert_true(list[1].dice == 0 && list[1].iou == 0 && isinf(list[1].hd95) &&
                list[1].surface_dice == 0);
    assert_near(list[1].volume_percent, -100);
    mem_free(list);
}

static void empty(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    const size_t n[3] = {2, 1, 1};
    const double mm[3] = {1, 1, 1};
    uint16_t p[2] = {0, 0}, t[2] = {0, 0};
    struct overlap *list = NULL, none = {.label = 3};
    size_t found = 9;
    assert_ok(overlap_find(p, t, n, &list, &found, &err), err);
    assert_int_equal(found, 0);
    mem_free(list);
    assert_ok(overlap_measure(p, t, n, mm, 1, 1, &none, &err), err);
    assert_true(none.dice == 1 && none.iou == 1 && none.hd95 == 0 && none.surface_dice == 1 &&
                none.volume_percent == 0);
    p[1] = 3;
    struct overlap one = {.label = 3, .predicted = 1, .low = {1, 0, 0}, .high = {2, 1, 1}};
    assert_ok(overlap_measure(p, t, n, mm, 1, 1, &one, &err), err);
    assert_true(one.dice == 0 && isinf(one.hd95) && isinf(one.volume_percent));
}

/* Against every pair of voxels, with a spacing of its own along each axis; on two threads the same
 * bits. */
static void distances(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    enum { A = 60, B = 50, C = 40, N = A * B * C };
    const size_t n[3] = {A, B, C};
    const double mm[3] = {0.7, 1.3, 5};
    uint8_t *from = mem_array(N, 1, &err);
    double *one = mem_big(N, sizeof *one, &err), *two = mem_big(N, sizeof *two, &err);
    size_t at[40];
    uint32_t seed = 3;
    assert_true(from && one && two);
    for (size_t i = 0; i < 40; i++) {
        seed = seed * 1664525u + 1013904223u;
        at[i] = (seed >> 8) % N;
        from[at[i]] = 2;
    }
    assert_ok(overlap_distances(from, 2, n, mm, 1, one, &err), err);
    assert_ok(overlap_distances(from, 2, n, mm, 2, two, &err), err);
    assert_memory_equal(one, two, N * sizeof *one);
    for (size_t i = 0; i < N; i += 7) {
        double least = INFINITY;
        for (size_t k = 0; k < 40; k++) {
            double x = mm[0] * ((double)(i % A) - (double)(at[k] % A)),
                   y = mm[1] * ((double)(i / A % B) - (double)(at[k] / A % B)),
                   z = mm[2] * ((double)(i / A / B) - (double)(at[k] / A / B));
            least = fmin(least, x * x + y * y + z * z);
        }
        assert_near(one[i], least);
    }
    assert_ok(overlap_distances(from, 1, n, mm, 1, one, &err), err);
    assert_true(isinf(one[0]) && isinf(one[N - 1])); /* there is none */
    mem_free(from);
    mem_free(one);
    mem_free(two);
}

static void shares(void **state)
{
    (void)state;
    struct roc_share s;
    roc_wilson(81, 263, &s); /* Newcombe, Statistics in Medicine 17 (1998), table I, method 3 */
    assert_true(fabs(s.value - 0.3080) < 5e-5 && fabs(s.low - 0.2553) < 5e-5 &&
                fabs(s.high - 0.3662) < 5e-5);
    roc_wilson(0, 20, &s);
    assert_true(s.low == 0 && fabs(s.high - 0.1611) < 5e-5);
    roc_wilson(29, 29, &s);
    assert_true(s.high == 1 && fabs(s.low - 0.8830) < 5e-5);
    roc_wilson(0, 0, &s);
    assert_true(isnan(s.value) && isnan(s.low) && isnan(s.high));
}

static void curves(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    static const double score[5] = {0.1, 0.4, 0.4, 0.8, 0.9};
    static const uint8_t positive[5] = {0, 0, 1, 0, 1};
    struct roc_share auc;
    struct roc_point *point = NULL;
    struct roc_calibration c;
    size_t n = 0;
    assert_ok(roc_auc(score, positive, 5, &auc, &err), err);
    assert_near(auc.value, 4.5 / 6); /* 0.4 beats 0.1, ties with 0.4; 0.9 beats all three */
    assert_ok(roc_curve(score, positive, 5, &point, &n, &err), err);
    assert_int_equal(n, 5);
    assert_true(isinf(point[0].score) && point[1].true_rate == 0.5 && point[1].false_rate == 0);
    assert_near(point[3].false_rate, 2 / 3.0);
    assert_true(point[4].true_rate == 1 && point[4].false_rate == 1);
    mem_free(point);
    point = NULL;
    assert_true(roc_calibrate(score, positive, 5, &c));
    assert_near(c.brier, (0.01 + 0.16 + 0.36 + 0.64 + 0.01) / 5);
    assert_true(c.bin[4].n == 2 && c.bin[9].n == 1 && isnan(c.bin[0].share));
    assert_near(c.ece, (0.1 + 0.2 + 0.8 + 0.1) / 5);
    assert_ok(roc_auc(score, positive, 2, &auc, &err), err); /* no positive case */
    assert_true(isnan(auc.value) && isnan(auc.low));
    assert_ok(roc_auc(score, positive, 3, &auc, &err), err); /* one: no interval */
    assert_true(auc.value == 0.75 && isnan(auc.low));
    assert_ok(roc_curve(score, positive, 2, &point, &n, &err), err);
    assert_int_equal(n, 0);
    mem_free(point);
    static const double bad[2] = {NAN, 3};
    assert_false(roc_auc(bad, positive, 2, &auc, &err));
    assert_false(roc_calibrate(bad + 1, positive, 1, &c));
    assert_false(roc_calibrate(bad, positive, 0, &c));
}

static bool everything(void *arg, struct err *err)
{
    (void)arg;
    const size_t n[3] = {3, 2, 1};
    const double mm[3] = {1, 1, 1};
    uint16_t p[6] = {1, 1}, t[6] = {0, 1};
    const double score[2] = {0, 1};
    const uint8_t positive[2] = {0, 1};
    struct overlap *list = NULL;
    struct roc_point *point = NULL;
    struct roc_share auc;
    size_t found = 0, points = 0;
    bool ok = overlap_find(p, t, n, &list, &found, err) &&
        overlap_measure(p, t, n, mm, 1, 1, list, err) && roc_auc(score, positive, 2, &auc, err) &&
        roc_curve(score, positive, 2, &point, &points, err);
    mem_free(list);
    mem_free(point);
    return ok;
}

static void without_memory(void **state)
{
    (void)state;
    test_every_failure(everything, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars),   cmocka_unit_test(empty),  cmocka_unit_test(distances),
        cmocka_unit_test(shares), cmocka_unit_test(curves), cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
