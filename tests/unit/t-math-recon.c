/*
 * math/recon, judged on phantoms whose sinograms are exact: accuracy of both algorithms, geometry
 * without flips, pairs and odd slices with centres of their own, odd and tiny sizes, any list of
 * angles, truncated lines, samples that are not numbers, the same bits on any number of threads.
 * Bounds are what was measured, less a small margin; the full-size gate is t-math-gate.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "math/metrics.h"
#include "math/phantom.h"
#include "math/recon.h"

enum { VIEWS = 400, SIDE = 256 };

struct scan {
    size_t columns, views, width;
    double centre, radius;
    double *theta;
    float *sino, *image, *reference;
};

static double *half_turn(size_t views)
{
    double *theta = mem_array(views, sizeof *theta, NULL);
    for (size_t i = 0; i < views; i++) {
        theta[i] = M_PI * (double)i / (double)views;
    }
    return theta;
}

/* Takes theta. */
static struct scan scan_new(const struct phantom *p, double *theta, size_t views, size_t columns,
                            size_t width, double centre, double radius)
{
    struct scan s = {columns, views, width, centre, radius, theta, NULL, NULL, NULL};
    s.sino = mem_array(views * columns, sizeof(float), NULL);
    s.image = mem_array(width * width, sizeof(float), NULL);
    s.reference = mem_array(width * width, sizeof(float), NULL);
    phantom_sinogram(p, theta, views, columns, centre, radius, s.sino);
    phantom_image(p, width, radius, 8, s.reference);
    return s;
}

static void scan_free(struct scan *s)
{
    mem_free(s->reference);
    mem_free(s->image);
    mem_free(s->sino);
    mem_free(s->theta);
}

static struct recon_spec spec_of(const struct scan *s, enum recon_algorithm algorithm,
                                 enum filter_kind filter)
{
    return (struct recon_spec){.columns = s->columns,
                               .angles = s->views,
                               .theta_rad = s->theta,
                               .width = s->width,
                               .algorithm = algorithm,
                               .filter = filter,
                               .threads = 1};
}

static void reconstruct(struct scan *s, const struct recon_spec *spec)
{
    struct err err;
    struct recon *r = recon_new(spec, &err);
    assert_ok(r != NULL, err);
    assert_ok(recon_slices(r, s->sino, 1, &s->centre, s->image, &err), err);
    recon_free(r);
}

static struct metrics_comparison judge(const struct scan *s, double radius)
{
    struct metrics_comparison m;
    metrics_compare(s->image, s->reference, s->width, radius, &m);
    return m;
}

