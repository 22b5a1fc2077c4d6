/* The lung z-profile (DESIGN 10; REQUIREMENTS T3 "Z-profile score"): a slice's features and a
 * study's score against numbers worked out by hand. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "math/zprofile.h"

#define assert_near(value, wanted) assert_true(fabs((value) - (wanted)) < 1e-9)

enum { C = 160, R = 120 };

static void box(float *hu, size_t x, size_t y, size_t w, size_t h, float value)
{
    for (size_t v = y; v < y + h; v++) {
        for (size_t u = x; u < x + w; u++) {
            hu[v * C + u] = value;
        }
    }
}

/* A body of 40 HU with air around it, so that the air touches the border. */
static float *body(void)
{
    float *hu = malloc(C * R * sizeof *hu);
    box(hu, 0, 0, C, R, -1000);
    box(hu, 10, 10, 140, 100, 40);
    return hu;
}

static struct zslice measure(const float *hu, struct zprofile_space *space)
{
    struct err err = {ERR_NONE, ""};
    struct zslice z;
    assert_ok(zprofile_slice(hu, C, R, 0.5, NULL, space, &z, &err), err);
    return z;
}

/* Two lungs of 50 x 40 and 40 x 40. In the left one a vessel of 4 x 4 (closed over or a small hole:
 * in the mask either way), a dense corner and an emphysema patch. */
static void two_lungs(void **state)
{
    (void)state;
    struct zprofile_space space = {0};
    float *hu = body();
    box(hu, 20, 30, 50, 40, -800);
    box(hu, 90, 30, 40, 40, -700);
    box(hu, 40, 50, 4, 4, 40);    /* 16 px above -300 */
    box(hu, 30, 40, 10, 2, -400); /* 20 px of a hole, above -500 */
    box(hu, 50, 32, 8, 5, -960);  /* 40 px of emphysema */
    box(hu, 135, 90, 9, 9, -900); /* 81 px of bowel: too small */
    struct zslice z = measure(hu, &space);
    assert_int_equal(z.left_px, 2000);
    assert_int_equal(z.right_px, 1600);
    assert_int_equal(z.area_px, 3600);
    assert_near(z.area_mm2, 1800);
    double sum = 1600 * -700.0 + (2000 - 76) * -800.0 + 16 * 40.0 + 20 * -400.0 + 40 * -960.0;
    assert_near(z.mean_hu, sum / 3600);
    assert_near(z.dense_500, 36.0 / 3600);
    assert_near(z.dense_300, 16.0 / 3600);
    assert_near(z.emph_950, 40.0 / 3600);
    assert_near(z.asym, 400.0 / 2000);
    assert_near(z.low, -1000);
    assert_near(z.high, 40);
    assert_int_equal(z.not_finite, 0);
    assert_int_equal(z.body_px, 140 * 100 - 3600 + 36 - 81);
    assert_true(bitmap_get(&space.mask, 41, 51) && !bitmap_get(&space.mask, 136, 92));

    /* Limits are strict: a value at the limit counts on neither side. */
    box(hu, 90, 30, 40, 40, -500);
    assert_int_equal(measure(hu, &space).right_px, 0);
    box(hu, 90, 30, 40, 40, -950);
    assert_near(measure(hu, &space).emph_950, 40.0 / 3600);
    box(hu, 40, 50, 4, 4, -300);
    assert_near(measure(hu, &space).dense_300, 0);
    zprofile_space_fini(&space);
    free(hu);
}

/* Of three parts the two largest count, wherever they lie; 999 pixels are no part, 1,000 are. */
static void which_parts(void **state)
{
    (void)state;
    struct zprofile_space space = {0};
    float *hu = body();
    box(hu, 20, 20, 40, 30, -800);  /* 1200, left */
    box(hu, 20, 60, 40, 35, -800);  /* 1400, left */
    box(hu, 100, 20, 40, 25, -800); /* 1000, right */
    struct zslice z = measure(hu, &space);
    assert_int_equal(z.left_px, 2600);
    assert_int_equal(z.right_px, 0);
    assert_near(z.asym, 1);
    box(hu, 20, 20, 40, 30, 40);
    z = measure(hu, &space);
    assert_int_equal(z.left_px, 1400);
    assert_int_equal(z.right_px, 1000);
    hu[20 * C + 100] = 40; /* a corner of a box is not closed over: 999 are left */
    assert_int_equal(measure(hu, &space).right_px, 0);
    /* A lung that is open to the border is air. */
    box(hu, 0, 60, 30, 2, -800);
    z = measure(hu, &space);
    assert_int_equal(z.area_px, 0);
    assert_true(isnan(z.mean_hu) && isnan(z.asym) && isnan(z.dense_500));
    zprofile_space_fini(&space);
    free(hu);
}

