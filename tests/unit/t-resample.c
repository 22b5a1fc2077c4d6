/* Slices and volumes in another grid, and the classifier's bag of slices (DESIGN 7, 10: 64 axial
 * slices, 256 x 256, -1000..400 HU to 0..1). */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "math/mil-input.h"
#include "math/resample.h"

#define assert_near(value, wanted) assert_true(fabs((double)(value) - (wanted)) < 1e-6)

static void check_plane(const float *in, size_t columns, size_t rows, size_t out_columns,
                        size_t out_rows, const double *wanted)
{
    struct err err = {ERR_NONE, ""};
    float got[64];
    assert_ok(resample_plane(in, columns, rows, out_columns, out_rows, got, &err), err);
    for (size_t i = 0; i < out_columns * out_rows; i++) {
        if (!(fabs((double)got[i] - wanted[i]) < 1e-6) && !(isnan(got[i]) && isnan(wanted[i]))) {
            fail_msg("%zu x %zu, pixel %zu: %g, not %g", out_columns, out_rows, i, (double)got[i],
                     wanted[i]);
        }
    }
}

static void planes(void **state)
{
    (void)state;
    static const float four[8] = {0, 2, 4, 6, 10, 12, 14, 16};
    static const float three[3] = {3, 6, 12};
    static const float two[2] = {0, 4};
    static const float holes[4] = {1, NAN, 3, 5};
    check_plane(four, 4, 2, 2, 1, (const double[]){6, 10});
    check_plane(four, 4, 2, 4, 2, (const double[]){0, 2, 4, 6, 10, 12, 14, 16});
    check_plane(four, 4, 2, 1, 2, (const double[]){3, 13});
    check_plane(three, 3, 1, 2, 1, (const double[]){(3 + 3.0) / 1.5, (3 + 12.0) / 1.5});
    check_plane(two, 2, 1, 4, 1, (const double[]){0, 1, 3, 4}); /* ends go on */
    check_plane(two, 1, 2, 1, 4, (const double[]){0, 1, 3, 4});
    check_plane(two, 2, 1, 2, 3, (const double[]){0, 4, 0, 4, 0, 4});
    check_plane(holes, 4, 1, 2, 1, (const double[]){NAN, 4});
    check_plane(holes, 4, 1, 4, 1, (const double[]){1, NAN, 3, 5}); /* no weight, no harm */

    struct err err = {ERR_NONE, ""};
    float one;
    assert_false(resample_plane(four, 4, 0, 1, 1, &one, &err));
    assert_int_equal(err.code, ERR_FORMAT);
}

/* 4 x 3 x 2 voxels of 1 x 2 x 3 mm; the value is the place: x + 10 y + 100 z. */
static struct resample_grid grid(void)
{
    return (struct resample_grid){{4, 3, 2}, {{1, 0, 0, 5}, {0, 2, 0, -1}, {0, 0, 3, 7}}};
}

static void fill(float *ret)
{
    for (size_t i = 0; i < 24; i++) {
        ret[i] = (float)(i % 4 + 10 * (i / 4 % 3) + 100 * (i / 12));
    }
}

