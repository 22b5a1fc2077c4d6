/*
 * The accuracy gates of the issue, at full size (1024 columns, 1500 views), for every instruction
 * set this CPU has: Shepp-Logan raw >= 40.4 dB, smooth raw >= 100 dB, gain 1 +- 0.001, an odd last
 * slice with its own centre, and the same bits on 1 and 2 threads. As in BASELINES 2 gain is what
 * the picture must be multiplied with to fit the phantom best.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include "math/metrics.h"
#include "math/phantom.h"
#include "math/recon.h"

enum { COLUMNS = 1024, VIEWS = 1500, SLICES = 3 };

#define RADIUS (0.49 * COLUMNS)

struct gate {
    double *theta;
    float *sino, *one, *two, *sharp, *smooth;
    double centre[SLICES];
};

static void *room(size_t n)
{
    struct err err;
    void *p = mem_big(n, sizeof(float), &err);
    assert_ok(p != NULL, err);
    return p;
}

static int set_up(void **state)
{
    static struct gate g;
    struct phantom sharp, smooth;
    phantom_shepp_logan(&sharp);
    phantom_smooth(&smooth);
    g.theta = mem_array(VIEWS, sizeof *g.theta, NULL);
    for (size_t i = 0; i < VIEWS; i++) {
        g.theta[i] = M_PI * (double)i / VIEWS;
    }
    size_t one = (size_t)VIEWS * COLUMNS, image = (size_t)COLUMNS * COLUMNS;
    g.sino = room(SLICES * one);
    g.one = room(SLICES * image);
    g.two = room(SLICES * image);
    g.sharp = room(image);
    g.smooth = room(image);
    g.centre[0] = g.centre[1] = (COLUMNS - 1) / 2.0;
    g.centre[2] = (COLUMNS - 1) / 2.0 -
        3; /* whole: columns and pixels coincide at 0 and 90 degrees, as in the protocol */
    phantom_sinogram(&sharp, g.theta, VIEWS, COLUMNS, g.centre[0], RADIUS, g.sino);
    phantom_sinogram(&smooth, g.theta, VIEWS, COLUMNS, g.centre[1], RADIUS, g.sino + one);
    phantom_sinogram(&sharp, g.theta, VIEWS, COLUMNS, g.centre[2], RADIUS, g.sino + 2 * one);
    phantom_image(&sharp, COLUMNS, RADIUS, 16, g.sharp);
    phantom_image(&smooth, COLUMNS, RADIUS, 2, g.smooth);
    *state = &g;
    return 0;
}

static int tear_down(void **state)
{
    struct gate *g = *state;
    mem_free(g->smooth);
    mem_free(g->sharp);
    mem_free(g->two);
    mem_free(g->one);
    mem_free(g->sino);
    mem_free(g->theta);
    return 0;
}

static void check(const char *isa, const char *what, const float *image, const float *reference,
                  double least_db)
{
    struct metrics_comparison m;
    metrics_compare(image, reference, COLUMNS, 0.95, &m);
    double gain = m.correlation * m.correlation / m.gain;
    print_message("%s %s: raw %.2f dB, gain %.5f, offset %+.1e\n", isa, what, m.psnr_db, gain,
                  m.offset);
    if (!(m.psnr_db >= least_db) || !(fabs(gain - 1) <= 0.001)) {
        fail_msg("%s %s: raw %.2f dB (at least %.1f), gain %.5f (1 +- 0.001)", isa, what, m.psnr_db,
                 least_db, gain);
    }
}

static void gate_on(const struct gate *g, enum recon_isa isa)
{
    size_t image = (size_t)COLUMNS * COLUMNS;
    if (!recon_isa_here(isa)) {
        print_message("%s: not on this CPU\n", recon_isa_name(isa));
        return;
    }
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct err err;
        struct recon_spec spec = {.columns = COLUMNS,
                                  .angles = VIEWS,
                                  .theta_rad = g->theta,
                                  .filter = FILTER_RAMP,
                                  .threads = threads,
                                  .isa = isa};
        struct recon *r = recon_new(&spec, &err);
        assert_ok(r != NULL, err);
        assert_ok(recon_slices(r, g->sino, SLICES, g->centre, threads == 1 ? g->one : g->two, &err),
                  err);
        recon_free(r);
    }
    assert_memory_equal(g->one, g->two, SLICES * image * sizeof(float));
    check(recon_isa_name(isa), "Shepp-Logan", g->one, g->sharp, 40.4);
    check(recon_isa_name(isa), "smooth", g->one + image, g->smooth, 100);
    check(recon_isa_name(isa), "Shepp-Logan, odd slice", g->one + 2 * image, g->sharp, 40.4);
}

static void t_gate_plain(void **state)
{
    gate_on(*state, RECON_ISA_PLAIN);
}

static void t_gate_avx2(void **state)
{
    gate_on(*state, RECON_ISA_AVX2);
}

static void t_gate_avx512(void **state)
{
    gate_on(*state, RECON_ISA_AVX512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_gate_plain),
        cmocka_unit_test(t_gate_avx2),
        cmocka_unit_test(t_gate_avx512),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
