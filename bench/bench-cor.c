/*
 * usage: bench-cor [--columns 1024] [--views 1500] [--reps 3] [--wisdom FILE]
 *
 * Time and error of the rotation-axis finders on specimens with a known axis and growing noise
 * (absorption is about 0.5 along the longest way, so 0.02 is a noisy scan). vo and entropy get one
 * slice, pc 64 rows of two opposite views.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "math/centre-entropy.h"
#include "math/centre.h"
#include "math/phantom.h"
#include "table.h"

enum { PAIR_ROWS = 64 };

struct bench {
    size_t columns, views, reps;
    unsigned threads;
    double lo, hi;
    double *theta;
    float *sino, *zero, *opposite;
    struct centre_result found;
};

static double gauss(uint64_t *state)
{
    double u[2];
    for (int i = 0; i < 2; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        u[i] = ((double)(*state >> 11) + 0.5) / 9007199254740992.0;
    }
    return sqrt(-2 * log(u[0])) * cos(2 * M_PI * u[1]);
}

static void make_scan(struct bench *b, double centre, double radius, double noise)
{
    uint64_t state = 7;
    double turn[2] = {0, M_PI}, px = radius * (double)b->columns;
    float *two = bench_array(2 * b->columns);
    for (size_t row = 0; row <= PAIR_ROWS; row++) {
        struct phantom p;
        phantom_specimen(3, (double)row / PAIR_ROWS, &p);
        phantom_scale_values(&p, 1 / (0.45 * (double)b->columns));
        if (row == PAIR_ROWS) {
            phantom_sinogram(&p, b->theta, b->views, b->columns, centre, px, b->sino);
            break;
        }
        phantom_sinogram(&p, turn, 2, b->columns, centre, px, two);
        for (size_t i = 0; i < b->columns; i++) {
            b->zero[row * b->columns + i] = two[i] + (float)(noise * gauss(&state));
            b->opposite[row * b->columns + i] =
                two[b->columns + i] + (float)(noise * gauss(&state));
        }
    }
    for (size_t i = 0; i < b->views * b->columns; i++) {
        b->sino[i] += (float)(noise * gauss(&state));
    }
    mem_free(two);
}

static struct centre_sino sino_of(const struct bench *b)
{
    return (struct centre_sino){.values = b->sino,
                                .angles = b->views,
                                .columns = b->columns,
                                .theta_rad = b->theta,
                                .threads = b->threads};
}

static void vo(void *arg)
{
    struct bench *b = arg;
    struct err err;
    struct centre_sino s = sino_of(b);
    if (!centre_vo(&s, b->lo, b->hi, 0.5, &b->found, NULL, &err)) {
        bench_fail(&err);
    }
}

static void pc(void *arg)
{
    struct bench *b = arg;
    struct err err;
    if (!centre_pc(b->zero, b->opposite, PAIR_ROWS, b->columns, b->lo, b->hi, &b->found, &err)) {
        bench_fail(&err);
    }
}

static void entropy(void *arg)
{
    struct bench *b = arg;
    struct err err;
    struct centre_sino s = sino_of(b);
    if (!centre_entropy(&s, b->lo, b->hi, &b->found, NULL, &err)) {
        bench_fail(&err);
    }
}

static void row(struct bench *b, const char *finder, const char *where, double centre)
{
    double ms[2] = {0, 0};
    bool is_pc = strcmp(finder, "pc") == 0, is_vo = strcmp(finder, "vo") == 0;
    for (b->threads = 1; b->threads <= (is_pc ? 1u : 2u); b->threads++) {
        ms[b->threads - 1] = bench_best(b->reps, is_vo ? vo : is_pc ? pc : entropy, b);
    }
    printf("  %-7s %-11s %8.1f ", finder, where, ms[0]);
    if (!is_pc) {
        printf("%8.1f ", ms[1]);
    } else {
        printf("       - ");
    }
    printf("%10.3f %+9.3f %7.2f\n", b->found.centre, b->found.centre - centre, b->found.confidence);
}

int main(int argc, char **argv)
{
    struct bench b = {.columns = bench_number(argc, argv, "--columns", 1024),
                      .views = bench_number(argc, argv, "--views", 1500),
                      .reps = bench_number(argc, argv, "--reps", 3)};
    static const double noise[] = {0, 0.01, 0.02, 0.05, 0.1};
    double centre = 0.47 * (double)b.columns + 0.27;
    b.theta = bench_half_turn(b.views);
    b.sino = bench_array(b.views * b.columns);
    b.zero = bench_array(PAIR_ROWS * b.columns);
    b.opposite = bench_array(PAIR_ROWS * b.columns);
    bench_wisdom_load(argc, argv);
    printf("%zu columns x %zu views, axis at %.2f, best of %zu\n", b.columns, b.views, centre,
           b.reps);
    printf("                     ms, 1T   ms, 2T      found     error    sure\n");
    for (size_t i = 0; i <= sizeof noise / sizeof *noise; i++) {
        bool wide = i == sizeof noise / sizeof *noise; /* a specimen wider than the detector */
        make_scan(&b, centre, wide ? 0.8 : 0.44, wide ? 0.01 : noise[i]);
        printf("noise %.2f%s\n", wide ? 0.01 : noise[i],
               wide ? ", specimen wider than the detector" : "");
        b.lo = centre - 47.3;
        b.hi = centre + 52.7;
        row(&b, "vo", "+-50 by 0.5", centre);
        row(&b, "entropy", "+-50", centre);
        b.lo = b.hi = 0;
        row(&b, "vo", "anywhere", centre);
        row(&b, "entropy", "anywhere", centre);
        row(&b, "pc", "anywhere", centre);
    }
    bench_wisdom_save(argc, argv);
    return 0;
}