#define assert_over(value, bound)                                          \
    do {                                                                   \
        double v_ = (value), b_ = (bound);                                 \
        if (!(v_ >= b_)) {                                                 \
            fail_msg("%s is %.4f, must be at least %.4f", #value, v_, b_); \
        }                                                                  \
    } while (0)
#define assert_near(value, wanted, within)                                               \
    do {                                                                                 \
        double v_ = (value), w_ = (wanted);                                              \
        if (!(fabs(v_ - w_) <= (within))) {                                              \
            fail_msg("%s is %.6f, wanted %.6f +- %g", #value, v_, w_, (double)(within)); \
        }                                                                                \
    } while (0)

static const enum recon_algorithm both[] = {RECON_FOURIERREC, RECON_LINEREC};

static void t_smooth_phantom_comes_back_at_gain_1(void **state)
{
    (void)state;
    static const double least[] = {98, 68};
    struct phantom p;
    phantom_smooth(&p);
    for (int a = 0; a < 2; a++) {
        for (size_t columns = SIDE - 1; columns <= SIDE; columns++) {
            struct scan s = scan_new(&p, half_turn(VIEWS), VIEWS, columns, columns,
                                     ((double)columns - 1) / 2, 123);
            struct recon_spec spec = spec_of(&s, both[a], FILTER_RAMP);
            reconstruct(&s, &spec);
            struct metrics_comparison m = judge(&s, 0.95);
            assert_over(m.psnr_db, least[a]);
            assert_near(m.gain, 1, 0.001);
            assert_near(m.offset, 0, 1e-4);
            scan_free(&s);
        }
    }
}

/* Flipping, transposing or moving the picture by half a pixel costs more than 10 dB here. */
static void t_asymmetric_phantom_lies_where_the_contract_says(void **state)
{
    (void)state;
    static const struct {
        size_t width;
        double centre, radius, inside;
    } place[] = {{256, 127.5, 125, 0.95},
                 {256, 120.3, 115, 0.85},
                 {180, 90.3, 85, 0.95},
                 {301, 127.5, 125, 0.8},
                 {128, 127.5, 60, 0.95}};
    struct phantom p;
    phantom_asymmetric(&p);
    for (int a = 0; a < 2; a++) {
        for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
            struct scan s = scan_new(&p, half_turn(VIEWS), VIEWS, SIDE, place[i].width,
                                     place[i].centre, place[i].radius);
            struct recon_spec spec = spec_of(&s, both[a], FILTER_RAMP);
            reconstruct(&s, &spec);
            assert_over(judge(&s, place[i].inside).psnr_db, 40);
            scan_free(&s);
        }
    }
}

static void t_outside_the_circle_is_zero(void **state)
{
    (void)state;
    struct phantom p;
    phantom_asymmetric(&p);
    struct scan s =
        scan_new(&p, half_turn(60), 60, 64, 64, 31.5, 60); /* wider than the field of view */
    for (int a = 0; a < 2; a++) {
        struct recon_spec spec = spec_of(&s, both[a], FILTER_RAMP);
        reconstruct(&s, &spec);
        for (int y = 0; y < 64; y++) {
            for (int x = 0; x < 64; x++) {
                bool out = hypot(x - 31.5, y - 31.5) > 32;
                assert_true(!out || s.image[y * 64 + x] == 0);
                assert_true(isfinite(s.image[y * 64 + x]));
            }
        }
    }
    scan_free(&s);
}

/* Slices of a pair must not leak into one another, whatever their centres; a last odd slice keeps
 * its own. */
static void t_each_slice_has_its_own_centre(void **state)
{
    (void)state;
    enum { SLICES = 5 };
    const double centre[SLICES] = {127.5, 127.5, 120.25, 133.8, 101.7};
    struct phantom p[2];
    struct err err;
    phantom_smooth(&p[0]);
    phantom_asymmetric(&p[1]);
    double *theta = half_turn(VIEWS);
    float *sino = mem_array(SLICES * VIEWS * SIDE, sizeof *sino, NULL);
    float *image = mem_array(SLICES * SIDE * SIDE, sizeof *image, NULL);
    float *reference = mem_array(SIDE * SIDE, sizeof *reference, NULL);
    for (int i = 0; i < SLICES; i++) {
        phantom_sinogram(&p[i % 2], theta, VIEWS, SIDE, centre[i], 98, sino + i * VIEWS * SIDE);
    }
    for (int a = 0; a < 2; a++) {
        struct recon_spec spec = {.columns = SIDE,
                                  .angles = VIEWS,
                                  .theta_rad = theta,
                                  .algorithm = both[a],
                                  .filter = FILTER_RAMP,
                                  .threads = 2};
        struct recon *r = recon_new(&spec, &err);
        assert_ok(r != NULL, err);
        assert_ok(recon_slices(r, sino, SLICES, centre, image, &err), err);
        for (int i = 0; i < SLICES; i++) {
            struct metrics_comparison m;
            phantom_image(&p[i % 2], SIDE, 98, 8, reference);
            metrics_compare(image + i * SIDE * SIDE, reference, SIDE, 0.74, &m);
            assert_over(m.psnr_db, i % 2 ? 40 : a ? 64 : 90);
        }
        recon_free(r);
    }
    mem_free(reference);
    mem_free(image);
    mem_free(sino);
    mem_free(theta);
}

static void t_many_centres_are_what_single_slices_are(void **state)
{
    (void)state;
    enum { CENTRES = 7 };
    struct phantom p;
    struct err err;
    phantom_asymmetric(&p);
    struct scan s = scan_new(&p, half_turn(181), 181, SIDE, SIDE, 124.3, 110);
    float *many = mem_array(CENTRES * SIDE * SIDE, sizeof *many, NULL);
    const double centre[CENTRES] = {124.3, 104.3, 120, 124.8, 125.3, 160.9, 124.3};
    for (int a = 0; a < 2; a++) {
        struct recon_spec spec = spec_of(&s, both[a], FILTER_PARZEN);
        spec.threads = 2;
        struct recon *r = recon_new(&spec, &err);
        assert_ok(r != NULL, err);
        assert_ok(recon_centres(r, s.sino, CENTRES, centre, many, &err), err);
        for (int i = 0; i < CENTRES; i++) {
            struct metrics_comparison m;
            assert_ok(recon_slices(r, s.sino, 1, &centre[i], s.image, &err), err);
            metrics_compare(many + i * SIDE * SIDE, s.image, SIDE, 0.95, &m);
            assert_over(m.psnr_db, 75);
        }
        recon_free(r);
    }
    mem_free(many);
    scan_free(&s);
}

static void t_tiny_and_odd_sizes(void **state)
{
    (void)state;
    static const size_t columns[] = {1, 2, 3, 5, 7, 16, 17, 31, 64, 97};
    struct phantom p;
    phantom_asymmetric(&p);
    for (int a = 0; a < 2; a++) {
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
            size_t n = columns[i], views = 1 + i * 7;
            struct scan s =
                scan_new(&p, half_turn(views), views, n, n, ((double)n - 1) / 2, 0.48 * (double)n);
            struct recon_spec spec = spec_of(&s, both[a], FILTER_PARZEN);
            reconstruct(&s, &spec);
            struct metrics_summary m;
            metrics_summary(s.image, n * n, &m);
            assert_int_equal(m.not_finite, 0);
            scan_free(&s);
        }
    }
}

