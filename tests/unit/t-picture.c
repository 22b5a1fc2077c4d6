/* What a slice looks like: quantiles, bytes, thumbnails, profiles, colour maps (issue 3, part 5).
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include "math/picture.h"

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* A generator of our own, so that the numbers are the same everywhere. */
static double next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / (double)(1u << 24);
}

/* numpy.percentile's default: linear between neighbours of the sorted samples. */
static double quantile_by_sorting(const float *values, size_t count, double fraction)
{
    float *sorted = malloc(count * sizeof *sorted);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i])) {
            sorted[n++] = values[i];
        }
    }
    qsort(sorted, n, sizeof *sorted, by_value);
    double at = fraction * (double)(n - 1);
    size_t left = (size_t)at, right = left + 1 < n ? left + 1 : left;
    double value =
        (double)sorted[left] + (at - (double)left) * ((double)sorted[right] - (double)sorted[left]);
    free(sorted);
    return value;
}

/* G19: 5-95 %, exact whatever the range of the values; NaN and infinities left out. */
static void quantiles(void **state)
{
    (void)state;
    enum { N = 97 * 61 };
    static const double fraction[4] = {0.05, 0.95, 0, 1};
    float *image = malloc(N * sizeof *image);
    uint32_t seed = 7;
    double got[4];
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < N; i++) {
            double v = next_random(&seed) - 0.4;
            image[i] = (float)(round == 1 ? v * 1e-30 : round == 2 ? floor(v * 5) : v);
        }
        if (round == 3) { /* hot pixels and holes */
            image[5] = 1e30f;
            image[6] = -3e38f;
            image[7] = NAN;
            image[8] = INFINITY;
            image[9] = -INFINITY;
            image[10] = -0.0f;
        }
        assert_true(picture_quantiles(image, 97, 61, false, fraction, 4, got));
        for (int i = 0; i < 4; i++) {
            double want = quantile_by_sorting(image, N, fraction[i]);
            assert_true(fabs(got[i] - want) <= 1e-12 * fabs(want));
        }
    }
    for (size_t i = 0; i < N; i++) {
        image[i] = NAN;
    }
    assert_false(picture_quantiles(image, 97, 61, false, fraction, 2, got));
    image[0] = 4;
    assert_true(picture_quantiles(image, 1, 1, true, fraction, 2, got));
    assert_true(got[0] == 4 && got[1] == 4);
    free(image);
}

/* Of a large image a part is counted: of pixels that are all alike it says the same. */
static void quantiles_of_a_part(void **state)
{
    (void)state;
    enum { SIDE = 2100 };
    static const double fraction[3] = {0.05, 0.5, 0.95};
    float *image = malloc((size_t)SIDE * SIDE * sizeof *image);
    uint32_t seed = 3;
    double got[3];
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
        image[i] = (float)next_random(&seed);
    }
    assert_true(picture_quantiles(image, SIDE, SIDE, true, fraction, 3, got));
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(got[i] - fraction[i]) < 0.002);
    }
    free(image);
}

/* The corners of a slice are empty and do not count. */
static void quantiles_within_the_circle(void **state)
{
    (void)state;
    enum { N = 64 };
    static const double fraction[2] = {0, 1};
    static float image[N * N];
    double got[2];
    for (size_t y = 0; y < N; y++) {
        for (size_t x = 0; x < N; x++) {
            double r = hypot((double)x - 31.5, (double)y - 31.5);
            image[y * N + x] = r <= 31 ? 2 : r <= 32 ? 50 : -100;
        }
    }
    assert_true(picture_quantiles(image, N, N, true, fraction, 2, got));
    assert_true(got[0] == 2 && got[1] == 2);
    assert_true(picture_quantiles(image, N, N, false, fraction, 2, got));
    assert_true(got[0] == -100 && got[1] == 50);
}

