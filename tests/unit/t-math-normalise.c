/*
 * math/normalise: exact where all is well, and safe where it is not: dead and NaN pixels filled and
 * counted, transmissions that are zero or negative raised and counted, empty flats refused in one
 * clear line (acceptance: NaN pixels, all-zero flats).
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "math/normalise.h"

enum { ANGLES = 5, ROWS = 3, COLUMNS = 37, FRAME = ROWS * COLUMNS };

static float flat[FRAME], dark[FRAME];

static void fill(float *to, float value)
{
    for (size_t i = 0; i < FRAME; i++) {
        to[i] = value;
    }
}

static struct normalise *made(bool minus_log, unsigned threads)
{
    struct err err;
    struct normalise *n = normalise_new(ROWS, COLUMNS, flat, dark, minus_log, threads, &err);
    assert_ok(n != NULL, err);
    return n;
}

static void run(struct normalise *n, enum normalise_type type, const void *raw, float *sino)
{
    struct err err;
    struct normalise_block b = {
        .type = type, .raw = raw, .angles = ANGLES, .rows = ROWS, .angles_total = ANGLES};
    assert_ok(normalise_block(n, &b, sino, &err), err);
}

static float *at(float *sino, size_t row, size_t angle, size_t column)
{
    return &sino[(row * ANGLES + angle) * COLUMNS + column];
}

#define assert_close(value, wanted, within)                                              \
    do {                                                                                 \
        double v_ = (double)(value), w_ = (double)(wanted);                              \
        if (!(fabs(v_ - w_) <= (within))) {                                              \
            fail_msg("%s is %.8f, wanted %.8f +- %g", #value, v_, w_, (double)(within)); \
        }                                                                                \
    } while (0)

/* Every type, both ways, against the formula in double precision. */
static void t_is_minus_log_of_the_transmission(void **state)
{
    (void)state;
    uint8_t u8[ANGLES * FRAME];
    uint16_t u16[ANGLES * FRAME];
    float f32[ANGLES * FRAME], sino[ANGLES * FRAME];
    const void *raw[] = {u8, u16, f32};
    for (size_t i = 0; i < FRAME; i++) {
        flat[i] = 200.0f + (float)(i % 50);
        dark[i] = 3.0f + (float)(i % 3);
    }
    for (size_t i = 0; i < ANGLES * FRAME; i++) {
        u8[i] = (uint8_t)(10 + i * 7 % 180);
        u16[i] = u8[i];
        f32[i] = (float)u8[i];
    }
    for (int log_too = 0; log_too < 2; log_too++) {
        for (unsigned type = 0; type < 3; type++) {
            struct normalise *n = made(log_too, 1 + type);
            struct normalise_stats stats;
            run(n, (enum normalise_type)type, raw[type], sino);
            for (size_t a = 0; a < ANGLES; a++) {
                for (size_t p = 0; p < FRAME; p++) {
                    double t = ((double)u8[a * FRAME + p] - (double)dark[p]) /
                        ((double)flat[p] - (double)dark[p]);
                    assert_close(*at(sino, p / COLUMNS, a, p % COLUMNS), log_too ? -log(t) : t,
                                 2e-6);
                }
            }
            normalise_stats(n, &stats);
            assert_int_equal(stats.dead_pixels + stats.nan_samples + stats.negative_samples, 0);
            assert_int_equal(stats.samples, ANGLES * FRAME);
            normalise_free(n);
        }
    }
}

static void t_blocks_of_angles_and_rows_make_the_same(void **state)
{
    (void)state;
    struct err err;
    uint16_t raw[ANGLES * FRAME], part[2 * 2 * COLUMNS];
    float whole[ANGLES * FRAME], sino[2 * ANGLES * COLUMNS];
    fill(flat, 60000);
    fill(dark, 100);
    for (size_t i = 0; i < ANGLES * FRAME; i++) {
        raw[i] = (uint16_t)(1000 + i * 101 % 50000);
    }
    struct normalise *n = made(true, 2);
    run(n, NORMALISE_U16, raw, whole);
    for (size_t first = 0; first < ANGLES; first += 2) { /* rows 1 and 2, two angles at a time */
        size_t count = ANGLES - first < 2 ? 1 : 2;
        for (size_t a = 0; a < count; a++) {
            memcpy(part + a * 2 * COLUMNS, raw + (first + a) * FRAME + COLUMNS,
                   2 * COLUMNS * sizeof *raw);
        }
        struct normalise_block b = {.type = NORMALISE_U16,
                                    .raw = part,
                                    .angles = count,
                                    .rows = 2,
                                    .row_first = 1,
                                    .angle_first = first,
                                    .angles_total = ANGLES};
        assert_ok(normalise_block(n, &b, sino, &err), err);
    }
    assert_memory_equal(sino, whole + ANGLES * COLUMNS, sizeof sino);
    struct normalise_block wrong = {.type = NORMALISE_U16,
                                    .raw = raw,
                                    .angles = 1,
                                    .rows = 2,
                                    .row_first = 2,
                                    .angles_total = ANGLES};
    assert_false(normalise_block(n, &wrong, sino, &err));
    normalise_free(n);
}