static void t_any_list_of_angles(void **state)
{
    (void)state;
    struct phantom p;
    phantom_smooth(&p);
    for (int kind = 0; kind < 6; kind++) {
        size_t views = kind == 1 ? VIEWS - 1
            : kind == 2          ? VIEWS + 1
            : kind == 4          ? 2 * VIEWS
                                 : VIEWS;
        double *theta = half_turn(views);
        for (size_t i = 0; i < views; i++) {
            double at = (double)i, n = (double)views;
            theta[i] = kind < 2 ? 2 * M_PI * at / n   /* whole turn, even and odd count */
                : kind == 2     ? M_PI * at / (n - 1) /* both ends of the half turn */
                : kind == 3     ? -M_PI * at / n - 7  /* falling, from anywhere */
                : kind == 4     ? fmod(at * M_PI * (sqrt(5) - 1) / 2, M_PI) /* golden angle */
                                : M_PI * (at + 0.3 * sin(at / 9)) / n;          /* uneven */
        }
        struct scan s = scan_new(&p, theta, views, SIDE, SIDE, 127.5, 123);
        struct recon_spec spec = spec_of(&s, RECON_FOURIERREC, FILTER_RAMP);
        reconstruct(&s, &spec);
        assert_over(judge(&s, 0.95).psnr_db, 96);
        assert_near(judge(&s, 0.95).gain, 1, 0.001);
        scan_free(&s);
    }
}

/* A missing wedge is a hole: its neighbours are not blown up to fill it. */
static void t_missing_wedge_keeps_the_mean(void **state)
{
    (void)state;
    struct phantom p;
    phantom_smooth(&p);
    double *theta = half_turn(VIEWS);
    for (size_t i = 0; i < VIEWS; i++) {
        theta[i] *= 150.0 / 180;
    }
    struct scan s = scan_new(&p, theta, VIEWS, SIDE, SIDE, 127.5, 123);
    struct recon_spec spec = spec_of(&s, RECON_FOURIERREC, FILTER_RAMP);
    reconstruct(&s, &spec);
    assert_near(judge(&s, 0.95).gain, 150.0 / 180, 0.02);
    assert_over(judge(&s, 0.95).correlation, 0.94);
    scan_free(&s);
}

/* A disk wider than the detector: without continuing the lines its rim would come out up to 2.6
 * times too bright. */
