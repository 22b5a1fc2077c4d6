/* Sinograms as the steps get them: cropped, binned, normalised; and the scans that are made for
 * tests. */
#include "test.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include "image/hdf5-scan.h"
#include "math/phantom.h"
#include "steps/axis.h"
#include "steps/source.h"
#include "steps/synth.h"

#define COLUMNS 64
#define ROWS 4
#define ANGLES 90
#define CENTRE 33.4

struct fixture {
    char *folder, *path;
};

static int setup(void **state)
{
    struct err err = {0};
    struct fixture *f = mem_zero(sizeof *f, &err);
    struct synth_spec spec = {COLUMNS, ROWS, ANGLES, ANGLES, 180,
                              CENTRE,  3,    false,  false,  SCAN_PIXEL_F32};
    hdf5_setup();
    f->folder = test_folder("source");
    f->path = mem_printf(&err, "%s/s.h5", f->folder);
    assert_ok(synth_write(f->path, &spec, &err), err);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    (void)rmdir(f->folder);
    mem_free(f->path);
    mem_free(f->folder);
    mem_free(f);
    return 0;
}

static struct recon_params params_of(const char *text)
{
    struct err err = {0};
    struct recon_params p;
    json_t *json = json_parse(text, strlen(text), "params", &err);
    assert_ok(params_read(json, &p, &err), err);
    json_decref(json);
    return p;
}

static struct source *opened(const char *path, const char *text)
{
    struct err err = {0};
    struct recon_params p = params_of(text);
    struct source *s = source_open(path, &p, 1, &err);
    if (!s) {
        fail_msg("%s: %s", text, err.text);
    }
    return s;
}

static void a_clean_scan_gives_the_phantoms_sinogram(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct phantom p;
    static float want[ANGLES * COLUMNS], got[2 * ANGLES * COLUMNS];
    struct source *s = opened(f->path, "{}");
    const struct source_grid *g = source_grid(s);
    double radius = fmax(fmin(CENTRE + 0.5, COLUMNS - 0.5 - CENTRE), 0.8 * (COLUMNS - 1) / 2.0);
    assert_int_equal(g->slices, ROWS);
    assert_int_equal(g->columns, COLUMNS);
    assert_int_equal(g->angles, ANGLES);
    assert_ok(source_select(s, 1, 2, &err), err);
    assert_ok(source_sinograms(s, 1, 2, got, NULL, NULL, &err), err);
    phantom_specimen(3, 2.0 / (ROWS - 1), &p);
    phantom_scale_values(&p, 2.2 / (2 * 0.92 * radius));
    phantom_sinogram(&p, g->theta_rad, ANGLES, COLUMNS, CENTRE, radius, want);
    for (size_t i = 0; i < (size_t)ANGLES * COLUMNS; i++) {
        if (fabsf(got[ANGLES * COLUMNS + i] - want[i]) > 2e-5f) {
            fail_msg("sample %zu is %g, the phantom has %g", i, (double)got[ANGLES * COLUMNS + i],
                     (double)want[i]);
        }
    }
    assert_false(source_sinograms(s, 0, 2, got, NULL, NULL, &err)); /* not selected */
    source_close(s);
}

static void views_are_rows_of_the_sinograms(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    static float sino[ROWS * ANGLES * COLUMNS], view[ROWS * COLUMNS];
    struct source *s = opened(f->path, "{\"binning\":1,\"start_column\":4}");
    const struct source_grid *g = source_grid(s);
    assert_int_equal(g->slices, 2);
    assert_int_equal(g->columns, 30);
    assert_ok(source_select(s, 0, 2, &err), err);
    assert_ok(source_sinograms(s, 0, 2, sino, NULL, NULL, &err), err);
    assert_ok(source_view(s, 0, 2, 17, view, &err), err);
    for (size_t row = 0; row < 2; row++) {
        assert_memory_equal(view + row * 30, sino + (row * ANGLES + 17) * 30, 30 * sizeof(float));
    }
    source_close(s);
}