/* The value at voxel coordinates (x, y, z) of the grid above. */
static float value_at(double x, double y, double z)
{
    struct err err = {ERR_NONE, ""};
    struct resample_grid from = grid(),
                         to = {{1, 1, 1}, {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
    float in[24], ret;
    fill(in);
    to.affine[0][3] = x + 5;
    to.affine[1][3] = 2 * y - 1;
    to.affine[2][3] = 3 * z + 7;
    assert_ok(resample_linear(in, &from, &to, -1, 1, &ret, &err), err);
    return ret;
}

static void between_voxels(void **state)
{
    (void)state;
    assert_near(value_at(0, 0, 0), 0);
    assert_near(value_at(3, 2, 1), 123);
    assert_near(value_at(1.25, 0.5, 0.75), 1.25 + 5 + 75);
    assert_near(value_at(-0.5, 0, 0), 0); /* up to the voxels' faces */
    assert_near(value_at(3.5, 2.5, 1.5), 123);
    assert_near(value_at(-0.51, 0, 0), -1);
    assert_near(value_at(0, 2.51, 0), -1);
    assert_near(value_at(0, 0, 1.51), -1);
}

/* The same grid gives the same bits, NaN included; a turned one finds each voxel. */
static void whole_grids(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct resample_grid from = grid();
    /* x of `to` runs along -z of `from`, y along x, z along -y. */
    struct resample_grid to = {{2, 4, 3}, {{0, 1, 0, 5}, {0, 0, -2, 3}, {-3, 0, 0, 10}}};
    float in[24], same[24], turned[24];
    uint8_t label[24], labels[24];
    fill(in);
    in[7] = NAN;
    for (unsigned threads = 1; threads <= 3; threads++) {
        assert_ok(resample_linear(in, &from, &from, 0, threads, same, &err), err);
        assert_memory_equal(same, in, sizeof in);
    }
    fill(in);
    for (size_t i = 0; i < 24; i++) {
        label[i] = (uint8_t)(i + 1);
    }
    assert_ok(resample_linear(in, &from, &to, -1, 0, turned, &err), err);
    assert_ok(resample_nearest(label, &from, &to, 0, 2, labels, &err), err);
    for (size_t i = 0; i < 24; i++) {
        size_t x = i / 2 % 4, y = 2 - i / 8, z = 1 - i % 2;
        assert_near(turned[i], (double)(x + 10 * y + 100 * z));
        assert_int_equal(labels[i], 1 + x + 4 * y + 12 * z);
    }
    to.affine[0][3] = 4.5; /* half a voxel off: of two equally near the higher */
    assert_ok(resample_nearest(label, &from, &to, 99, 1, labels, &err), err);
    assert_int_equal(labels[1], 1 + 0 + 4 * 2);
    to.affine[0][3] = 4.4;
    assert_ok(resample_nearest(label, &from, &to, 99, 1, labels, &err), err);
    assert_int_equal(labels[1], 99);
    from.affine[2][2] = 0;
    assert_false(resample_linear(in, &from, &to, 0, 1, turned, &err));
    assert_int_equal(err.code, ERR_FORMAT);
}

static void inverses(void **state)
{
    (void)state;
    static const double a[3][4] = {{0.7, -0.1, 0.3, 12}, {0.2, -0.9, 0.1, -7}, {0.05, 0.4, 2.5, 3}};
    double back[3][4];
    assert_true(resample_inverse(a, back));
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 4; j++) {
            double sum = j == 3 ? back[i][3] : 0;
            for (size_t k = 0; k < 3; k++) {
                sum += back[i][k] * a[k][j];
            }
            assert_near(sum, i == j);
        }
    }
    static const double flat[3][4] = {{1, 2, 3, 0}, {2, 4, 6, 0}, {0, 0, 1, 0}};
    assert_false(resample_inverse(flat, back));
}

/* Voxels of 2 x 2 x 2 mm: 4 x 6 x 6 mm become 2 x 3 x 3; the corner (4.5, -2, 5.5) stays. */
static void other_spacing(void **state)
{
    (void)state;
    struct resample_grid from = grid(), to;
    static const double two[3] = {2, 2, 2}, huge[3] = {100, 2, 3};
    resample_spaced(&from, two, &to);
    assert_true(to.n[0] == 2 && to.n[1] == 3 && to.n[2] == 3);
    assert_near(to.affine[0][0], 2);
    assert_near(to.affine[2][2], 2);
    assert_near(to.affine[0][3] - 1, 4.5);
    assert_near(to.affine[1][3] - 1, -2);
    assert_near(to.affine[2][3] - 1, 5.5);
    resample_spaced(&from, huge, &to);
    assert_true(to.n[0] == 1 && to.n[1] == 3 && to.n[2] == 2);
    static const double fine[3] = {1e-300, 1e-5, 2};
    resample_spaced(&from, fine, &to);
    assert_true(to.n[0] == RESAMPLE_MOST && to.n[1] <= RESAMPLE_MOST && to.n[2] == 3);
}