/* A part whose middle column is exactly half the width lies right; one pixel less, left. */
static void middle(void **state)
{
    (void)state;
    struct zprofile_space space = {0};
    float *hu = body();
    box(hu, 60, 30, 41, 40, -800); /* columns 60..100: middle 80 */
    assert_int_equal(measure(hu, &space).right_px, 1640);
    box(hu, 59, 30, 1, 40, -800);
    assert_int_equal(measure(hu, &space).left_px, 1680);
    zprofile_space_fini(&space);
    free(hu);
}

/* NaN is tissue to the threshold; inside a closed mask it counts in no mean. */
static void not_numbers(void **state)
{
    (void)state;
    struct zprofile_space space = {0};
    float *hu = body();
    box(hu, 20, 30, 50, 40, -800);
    box(hu, 90, 30, 40, 40, -800);
    box(hu, 40, 50, 2, 2, NAN);
    hu[55 * C + 45] = INFINITY;
    box(hu, 50, 50, 4, 5, -400);
    struct zslice z = measure(hu, &space);
    assert_int_equal(z.area_px, 3600);
    assert_int_equal(z.not_finite, 5);
    assert_near(z.mean_hu, (3575 * -800.0 + 20 * -400.0) / 3595);
    assert_near(z.dense_500, 20.0 / 3595);
    for (size_t i = 0; i < C * R; i++) {
        hu[i] = NAN;
    }
    z = measure(hu, &space);
    assert_true(z.area_px == 0 && isnan(z.low) && isnan(z.high) && z.body_px == 0);
    zprofile_space_fini(&space);
    free(hu);
}

/* Equal slices have equal prints, one changed sample another one. */
static void prints(void **state)
{
    (void)state;
    struct zprofile_space space = {0};
    float *hu = body();
    uint64_t first = measure(hu, &space).print;
    assert_true(measure(hu, &space).print == first);
    for (size_t at = 0; at < C * R; at += 1777) {
        float before = hu[at];
        hu[at] += 1;
        assert_true(measure(hu, &space).print != first);
        hu[at] = before;
    }
    zprofile_space_fini(&space);
    free(hu);
}

static struct zslice lungs(double mean, double dense, double emph, double asym)
{
    return (struct zslice){.area_px = 5000,
                           .left_px = 2500,
                           .right_px = 2500,
                           .mean_hu = mean,
                           .dense_500 = dense,
                           .dense_300 = dense / 2,
                           .emph_950 = emph,
                           .asym = asym};
}

/* Four slices, one of them without lungs: averages over three, abnormal over 3 x 4. */
static void score(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct zstudy s;
    struct zslice slice[4] = {lungs(-800, 0.03, 0.06, 0.3),
                              {.mean_hu = NAN},
                              lungs(-860, 0.05, 0.2, 0.6),
                              lungs(-830, 0.04, 0.1, 0.9)};
    assert_ok(zprofile_study(slice, 4, NULL, &s, &err), err);
    assert_int_equal(s.lung_slices, 3);
    assert_near(s.avg_hu, -830);
    assert_near(s.avg_dense_500, 0.04);
    assert_near(s.avg_dense_300, 0.02);
    assert_near(s.avg_emph_950, 0.12);
    assert_near(s.avg_asymmetry, 0.6);
    assert_true(s.high_dense == 1 && s.low_hu == 1 && s.high_emph == 1);
    assert_near(s.dense, 2.0 / 3); /* (0.04 - 0.02) / 0.03 */
    assert_near(s.hu, 50.0 / 70);  /* (-780 + 830) / 70 */
    assert_near(s.emph, 0.4);      /* 0.12 / 0.3 */
    assert_near(s.asym, 0.6);      /* (0.6 - 0.3) / 0.5 */
    assert_near(s.abnormal, 3.0 / 12);
    assert_near(s.z, 0.35 * 2 / 3 + 0.25 * 5 / 7 + 0.2 * 0.4 + 0.1 * 0.6 + 0.1 * 0.25);

    /* Signs stop at 0 and 1; counts are strict. */
    slice[0] = lungs(-850, 0.045, 0.15, 0.1);
    assert_ok(zprofile_study(slice, 1, NULL, &s, &err), err);
    assert_true(s.high_dense == 0 && s.low_hu == 0 && s.high_emph == 0);
    assert_true(s.hu == 1 && s.asym == 0 && s.abnormal == 0);
    slice[0] = lungs(-700, 0.01, 0.9, 1);
    assert_ok(zprofile_study(slice, 1, NULL, &s, &err), err);
    assert_true(s.dense == 0 && s.hu == 0 && s.emph == 1 && s.asym == 1);
    assert_near(s.z, 0.2 + 0.1 + 0.1 / 3);
    slice[0] = lungs(-960, 0.5, 0.9, 1);
    assert_ok(zprofile_study(slice, 1, NULL, &s, &err), err);
    assert_near(s.z, 1);

    assert_false(zprofile_study(slice + 1, 1, NULL, &s, &err));
    assert_int_equal(err.code, ERR_NOTHING);
    assert_string_equal(err.text, "no lungs in any of 1 slices");
}

