/*
 * math/centre-ai: what a model of try slices is shown. The drawing of windows, the shrinking and
 * the rounding agree with what NumPy and Pillow make of the same numbers (REQUIREMENTS C10, G12: a
 * site's classifier sees the windows that TomoGUI showed it); windows for the own model lie where
 * the specimen is; the top of a score curve is found between its places.
 */
#include "test.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "math/centre-ai.h"

/* Golden corners: numpy 1.24, seed(SEED) and multinomial(1, circle / circle.sum(), COUNT). */
static void test_draw(void **state)
{
    static const struct {
        size_t n, size, count;
        uint32_t seed;
        struct centre_ai_corner wanted[5];
    } cases[] = {
        {1024, 518, 3, 10, {{168, 55}, {14, 505}, {32, 357}}},
        {1023, 518, 3, 10, {{168, 297}, {14, 504}, {32, 492}}},
        {700, 518, 3, 10, {{59, 102}, {37, 181}, {68, 181}}},
        {64, 16, 3, 10, {{25, 47}, {0, 20}, {44, 4}}},
        {40, 8, 5, 7, {{8, 9}, {11, 22}, {21, 16}, {28, 30}, {0, 12}}},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct centre_ai_corner corner[5];
        struct err err = {ERR_NONE, ""};

        assert_true(
            centre_ai_draw(cases[i].n, cases[i].size, cases[i].count, cases[i].seed, corner, &err));
        for (size_t k = 0; k < cases[i].count; k++) {
            assert_int_equal(corner[k].row, cases[i].wanted[k].row);
            assert_int_equal(corner[k].column, cases[i].wanted[k].column);
        }
    }
}

static void test_draw_too_small(void **state)
{
    struct centre_ai_corner corner[3];
    struct err err = {ERR_NONE, ""};
    (void)state;

    assert_false(centre_ai_draw(518, 518, 3, 10, corner, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "518"));
}

/* Pillow's Image.resize(..., BILINEAR) of float images, an even and an odd side. */
static void test_shrink(void **state)
{
    static const float even[4][4] = {{38.8979607F, 46.4107132F, 45.4464302F, 48.8367348F},
                                     {55.7142868F, 54.53125F, 49.734375F, 51.4821434F},
                                     {55.2142868F, 47.71875F, 46.078125F, 47.375F},
                                     {52.4489822F, 54.0357132F, 51.2678566F, 50.0204086F}};
    static const float odd[3][3] = {{44.6173477F, 44.7815132F, 44.6122437F},
                                    {53.7689095F, 54.0311432F, 57.6134453F},
                                    {39.9438782F, 49.2016792F, 49.2142868F}};
    float image[64], small[16];
    struct err err = {ERR_NONE, ""};
    (void)state;

    for (size_t i = 0; i < 64; i++) {
        image[i] = (float)(i * 7919 % 101);
    }
    assert_true(centre_ai_shrink(image, 8, 2, small, &err));
    for (size_t i = 0; i < 16; i++) {
        assert_float_equal(small[i], even[i / 4][i % 4], 2e-5F);
    }
    assert_true(centre_ai_shrink(image, 7, 2, small, &err));
    for (size_t i = 0; i < 9; i++) {
        assert_float_equal(small[i], odd[i / 3][i % 3], 2e-5F);
    }
}

static void test_scale(void **state)
{
    float image[5] = {-1, 0, 1, 1.9999F, 3};
    float flat[2] = {4, 4};
    (void)state;

    centre_ai_scale(image, 5, 8);
    assert_float_equal(image[0], 0, 0);
    assert_float_equal(image[1], 63 / 255.0F, 1e-7F); /* 63.75 is cut, not rounded */
    assert_float_equal(image[2], 127 / 255.0F, 1e-7F);
    assert_float_equal(image[3], 191 / 255.0F, 1e-7F);
    assert_true(image[4] > 0.99F && image[4] <= 1);
    centre_ai_scale(flat, 2, 8);
    assert_float_equal(flat[0], 0, 0);
}