static void t_truncated_lines_do_not_cup(void **state)
{
    (void)state;
    static const double radius[] = {1.05, 1.2, 1.5, 2, 3, 6};
    struct phantom disk = {.count = 1};
    disk.shape[0] = (struct phantom_shape){PHANTOM_ELLIPSE, 1, 1, 1, 0, 0, 0};
    for (int a = 0; a < 2; a++) {
        for (size_t i = 0; i < sizeof radius / sizeof *radius; i++) {
            struct scan s =
                scan_new(&disk, half_turn(VIEWS), VIEWS, SIDE, SIDE, 127.5, radius[i] * SIDE / 2);
            struct recon_spec spec = spec_of(&s, both[a], FILTER_RAMP);
            reconstruct(&s, &spec);
            const float *row = s.image + SIDE / 2 * SIDE;
            assert_near((double)row[128], 1, 0.03);
            assert_near((double)row[192], 1, 0.03);
            assert_near((double)row[230], 1, 0.03);
            assert_near((double)row[249], 1, 0.06);
            scan_free(&s);
        }
    }
}

static void t_samples_that_are_not_numbers_stay_where_they_are(void **state)
{
    (void)state;
    struct phantom p;
    struct err err;
    phantom_smooth(&p);
    struct scan s = scan_new(&p, half_turn(VIEWS), VIEWS, SIDE, SIDE, 127.5, 123);
    float *sino = mem_array(2 * VIEWS * SIDE, sizeof *sino, NULL);
    float *image = mem_array(2 * SIDE * SIDE, sizeof *image, NULL);
    memcpy(sino, s.sino, VIEWS * SIDE * sizeof *sino);
    memcpy(sino + VIEWS * SIDE, s.sino, VIEWS * SIDE * sizeof *sino);
    for (int i = 0; i < 50; i++) { /* the partner's */
        sino[VIEWS * SIDE + i * 1999 + 77] = i % 3 ? NAN : INFINITY;
    }
    for (int a = 0; a < 2; a++) {
        struct recon_spec spec = spec_of(&s, both[a], FILTER_RAMP);
        struct recon *r = recon_new(&spec, &err);
        struct metrics_comparison m;
        struct metrics_summary all;
        assert_ok(r != NULL, err);
        assert_ok(recon_slices(r, sino, 2, (double[]){127.5, 127.5}, image, &err), err);
        metrics_compare(image, s.reference, SIDE, 0.95, &m);
        assert_over(m.psnr_db, a ? 68 : 98);
        metrics_summary(image, 2 * SIDE * SIDE, &all);
        assert_int_equal(all.not_finite, 0);
        recon_free(r);
    }
    mem_free(image);
    mem_free(sino);
    scan_free(&s);
}

static void t_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    enum { SLICES = 7, N = 128 };
    struct err err;
    double *theta = half_turn(91), centre[SLICES];
    float *sino = mem_array(SLICES * 91 * N, sizeof *sino, NULL);
    float *image[3];
    for (unsigned i = 0; i < SLICES; i++) {
        struct phantom p;
        phantom_specimen(i, 0.4, &p);
        centre[i] = 63.5 + (i < 3 ? 0 : i * 0.4);
        phantom_sinogram(&p, theta, 91, N, centre[i], 60, sino + i * 91 * N);
    }
    for (int a = 0; a < 2; a++) {
        for (int t = 0; t < 3; t++) {
            struct recon_spec spec = {.columns = N,
                                      .angles = 91,
                                      .theta_rad = theta,
                                      .algorithm = both[a],
                                      .threads = 1u << t};
            struct recon *r = recon_new(&spec, &err);
            assert_ok(r != NULL, err);
            image[t] = mem_array(2 * SLICES * N * N, sizeof(float), NULL);
            assert_ok(recon_slices(r, sino, SLICES, centre, image[t], &err), err);
            assert_ok(recon_centres(r, sino, SLICES, centre, image[t] + SLICES * N * N, &err), err);
            recon_free(r);
        }
        assert_memory_equal(image[0], image[1], 2 * SLICES * N * N * sizeof(float));
        assert_memory_equal(image[0], image[2], 2 * SLICES * N * N * sizeof(float));
        for (int t = 0; t < 3; t++) {
            mem_free(image[t]);
        }
    }
    mem_free(sino);
    mem_free(theta);
}