/* A site's own numbers are used. */
static void own_rule(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct zprofile_rule rule = zprofile_rule_default;
    struct zprofile_space space = {0};
    struct zstudy s;
    float *hu = body();
    struct zslice z;
    box(hu, 20, 30, 20, 20, -800);
    rule.min_object_px = 400;
    rule.high_dense_above = -1;
    rule.weight_abnormal = 0.9;
    assert_ok(zprofile_slice(hu, C, R, 1, &rule, &space, &z, &err), err);
    assert_int_equal(z.area_px, 400);
    assert_ok(zprofile_study(&z, 1, &rule, &s, &err), err);
    assert_near(s.z, 0.25 * 20 / 70 + 0.1 + 0.9 / 3);
    zprofile_space_fini(&space);
    free(hu);
}

/* The same on any number of threads; the lowest slice that fails is told. */
static bool read_slice(void *arg, size_t slice, float *ret, struct err *err)
{
    float *hu = body();
    box(hu, 20, 30, 50, 40 - slice % 7, -800 - (float)slice);
    box(hu, 90, 30, 40, 40, -700);
    memcpy(ret, hu, C * R * sizeof *hu);
    free(hu);
    return !arg || slice % 20 != 13 || err_set(err, ERR_FORMAT, "torn");
}

static void all_slices(void **state)
{
    (void)state;
    enum { N = 60 };
    struct err err = {ERR_NONE, ""};
    struct zslice one[N], four[N];
    uint8_t *masks = malloc((size_t)N * C * R);
    struct zprofile_job job = {.columns = C,
                               .rows = R,
                               .slices = N,
                               .px_mm2 = 0.5,
                               .threads = 1,
                               .read = read_slice,
                               .masks = masks};
    assert_ok(zprofile_run(&job, one, &err), err);
    job.threads = 4;
    assert_ok(zprofile_run(&job, four, &err), err);
    assert_memory_equal(one, four, sizeof one);
    size_t count = 0;
    for (size_t i = 0; i < (size_t)C * R; i++) {
        count += masks[(size_t)(N - 1) * C * R + i];
    }
    assert_int_equal(count, one[N - 1].area_px);
    job.arg = &job;
    assert_false(zprofile_run(&job, four, &err));
    assert_string_equal(err.text, "slice 13: torn");
    assert_int_equal(err.code, ERR_FORMAT);
    free(masks);
}

static bool run_once(void *arg, struct err *err)
{
    struct zslice z[2];
    struct zprofile_job job = {
        .columns = C, .rows = R, .slices = 2, .px_mm2 = 1, .threads = 1, .read = read_slice};
    (void)arg;
    return zprofile_run(&job, z, err);
}

static void out_of_memory(void **state)
{
    (void)state;
    test_every_failure(run_once, NULL);
}

static void table(void **state)
{
    (void)state;
    struct str out = STR_INIT;
    struct zslice slice[2] = {lungs(-812.5, 0.25, 0.125, 0), {.mean_hu = NAN}};
    static const double z_mm[2] = {-120.5, -119.25};
    slice[0].area_mm2 = 2500;
    zprofile_csv(slice, 2, z_mm, &out);
    assert_string_equal(
        str_text(&out),
        "slice,z_mm,lung_area_px,lung_area_mm2,left_px,right_px,mean_lung_HU,frac_dense_m500,"
        "frac_dense_m300,frac_emph_m950,LR_asym\n"
        "0,-120.5,5000,2500,2500,2500,-812.5,0.25,0.125,0.125,0\n"
        "1,-119.25,0,0,0,0,,,,,\n");
    str_clear(&out);
    zprofile_csv(slice, 1, NULL, &out);
    assert_true(str_starts(str_text(&out), "slice,lung_area_px,"));
    str_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_lungs),     cmocka_unit_test(which_parts),
        cmocka_unit_test(middle),        cmocka_unit_test(not_numbers),
        cmocka_unit_test(prints),        cmocka_unit_test(score),
        cmocka_unit_test(own_rule),      cmocka_unit_test(all_slices),
        cmocka_unit_test(out_of_memory), cmocka_unit_test(table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