static void bytes(void **state)
{
    (void)state;
    static const float values[] = {-1, 0, 0.5f, 1, 2, NAN, INFINITY, -INFINITY, 0.25f, 0.1f, 0.9f};
    static const uint8_t want[] = {0, 0, 128, 255, 255, 0, 255, 0, 64, 26, 230};
    static const uint8_t constant[] = {0, 0, 128, 255, 255, 0, 255, 0, 0, 0, 255};
    uint8_t got[11];
    picture_bytes(values, 11, 0, 1, got);
    assert_memory_equal(got, want, 11);
    picture_bytes(values, 11, 0.5, 0.5, got); /* an image of one value is grey, not black */
    assert_memory_equal(got, constant, 11);
    picture_bytes(values, 11, 0, 1e-300, got);
    assert_int_equal(got[3], 255);
    assert_int_equal(got[0], 0);
}

static void fit(void **state)
{
    (void)state;
    size_t c, r;
    picture_fit(2448, 2448, 256, &c, &r);
    assert_true(c == 256 && r == 256);
    picture_fit(3000, 2, 100, &c, &r);
    assert_true(c == 100 && r == 1);
    picture_fit(30, 20, 100, &c, &r);
    assert_true(c == 30 && r == 20);
    picture_fit(30, 20, 0, &c, &r);
    assert_true(c == 30 && r == 20);
}

/* The mean is kept whatever the factor, and a hole is left out rather than spread. */
static void shrink(void **state)
{
    (void)state;
    struct err err = {0};
    float image[7 * 5], small[3 * 2], one;
    double sum = 0, mean = 0;
    for (size_t i = 0; i < 35; i++) {
        image[i] = (float)(i * i % 11);
        sum += (double)image[i];
    }
    assert_ok(picture_shrink(image, 7, 5, 3, 2, small, &err), err);
    for (size_t i = 0; i < 6; i++) {
        mean += (double)small[i] / 6;
    }
    assert_true(fabs(mean - sum / 35) < 1e-5);
    assert_ok(picture_shrink(image, 7, 5, 1, 1, &one, &err), err);
    assert_true(fabs((double)one - sum / 35) < 1e-5);
    for (size_t i = 0; i < 35; i++) {
        image[i] = i == 3 ? NAN : 6;
    }
    assert_ok(picture_shrink(image, 7, 5, 3, 2, small, &err), err);
    for (size_t i = 0; i < 6; i++) {
        assert_true(fabsf(small[i] - 6) < 1e-5f);
    }
    for (size_t i = 0; i < 35; i++) {
        image[i] = NAN;
    }
    assert_ok(picture_shrink(image, 7, 5, 1, 1, &one, &err), err);
    assert_true(isnan(one));
    assert_false(picture_shrink(image, 7, 5, 8, 5, small, &err));
}

static void profile(void **state)
{
    (void)state;
    float image[4 * 3], got[7];
    double from[2] = {0, 0}, to[2] = {3, 2};
    for (size_t y = 0; y < 3; y++) {
        for (size_t x = 0; x < 4; x++) {
            image[y * 4 + x] = (float)(10 * y + x); /* a plane: bilinear is exact */
        }
    }
    picture_profile(image, 4, 3, from, to, 7, got);
    for (size_t i = 0; i < 7; i++) {
        double t = (double)i / 6;
        assert_true(fabs((double)got[i] - (20 * t + 3 * t)) < 1e-5);
    }
    to[0] = 6; /* leaves the image */
    picture_profile(image, 4, 3, from, to, 7, got);
    assert_true(isfinite(got[3]) && isnan(got[4]) && isnan(got[6]));
    picture_profile(image, 4, 3, from, to, 1, got);
    assert_true(got[0] == 0);
}

static void maps(void **state)
{
    (void)state;
    uint8_t gray[768], viridis[768];
    assert_false(picture_map("plaid", gray));
    assert_true(picture_map("gray", gray) && picture_map("viridis", viridis));
    for (size_t i = 0; i < 256; i++) {
        assert_true(gray[3 * i] >= i - (i > 0) && gray[3 * i] <= i + 1);
    }
    assert_int_equal(viridis[0], 68);
    assert_int_equal(viridis[255 * 3 + 2], 37);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles), cmocka_unit_test(quantiles_within_the_circle),
        cmocka_unit_test(bytes),     cmocka_unit_test(quantiles_of_a_part),
        cmocka_unit_test(fit),       cmocka_unit_test(shrink),
        cmocka_unit_test(profile),   cmocka_unit_test(maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