/* ---- the bag ---- */

static void which_slices(void **state)
{
    (void)state;
    size_t at[64];
    mil_slices(64, 64, at);
    assert_true(at[0] == 0 && at[31] == 31 && at[63] == 63);
    mil_slices(300, 64, at); /* numpy.linspace(0, 299, 64).astype(int) */
    assert_true(at[0] == 0 && at[1] == 4 && at[2] == 9 && at[32] == 151 && at[62] == 294);
    assert_int_equal(at[63], 299);
    mil_slices(5, 64, at);
    assert_true(at[0] == 0 && at[15] == 0 && at[16] == 1 && at[62] == 3 && at[63] == 4);
    mil_slices(1, 64, at);
    assert_true(at[0] == 0 && at[63] == 0);
    mil_slices(9, 1, at);
    assert_int_equal(at[0], 0);
}

/* Slice s: left half -1000 + 10 s, right half alternating columns of -3000 and 4000, one NaN. */
static bool read_slice(void *arg, size_t slice, float *ret, struct err *err)
{
    for (size_t i = 0; i < 512 * 8; i++) {
        size_t x = i % 512;
        ret[i] = x < 256 ? -1000 + 10 * (float)slice : x % 2 ? -3000 : 4000;
    }
    ret[0] = NAN;
    return !arg || slice < 70 || err_set(err, ERR_IO, "gone");
}

static void bag(void **state)
{
    (void)state;
    enum { SIDE = 256, ROWS = 4, PIXELS = SIDE * ROWS };
    struct err err = {ERR_NONE, ""};
    struct mil_job job = mil_job_default;
    float *got = malloc(sizeof *got * 64 * 2 * PIXELS);
    assert_true(job.count == 64 && job.side[0] == 256 && job.side[1] == 256 && job.channels == 1);
    assert_true(job.low == -1000 && job.high == 400);
    job.columns = 512;
    job.rows = 8;
    job.slices = 127; /* every second one */
    job.side[1] = ROWS;
    job.channels = 2;
    job.read = read_slice;
    for (job.threads = 1; job.threads <= 3; job.threads++) {
        memset(got, 0, sizeof *got * 64 * 2 * PIXELS);
        assert_ok(mil_input(&job, got, &err), err);
        for (size_t i = 0; i < 64; i++) {
            const float *slice = got + i * 2 * PIXELS;
            assert_near(slice[100], 20.0 * (double)i / 1400);
            assert_near(slice[0], 20.0 * (double)i / 1400 * 0.75); /* the NaN is 0 */
            assert_near(slice[200], 0.5);                          /* cut off before the mean */
            assert_memory_equal(slice, slice + PIXELS, PIXELS * sizeof *slice);
        }
    }
    job.arg = &job;
    assert_false(mil_input(&job, got, &err));
    assert_string_equal(err.text, "slice 70: gone");
    job.slices = 0;
    assert_false(mil_input(&job, got, &err));
    free(got);
}

static bool small_bag(void *arg, struct err *err)
{
    struct mil_job job = mil_job_default;
    job.columns = 512;
    job.rows = 8;
    job.slices = 2;
    job.count = 2;
    job.side[1] = 4;
    job.threads = 1;
    job.read = read_slice;
    return mil_input(&job, arg, err);
}

static void out_of_memory(void **state)
{
    (void)state;
    float *got = malloc(sizeof *got * 2 * 256 * 4);
    test_every_failure(small_bag, got);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes),        cmocka_unit_test(between_voxels),
        cmocka_unit_test(whole_grids),   cmocka_unit_test(inverses),
        cmocka_unit_test(other_spacing), cmocka_unit_test(which_slices),
        cmocka_unit_test(bag),           cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