static void t_instruction_sets_agree(void **state)
{
    (void)state;
    struct phantom p;
    phantom_asymmetric(&p);
    struct scan s = scan_new(&p, half_turn(181), 181, SIDE, SIDE, 124.3, 110);
    for (int a = 0; a < 2; a++) {
        struct recon_spec spec = spec_of(&s, both[a], FILTER_SHEPP);
        spec.isa = RECON_ISA_PLAIN;
        reconstruct(&s, &spec);
        memcpy(s.reference, s.image, SIDE * SIDE * sizeof(float));
        for (enum recon_isa isa = RECON_ISA_AVX2; isa <= RECON_ISA_AVX512; isa++) {
            struct err err;
            spec.isa = isa;
            if (recon_isa_here(isa)) {
                reconstruct(&s, &spec);
                assert_over(judge(&s, 2).psnr_db, 110);
            } else {
                assert_null(recon_new(&spec, &err));
                assert_int_equal(err.code, ERR_UNSUPPORTED);
            }
        }
    }
    scan_free(&s);
}

static void t_nonsense_is_refused(void **state)
{
    (void)state;
    struct err err;
    double theta[3] = {0, 1, NAN};
    float sino[3 * 8] = {0}, image[64];
    struct recon_spec spec = {.columns = 8, .angles = 3, .theta_rad = theta, .threads = 1};
    assert_null(recon_new(&spec, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_string_equal(err.text, "projection angle 2 of 3 is not a number");
    spec.angles = 0;
    assert_null(recon_new(&spec, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    theta[2] = 2;
    spec.angles = 3;
    struct recon *r = recon_new(&spec, &err);
    assert_ok(r != NULL, err);
    assert_false(recon_slices(r, sino, 1, (double[]){NAN}, image, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_false(recon_centres(r, sino, 1, (double[]){1e6}, image, &err));
    assert_int_equal(err.code, ERR_USAGE);
    recon_free(r);
    recon_free(NULL);
    enum recon_algorithm algorithm;
    assert_false(recon_algorithm_of("lprec", &algorithm, &err));
    assert_true(recon_algorithm_of("linerec", &algorithm, &err));
    assert_int_equal(algorithm, RECON_LINEREC);
}

static bool once(void *arg, struct err *err)
{
    struct scan *s = arg;
    bool ok = true;
    for (int a = 0; ok && a < 2; a++) {
        struct recon_spec spec = spec_of(s, both[a], FILTER_PARZEN);
        struct recon *r = recon_new(&spec, err);
        ok = r && recon_slices(r, s->sino, 1, &s->centre, s->image, err) &&
            recon_centres(r, s->sino, 1, &s->centre, s->image, err);
        recon_free(r);
    }
    return ok;
}

static void t_running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct phantom p;
    phantom_smooth(&p);
    struct scan s = scan_new(&p, half_turn(9), 9, 16, 16, 7.5, 7);
    test_every_failure(once, &s);
    scan_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_smooth_phantom_comes_back_at_gain_1),
        cmocka_unit_test(t_asymmetric_phantom_lies_where_the_contract_says),
        cmocka_unit_test(t_outside_the_circle_is_zero),
        cmocka_unit_test(t_each_slice_has_its_own_centre),
        cmocka_unit_test(t_many_centres_are_what_single_slices_are),
        cmocka_unit_test(t_tiny_and_odd_sizes),
        cmocka_unit_test(t_any_list_of_angles),
        cmocka_unit_test(t_missing_wedge_keeps_the_mean),
        cmocka_unit_test(t_truncated_lines_do_not_cup),
        cmocka_unit_test(t_samples_that_are_not_numbers_stay_where_they_are),
        cmocka_unit_test(t_same_bits_on_any_number_of_threads),
        cmocka_unit_test(t_instruction_sets_agree),
        cmocka_unit_test(t_nonsense_is_refused),
        cmocka_unit_test(t_running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
