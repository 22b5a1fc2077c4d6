/* Figures under labels, and volumes in other voxels (issue 5, point 3). (Numbers are compared with
 * numpy's and scipy's in tests/e2e/test_image_steps.py.) */
#include "test.h"

#include <math.h>
#include <string.h>
#include "math/regions.h"
#include "math/resample-volume.h"

static const double labels[8] = {0, 7, 7, -2, 7, 0, 9, 7};
static const double values[8] = {5, 1, 4, 8, 2, NAN, INFINITY, 3};

static bool measure(void *arg, struct err *err)
{
    static const double half[1] = {0.5};
    struct regions r = {NULL, 0, 0};
    bool ok =
        regions_find(&r, labels, 8, err) && regions_measure(&r, values, labels, 8, half, 1, err);
    if (ok) {
        const struct region *one = &r.list[1];
        assert_int_equal(r.n, 3);
        assert_true(r.list[0].label == -2 && one->label == 7 && r.list[2].label == 9);
        assert_true(one->count == 4 && one->mean == 2.5 && one->quantile[0] == 2.5);
        assert_true(fabs(one->sd - sqrt(1.25)) < 1e-12 && one->low == 1 && one->high == 4);
        assert_true(r.list[2].count == 0 && r.list[2].not_finite == 1 && isnan(r.list[2].mean));
    }
    mem_free(r.list);
    (void)arg;
    return ok;
}

static void figures(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct regions r = {NULL, 0, 0};
    const double half = 0.5, large = 1e12;
    test_every_failure(measure, NULL);
    assert_false(regions_find(&r, &half, 1, &err));
    assert_string_equal(err.text, "0.5 is no label (a whole number)");
    assert_false(regions_find(&r, &large, 1, &err));
    for (int i = 0; i < REGIONS_MOST; i++) {
        assert_ok(regions_add(&r, i, &err), err);
    }
    assert_ok(regions_add(&r, 5, &err), err);
    assert_false(regions_add(&r, -1, &err));
    mem_free(r.list);
}

/* A cubic spline goes through the voxels; labels and nearest give what was there. */
static void at_the_voxels(void **state)
{
    (void)state;
    static const size_t n[3] = {5, 4, 3};
    static const double here[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
    const struct resample_grid grid = {{5, 4, 3}, {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
    struct err err = {ERR_NONE, ""};
    double in[60], coefficients[60], slice[20];
    for (size_t i = 0; i < 60; i++) {
        in[i] = coefficients[i] = (double)(i * 37 % 11);
    }
    assert_ok(resample_volume_prepare(coefficients, n, 1, &err), err);
    for (int method = RESAMPLE_NEAREST; method <= RESAMPLE_LABELS; method++) {
        const double *from = method == RESAMPLE_CUBIC ? coefficients : in;
        for (size_t z = 0; z < 3; z++) {
            resample_volume_slice(from, n, here, &grid, z, (enum resample_method)method, -1, 1,
                                  slice);
            for (size_t i = 0; i < 20; i++) {
                assert_true(fabs(slice[i] - in[20 * z + i]) < 1e-9);
            }
        }
    }
    resample_volume_slice(in, n, here, &grid, 7, RESAMPLE_LINEAR, -1, 1, slice);
    assert_true(slice[0] == -1); /* outside */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(figures), cmocka_unit_test(at_the_voxels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
