/* math/filter, fft, metrics and phantom: the parts that reconstruction and its tests stand on. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "math/fft.h"
#include "math/filter.h"
#include "math/metrics.h"
#include "math/phantom.h"
#include "math/recon.h"

#define assert_near(value, wanted, within)                                               \
    do {                                                                                 \
        double v_ = (double)(value), w_ = (double)(wanted);                              \
        if (!(fabs(v_ - w_) <= (within))) {                                              \
            fail_msg("%s is %.8f, wanted %.8f +- %g", #value, v_, w_, (double)(within)); \
        }                                                                                \
    } while (0)

static void t_filters_have_names_and_the_default_is_parzen(void **state)
{
    (void)state;
    struct err err;
    enum filter_kind kind;
    for (unsigned i = 0; i < FILTER_COUNT; i++) {
        assert_ok(filter_of(filter_name((enum filter_kind)i), &kind, &err), err);
        assert_int_equal(kind, i);
    }
    assert_int_equal(FILTER_PARZEN, 0);
    assert_null(filter_name(FILTER_COUNT));
    assert_ok(filter_of("ramlak", &kind, &err), err);
    assert_int_equal(kind, FILTER_RAMP);
    assert_false(filter_of("mexican", &kind, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "parzen"));
    assert_non_null(strstr(err.text, "none"));
}

/* The ramp's samples transform back to the band-limited kernel: 1/4, -1/(pi k)^2 at odd places, 0
 * at even ones. */
static void t_ramp_is_the_exact_kernel(void **state)
{
    (void)state;
    enum { LENGTH = 256 };
    struct err err;
    double response[LENGTH / 2 + 1];
    assert_ok(filter_response(FILTER_RAMP, LENGTH, response, &err), err);
    for (int at = 0; at < 20; at++) {
        double sum = 0;
        for (int k = 0; k < LENGTH; k++) {
            sum += response[k <= LENGTH / 2 ? k : LENGTH - k] * cos(2 * M_PI * k * at / LENGTH);
        }
        double wanted = at == 0 ? 0.25 : at % 2 ? -1 / (M_PI * M_PI * at * at) : 0;
        assert_near(sum / LENGTH, wanted, 1e-12);
    }
    assert_near(response[LENGTH / 2], 0.5, 0.002);
    assert_near(response[LENGTH / 4], 0.25, 0.002);
}

static void t_windows_are_1_at_zero_and_fall(void **state)
{
    (void)state;
    enum { LENGTH = 1024 };
    struct err err;
    double ramp[LENGTH / 2 + 1], response[LENGTH / 2 + 1];
    assert_ok(filter_response(FILTER_RAMP, LENGTH, ramp, &err), err);
    static const struct {
        enum filter_kind kind;
        double half, nyquist; /* window at half of Nyquist and at Nyquist */
    } known[] = {{FILTER_PARZEN, 0.125, 0},
                 {FILTER_SHEPP, 2 * M_SQRT2 / M_PI, 2 / M_PI},
                 {FILTER_HANN, 0.5, 0},
                 {FILTER_HAMMING, 0.54, 0.08},
                 {FILTER_COSINE, M_SQRT1_2, 0},
                 {FILTER_COSINE2, 0.5, 0},
                 {FILTER_BUTTERWORTH, 0.5, 1.0 / 257}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_ok(filter_response(known[i].kind, LENGTH, response, &err), err);
        assert_near(response[1] / ramp[1], 1, 0.01);
        assert_near(response[LENGTH / 4] / ramp[LENGTH / 4], known[i].half, 1e-9);
        assert_near(response[LENGTH / 2] / ramp[LENGTH / 2], known[i].nyquist, 1e-9);
    }
    assert_ok(filter_response(FILTER_NONE, LENGTH, response, &err), err);
    assert_near(response[0], 1, 0);
    assert_near(response[300], 1, 0);
}