static void axis_keeps_its_number(void **state)
{
    struct fixture *f = *state;
    struct source *s = opened(f->path, "{\"binning\":2,\"start_column\":8,\"start_row\":0}");
    assert_true(fabs(source_axis(s, 8 + 1.5)) < 1e-12); /* the first binned pixel's middle */
    assert_true(fabs(source_axis_full(s, source_axis(s, CENTRE)) - CENTRE) < 1e-12);
    source_close(s);
    s = opened(f->path, "{\"start_row\":2}");
    assert_int_equal(source_grid(s)->slice_first, 2);
    assert_int_equal(source_slice_of(s, 0), 2);
    assert_int_equal(source_slice_of(s, 1), 3);
    assert_int_equal(source_slice_of(s, 3), 3);
    assert_int_equal(source_slice_of(s, 900), 3);
    source_close(s);
}

static void views_may_be_left_out(void **state)
{
    struct fixture *f = *state;
    struct source *s =
        opened(f->path, "{\"blocked_views\":\"[[0.5,1.0],[3.0,4.0]]\",\"start_proj\":10}");
    const struct source_grid *g = source_grid(s);
    assert_true(g->angles < ANGLES - 10);
    for (size_t i = 0; i < g->angles; i++) {
        double t = g->theta_rad[i];
        assert_true(!(t >= 0.5 && t < 1.0) && t < 3.0 && t >= 10 * M_PI / ANGLES - 1e-9);
    }
    source_close(s);
}

static void ranges_are_checked(void **state)
{
    struct fixture *f = *state;
    const char *const wrong[] = {"{\"end_row\":5}",
                                 "{\"start_row\":4}",
                                 "{\"start_column\":63,\"binning\":1}",
                                 "{\"end_proj\":91}",
                                 "{\"blocked_views\":\"[-1,10]\"}",
                                 "{\"binning\":3}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct err err = {0};
        struct recon_params p = params_of(wrong[i]);
        struct source *s = source_open(f->path, &p, 1, &err);
        if (s) {
            fail_msg("%s was accepted", wrong[i]);
        }
        assert_int_equal(err.code, ERR_USAGE);
        assert_non_null(strstr(err.text, f->path));
    }
}

static void axis_is_found(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct job job = {.threads = 1, .voice = JOB_QUIET};
    const double seeds[] = {NAN, CENTRE + 3, CENTRE + 25};
    for (size_t i = 0; i < 3; i++) {
        struct recon_params p = params_of("{\"center_search_width\":5}");
        struct source *s = source_open(f->path, &p, 1, &err);
        struct axis_found found = {0};
        assert_ok(axis_find_all(s, &p, seeds[i], &(struct axis_means){.job = &job}, &found, &err),
                  err);
        if (fabs(found.axis - CENTRE) > 0.5) {
            fail_msg("seed %g: found %g with confidence %g", seeds[i], found.axis,
                     found.confidence);
        }
        assert_true(found.confidence > 0.5);
        axis_fini(&found);
        source_close(s);
    }
}

struct attempt {
    const char *path;
    struct recon_params params;
};

static bool open_and_select(void *arg, struct err *err)
{
    struct attempt *a = arg;
    struct source *s = source_open(a->path, &a->params, 1, err);
    bool ok = s && source_select(s, 0, 2, err);
    source_close(s);
    return ok;
}

static void out_of_memory(void **state)
{
    struct fixture *f = *state;
    struct attempt a = {f->path, params_of("{}")};
    test_every_failure(open_and_select, &a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_clean_scan_gives_the_phantoms_sinogram, setup, teardown),
        cmocka_unit_test_setup_teardown(views_are_rows_of_the_sinograms, setup, teardown),
        cmocka_unit_test_setup_teardown(axis_keeps_its_number, setup, teardown),
        cmocka_unit_test_setup_teardown(views_may_be_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(ranges_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(axis_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