static void t_dead_and_nan_pixels_are_filled_and_counted(void **state)
{
    (void)state;
    float raw[ANGLES * FRAME], sino[ANGLES * FRAME];
    struct normalise_stats stats;
    fill(flat, 1);
    fill(dark, 0);
    for (size_t i = 0; i < ANGLES * FRAME; i++) {
        raw[i] = expf(-(float)(i % COLUMNS) / 40);
    }
    flat[0] = 0;           /* the row's end: from the next good one */
    flat[10] = NAN;        /* in the middle: between its neighbours */
    dark[COLUMNS + 5] = 2; /* brighter than the flat */
    for (size_t c = 0; c < COLUMNS; c++) {
        flat[2 * COLUMNS + c] = 0; /* a whole row */
    }
    raw[COLUMNS + 20] = NAN;
    raw[COLUMNS + 21] = INFINITY;
    raw[COLUMNS + 30] = 0;
    raw[COLUMNS + 31] = -3;
    struct normalise *n = made(true, 2);
    run(n, NORMALISE_F32, raw, sino);
    for (size_t i = 0; i < ANGLES * FRAME; i++) {
        assert_true(isfinite(sino[i]));
    }
    assert_close(*at(sino, 0, 3, 0), 1 / 40.0, 1e-5);
    assert_close(*at(sino, 0, 3, 10), 10 / 40.0, 1e-3);
    assert_close(*at(sino, 1, 3, 5), 5 / 40.0, 1e-3);
    assert_close(*at(sino, 1, 0, 20), 20 / 40.0, 1e-3);
    assert_close(*at(sino, 1, 0, 21), 21 / 40.0, 1e-3);
    assert_close(*at(sino, 1, 0, 30), -log((double)NORMALISE_FLOOR), 1e-5);
    assert_close(*at(sino, 1, 0, 31), -log((double)NORMALISE_FLOOR), 1e-5);
    assert_close(*at(sino, 2, 2, 7), 0, 0);
    normalise_stats(n, &stats);
    assert_int_equal(stats.dead_pixels, 3 + COLUMNS);
    assert_int_equal(stats.dead_rows, 1);
    assert_int_equal(stats.nan_samples, 2);
    assert_int_equal(stats.negative_samples, 2);
    assert_int_equal(stats.unusable_samples, (3 + COLUMNS) * ANGLES + 4);
    normalise_free(n);
}

static void t_empty_flats_are_refused(void **state)
{
    (void)state;
    struct err err;
    fill(flat, 0);
    fill(dark, 0);
    assert_null(normalise_new(ROWS, COLUMNS, flat, dark, true, 1, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "every flat-field pixel is 0"));
    fill(flat, NAN);
    assert_null(normalise_new(ROWS, COLUMNS, flat, NULL, true, 1, &err));
    assert_non_null(strstr(err.text, "not a number"));
    fill(flat, 10);
    fill(dark, 90);
    assert_null(normalise_new(ROWS, COLUMNS, flat, dark, true, 1, &err));
    assert_non_null(strstr(err.text, "brighter"));
    flat[5] = 100; /* one good pixel is enough to begin */
    normalise_free(made(true, 1));
    normalise_free(NULL);
}

static void t_no_flats_mean_transmissions(void **state)
{
    (void)state;
    struct err err;
    float raw[COLUMNS], sino[COLUMNS];
    for (size_t c = 0; c < COLUMNS; c++) {
        raw[c] = 0.5f + (float)c / 100;
    }
    struct normalise *n = normalise_new(1, COLUMNS, NULL, NULL, false, 1, &err);
    assert_ok(n != NULL, err);
    struct normalise_block b = {
        .type = NORMALISE_F32, .raw = raw, .angles = 1, .rows = 1, .angles_total = 1};
    assert_ok(normalise_block(n, &b, sino, &err), err);
    assert_memory_equal(raw, sino, sizeof raw);
    normalise_free(n);
}

static void t_means_leave_out_what_is_no_number(void **state)
{
    (void)state;
    struct err err;
    const float frames[2 * 3] = {1, NAN, NAN, 3, 5, NAN};
    const uint8_t bytes[2 * 2] = {10, 255, 20, 254};
    float mean[3];
    assert_ok(normalise_mean(NORMALISE_F32, frames, 2, 3, mean, &err), err);
    assert_close(mean[0], 2, 0);
    assert_close(mean[1], 5, 0);
    assert_true(isnan(mean[2]));
    assert_ok(normalise_mean(NORMALISE_U8, bytes, 2, 2, mean, &err), err);
    assert_close(mean[1], 254.5, 0);
    assert_false(normalise_mean(NORMALISE_U8, bytes, 0, 2, mean, &err));
    assert_int_equal(err.code, ERR_FORMAT);
}

static bool once(void *arg, struct err *err)
{
    (void)arg;
    struct normalise *n = normalise_new(ROWS, COLUMNS, flat, dark, true, 1, err);
    bool ok = n != NULL;
    normalise_free(n);
    return ok;
}

static void t_running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    fill(flat, 9);
    fill(dark, 1);
    test_every_failure(once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_is_minus_log_of_the_transmission),
        cmocka_unit_test(t_blocks_of_angles_and_rows_make_the_same),
        cmocka_unit_test(t_dead_and_nan_pixels_are_filled_and_counted),
        cmocka_unit_test(t_empty_flats_are_refused),
        cmocka_unit_test(t_no_flats_mean_transmissions),
        cmocka_unit_test(t_means_leave_out_what_is_no_number),
        cmocka_unit_test(t_running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