static void t_wisdom_is_kept_and_a_bad_file_is_no_error(void **state)
{
    (void)state;
    struct err err;
    bool known = true;
    char *folder = test_folder("wisdom");
    char *path = mem_printf(&err, "%s/fftw", folder);
    assert_ok(fft_wisdom_load(path, &known, &err), err); /* no file yet */
    assert_false(known);
    double theta[] = {0, 1, 2};
    struct recon_spec spec = {.columns = 40, .angles = 3, .theta_rad = theta, .threads = 1};
    struct recon *r = recon_new(&spec, &err);
    assert_ok(r != NULL, err);
    recon_free(r);
    assert_true(fft_planned());
    assert_ok(fft_wisdom_save(path, &err), err);
    assert_ok(fft_wisdom_load(path, &known, &err), err);
    assert_true(known);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs("not wisdom", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_ok(fft_wisdom_load(path, &known, &err), err);
    assert_false(known);
    mem_free(path);
    path = mem_printf(&err, "%s/no/such/folder", folder);
    assert_false(fft_wisdom_save(path, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_false(fft_wisdom_load(folder, &known, &err)); /* a folder is not a file */
    mem_free(path);
    mem_free(folder);
}

static void t_good_sizes_are_small_products(void **state)
{
    (void)state;
    assert_int_equal(fft_good_size(0), 2);
    assert_int_equal(fft_good_size(1), 2);
    assert_int_equal(fft_good_size(1024), 1024);
    assert_int_equal(fft_good_size(1153), 1280);
    for (size_t n = 1; n < 3000; n += 7) {
        size_t size = fft_good_size(n);
        assert_true(size >= n && size <= n + n / 4 + 16 && size % 2 == 0);
        assert_true(n < 32 || size % 16 == 0);
    }
}

static void t_comparison_knows_gain_and_offset(void **state)
{
    (void)state;
    enum { N = 64 };
    float reference[N * N], image[N * N];
    for (int i = 0; i < N * N; i++) {
        reference[i] = sinf((float)i * 0.7f) + 5;
        image[i] = 1.5f * reference[i] - 2;
    }
    struct metrics_comparison m;
    metrics_compare(image, reference, N, 2, &m);
    assert_int_equal(m.samples, N * N);
    assert_near(m.gain, 1.5, 1e-5);
    assert_near(m.offset, -2, 1e-4);
    assert_near(m.correlation, 1, 1e-9);
    assert_true(m.fit_psnr_db > 100 && m.psnr_db < 20);
    metrics_compare(image, reference, N, 0.5, &m);
    assert_near((double)m.samples, M_PI * 16 * 16, 30);
    for (int i = 0; i < N * N; i++) {
        image[i] = reference[i] + (i % 2 ? 0.1f : -0.1f);
    }
    image[7] = NAN;
    metrics_compare(image, reference, N, 2, &m);
    assert_near(m.rmse, 0.1, 1e-5);
    assert_near(m.psnr_db, 20 * log10(2 / 0.1), 0.01);
    assert_near(metrics_correlation(reference, reference, N * N), 1, 1e-12);
    float flat_image[4] = {1, 1, 1, 1};
    assert_near(metrics_correlation(flat_image, reference, 4), 0, 0);
}

static void t_percentiles_and_histogram(void **state)
{
    (void)state;
    struct err err;
    enum { MANY = 200001 };
    static const double fraction[] = {0, 0.05, 0.5, 0.95, 1};
    double got[5];
    float few[] = {5, NAN, 1, 3, 2, 4};
    assert_ok(metrics_percentiles(few, 6, fraction, 5, got, &err), err);
    assert_near(got[0], 1, 0);
    assert_near(got[2], 3, 0);
    assert_near(got[4], 5, 0);
    float *many = mem_array(MANY, sizeof *many, &err);
    for (size_t i = 0; i < MANY; i++) {
        many[i] = (float)(i * 7919 % MANY) / MANY; /* every value once */
    }
    assert_ok(metrics_percentiles(many, MANY, fraction, 5, got, &err), err);
    for (int i = 0; i < 5; i++) {
        assert_near(got[i], fraction[i], 1e-4);
    }
    uint64_t bin[4];
    metrics_histogram(many, MANY, 0.25, 0.75, 4, bin);
    assert_near((double)bin[0], 0.375 * MANY, 2); /* what lies below goes into the first bin */
    assert_near((double)bin[1], 0.125 * MANY, 2);
    struct metrics_summary s;
    metrics_summary(few, 6, &s);
    assert_int_equal(s.finite, 5);
    assert_int_equal(s.not_finite, 1);
    assert_near(s.mean, 3, 1e-9);
    assert_near(s.std, sqrt(2), 1e-9);
    few[0] = few[2] = few[3] = few[4] = few[5] = NAN;
    assert_false(metrics_percentiles(few, 6, fraction, 5, got, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    mem_free(many);
}

static void t_binning_is_the_mean_and_moves_the_axis(void **state)
{
    (void)state;
    const uint16_t frame[2 * 3 * 5] = {1,  2,  3,  4,  9, 5,  6,  7,  8,  9, 9, 9, 9, 9, 9,
                                       10, 20, 30, 40, 9, 50, 60, 70, 80, 9, 9, 9, 9, 9, 9};
    const float image[4] = {1, NAN, 3, 5};
    float out[2 * 1 * 2];
    metrics_bin(NORMALISE_U16, frame, 2, 3, 5, 1, out);
    assert_near(out[0], 3.5, 0);
    assert_near(out[1], 5.5, 0);
    assert_near(out[2], 35, 0);
    assert_near(out[3], 55, 0);
    metrics_shrink(image, 2, 2, 2, out);
    assert_near(out[0], 3, 1e-6);
    assert_near(metrics_centre_binned(0.5, 1), 0, 1e-12);
    assert_near(metrics_centre_binned(1023.5, 2), 255.5, 1e-12);
    assert_near(metrics_centre_full(metrics_centre_binned(781.37, 3), 3), 781.37, 1e-9);
}

/* Sums of a sinogram's views are the phantom's mass, at every angle, and its first moment turns as
 * the geometry says. */
static void t_phantoms_project_their_mass(void **state)
{
    (void)state;
    enum { N = 200 };
    struct phantom p[4];
    phantom_shepp_logan(&p[0]);
    phantom_smooth(&p[1]);
    phantom_asymmetric(&p[2]);
    phantom_specimen(5, 0.3, &p[3]);
    double theta[7];
    for (int i = 0; i < 7; i++) {
        theta[i] = i * 0.9;
    }
    float sino[7 * N], *image = mem_array(N * N, sizeof *image, NULL);
    for (int k = 0; k < 4; k++) {
        double mass = 0, mx = 0, my = 0, middle = (N - 1) / 2.0;
        phantom_sinogram(&p[k], theta, 7, N, 97.25, 90, sino);
        phantom_image(&p[k], N, 90, 8, image);
        for (int i = 0; i < N * N; i++) {
            mass += (double)image[i];
            mx += (double)image[i] * (i % N - middle);
            my += (double)image[i] * (i / N - middle);
        }
        for (int v = 0; v < 7; v++) {
            double sum = 0, moment = 0;
            for (int c = 0; c < N; c++) {
                sum += (double)sino[v * N + c];
                moment += (double)sino[v * N + c] * (c - 97.25);
            }
            assert_near(sum / mass, 1, 0.002);
            assert_near(moment / mass, (mx * cos(theta[v]) + my * sin(theta[v])) / mass, 0.05);
        }
    }
    struct phantom turned = p[2];
    phantom_rotate(&turned, 0.4);
    phantom_scale_values(&turned, 2);
    float other[N];
    phantom_sinogram(&p[2], &theta[0], 1, N, 97, 90, sino);
    phantom_sinogram(&turned, (double[]){0.4}, 1, N, 97, 90, other);
    for (int c = 0; c < N; c++) {
        assert_near(other[c], 2 * (double)sino[c], 1e-3);
    }
    mem_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_filters_have_names_and_the_default_is_parzen),
        cmocka_unit_test(t_ramp_is_the_exact_kernel),
        cmocka_unit_test(t_windows_are_1_at_zero_and_fall),
        cmocka_unit_test(t_wisdom_is_kept_and_a_bad_file_is_no_error),
        cmocka_unit_test(t_good_sizes_are_small_products),
        cmocka_unit_test(t_comparison_knows_gain_and_offset),
        cmocka_unit_test(t_percentiles_and_histogram),
        cmocka_unit_test(t_binning_is_the_mean_and_moves_the_axis),
        cmocka_unit_test(t_phantoms_project_their_mass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