static void test_share(void **state)
{
    (void)state;
    assert_float_equal(centre_ai_share(0, 0), 0.5, 1e-12);
    assert_float_equal(centre_ai_share(1, 3), 0.880797077977882, 1e-12);
    assert_float_equal(centre_ai_share(-900, 900), 1, 0);
    assert_float_equal(centre_ai_share(900, -900), 0, 0);
}

/* Structure in one corner of an empty image: the first window covers it, and no two of the first
 * four overlap. */
static void test_pick(void **state)
{
    size_t n = 256, count = 0;
    float *image = mem_zero(n * n * sizeof(float), NULL);
    struct centre_ai_corner corner[8];
    struct err err = {ERR_NONE, ""};
    (void)state;

    for (size_t i = 0; i < 24 * 24; i++) {
        image[(140 + i / 24) * n + 76 + i % 24] = 1;
    }
    assert_true(centre_ai_pick(image, n, 64, 8, corner, &count, &err));
    assert_int_equal(count, 8);
    assert_true(corner[0].row <= 140 && corner[0].row + 64 >= 164);
    assert_true(corner[0].column <= 76 && corner[0].column + 64 >= 100);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_true(labs((long)corner[i].row - (long)corner[k].row) >= 64 ||
                        labs((long)corner[i].column - (long)corner[k].column) >= 64);
        }
    }
    assert_true(centre_ai_pick(image, 64, 64, 8, corner, &count, &err));
    assert_int_equal(count, 1);
    assert_false(centre_ai_pick(image, 63, 64, 8, corner, &count, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    mem_free(image);
}

static void test_rows(void **state)
{
    float image[16 * 16], row[2 * 8 * 8];
    double mean = 0, square = 0;
    (void)state;

    for (size_t i = 0; i < 256; i++) {
        image[i] = (float)i;
    }
    centre_ai_cut(image, 16, (struct centre_ai_corner){3, 5}, 8, row);
    centre_ai_cut(image, 16, (struct centre_ai_corner){8, 8}, 8, row + 64);
    assert_float_equal(row[0], 3 * 16 + 5, 0);
    assert_float_equal(row[63], 10 * 16 + 12, 0);
    assert_float_equal(row[127], 255, 0);
    centre_ai_level(row, 128);
    for (size_t i = 0; i < 128; i++) {
        mean += (double)row[i] / 128;
        square += (double)row[i] * (double)row[i] / 128;
    }
    assert_float_equal(mean, 0, 1e-6);
    assert_float_equal(square, 1, 1e-6);
    assert_true(row[1] > row[0] && row[127] > row[63]);
    memset(row, 0, sizeof(row));
    centre_ai_level(row, 128);
    assert_float_equal(row[17], 0, 0);
}

static void test_top(void **state)
{
    double curve[9], end[3] = {3, 2, 1}, flat[3] = {1, 1, 1};
    (void)state;

    for (size_t i = 0; i < 9; i++) {
        curve[i] = -2 * ((double)i - 4.3) * ((double)i - 4.3);
    }
    assert_float_equal(centre_ai_top(curve, 9), 4.3, 1e-9);
    assert_float_equal(centre_ai_top(end, 3), 0, 0);
    assert_float_equal(centre_ai_top(flat, 3), 0, 0);
    assert_true(centre_ai_mass(curve, 9, 4.3, 1) > 0.95);
    assert_float_equal(centre_ai_mass(flat, 3, 0, 0.5), 1.0 / 3, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draw),   cmocka_unit_test(test_draw_too_small),
        cmocka_unit_test(test_shrink), cmocka_unit_test(test_scale),
        cmocka_unit_test(test_share),  cmocka_unit_test(test_pick),
        cmocka_unit_test(test_rows),   cmocka_unit_test(test_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
