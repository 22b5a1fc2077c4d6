/* Values within a mask, overlap of masks (DESIGN 7: Dice, IoU), and a detector's boxes (DESIGN 10:
 * 3-D non-maximum suppression at IoU 0.3, box of the top five). */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include "math/box.h"
#include "math/stats.h"

#define assert_near(value, wanted) assert_true(fabs((value) - (wanted)) < 1e-9)

static void by_hand(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    static const float values[9] = {4, -2, NAN, 8, 100, 6, -INFINITY, 0, 7};
    static const uint8_t mask[9] = {1, 1, 1, 1, 0, 1, 1, 2, 0};
    static const double fraction[5] = {0, 0.5, 1, 0.25, 0.9};
    struct stats s;
    double q[5];
    assert_ok(stats_measure(values, mask, 1, 9, fraction, 5, q, &s, &err), err); /* 4 -2 8 6 */
    assert_true(s.count == 4 && s.not_finite == 2);
    assert_near(s.mean, 4);
    assert_near(s.sd, sqrt((0 + 36 + 16 + 4) / 4.0));
    assert_true(s.low == -2 && s.high == 8);
    assert_near(q[0], -2);
    assert_near(q[1], 5);
    assert_near(q[2], 8);
    assert_near(q[3], 2.5);
    assert_near(q[4], 7.4);
    assert_ok(stats_measure(values, mask, 2, 9, fraction, 5, q, &s, &err), err);
    assert_true(s.count == 1 && s.mean == 0 && s.sd == 0 && q[4] == 0);
    assert_ok(stats_measure(values, NULL, 0, 9, NULL, 0, NULL, &s, &err), err);
    assert_true(s.count == 7 && s.high == 100);
    assert_false(stats_measure(values, mask, 3, 9, NULL, 0, NULL, &s, &err));
    assert_int_equal(err.code, ERR_NOTHING);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The same as sorting, whatever the range; a large offset does not cost the deviation. */
static void by_sorting(void **state)
{
    (void)state;
    enum { N = 20011 };
    static const double fraction[4] = {0.001, 0.333, 0.77, 0.9999};
    struct err err = {ERR_NONE, ""};
    float *values = malloc(N * sizeof *values), *sorted = malloc(N * sizeof *sorted);
    uint32_t seed = 5;
    for (int round = 0; round < 3; round++) {
        struct stats s;
        double q[4], sum = 0, square = 0;
        for (size_t i = 0; i < N; i++) {
            seed = seed * 1664525u + 1013904223u;
            double v = (double)(seed >> 8) / (double)(1u << 24) - 0.5;
            values[i] = (float)(round == 0 ? v : round == 1 ? v * 1e30 : 60000 + floor(v * 9));
            sorted[i] = values[i];
            sum += (double)values[i];
        }
        qsort(sorted, N, sizeof *sorted, by_value);
        for (size_t i = 0; i < N; i++) {
            square += ((double)values[i] - sum / N) * ((double)values[i] - sum / N);
        }
        assert_ok(stats_measure(values, NULL, 0, N, fraction, 4, q, &s, &err), err);
        assert_true(fabs(s.mean - sum / N) <= 1e-12 * fabs(s.high));
        assert_true(fabs(s.sd - sqrt(square / N)) <= 1e-9 * s.sd);
        for (size_t f = 0; f < 4; f++) {
            double at = fraction[f] * (N - 1);
            size_t k = (size_t)at;
            double low = (double)sorted[k], high = (double)sorted[k + 1];
            assert_true(fabs(q[f] - (low + (at - (double)k) * (high - low))) <= 1e-12 * fabs(high));
        }
    }
    free(values);
    free(sorted);
}

static void overlaps(void **state)
{
    (void)state;
    static const uint8_t a[8] = {1, 1, 1, 0, 0, 2, 0, 0}, b[8] = {0, 1, 1, 1, 1, 2, 0, 0};
    struct stats_overlap o;
    stats_compare(a, b, 1, 8, &o);
    assert_true(o.a == 3 && o.b == 4 && o.both == 2);
    assert_near(o.dice, 4.0 / 7);
    assert_near(o.iou, 2.0 / 5);
    stats_compare(a, b, 7, 8, &o);
    assert_true(o.dice == 1 && o.iou == 1);
}

static struct box cube(double x, double side, double score)
{
    return (struct box){{x, 0, 0}, {x + side, side, side}, score};
}

static void boxes(void **state)
{
    (void)state;
    struct box a = cube(0, 10, 0.5), b = cube(5, 10, 0.5), c = cube(10, 10, 0.5);
    assert_near(box_iou(&a, &b), 500.0 / 1500);
    assert_near(box_iou(&a, &c), 0); /* they touch */
    assert_near(box_iou(&a, &a), 1);
    c.high[1] = c.low[1];
    assert_near(box_iou(&c, &c), 0);

    struct box all[] = {cube(0, 10, 0.4), cube(5, 10, 0.9),  cube(9, 10, 0.8),
                        cube(0, 10, NAN), cube(30, 10, 0.8), cube(12, 10, 0.3)};
    assert_int_equal(box_suppress(all, 6, 0.3),
                     3); /* 9 and 0 overlap 5; 12 overlaps 9, which is gone */
    assert_true(all[0].low[0] == 5 && all[1].low[0] == 30 && all[2].low[0] == 12);
    struct box again[] = {cube(0, 10, 0.4), cube(5, 10, 0.4), cube(12, 10, 0.3)};
    assert_int_equal(box_suppress(again, 3, 0.34), 3);
    assert_true(again[0].low[0] == 0 && again[2].low[0] == 12);
    box_around(again, 3, &a);
    assert_true(a.low[0] == 0 && a.high[0] == 22 && a.high[2] == 10 && a.score == 0.4);
    assert_int_equal(box_suppress(again, 0, 0.3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(by_sorting),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
