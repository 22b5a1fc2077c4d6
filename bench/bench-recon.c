/*
 * usage: bench-recon [--columns 1024] [--views 1500] [--slices 8] [--reps 3] [--wisdom FILE]
 *        bench-recon ... --write FILE       write the sinograms (float32) for another program
 *        bench-recon ... --score FILE       score that program's first two slices, pixel (x, y) at
 * x - n/2, y - n/2
 *
 * Time and accuracy of reconstruction on exact phantoms: even slices are Shepp-Logan, odd ones
 * smooth, axis in the middle of the detector. Raw PSNR inside 0.95 of the radius without any
 * fitting; gain is what the picture must be multiplied with.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "math/metrics.h"
#include "math/normalise.h"
#include "math/phantom.h"
#include "math/recon.h"
#include "table.h"

/* linerec takes up to 100 times as long: it is run on fewer slices. */
enum { LINE_SLICES = 8 };

struct bench {
    size_t columns, views, slices, reps;
    double *theta, *centre;
    float *sino, *image, *reference[2];
    struct recon *recon; /* being measured */
    size_t count;        /* slices or centres of a call */
    struct normalise *normalise;
    uint16_t *raw;
};

static void make_phantoms(struct bench *b)
{
    struct phantom kind[2];
    size_t one = b->views * b->columns;
    double radius = 0.49 * (double)b->columns;
    phantom_shepp_logan(&kind[0]);
    phantom_smooth(&kind[1]);
    for (size_t i = 0; i < b->slices; i++) {
        if (i < 2) {
            phantom_sinogram(&kind[i], b->theta, b->views, b->columns, b->centre[0], radius,
                             b->sino + i * one);
        } else {
            memcpy(b->sino + i * one, b->sino + (i & 1) * one, one * sizeof *b->sino);
        }
    }
    for (int i = 0; i < 2; i++) {
        b->reference[i] = bench_array(b->columns * b->columns);
        phantom_image(&kind[i], b->columns, radius, i ? 2 : 16, b->reference[i]);
    }
}

static void slices(void *arg)
{
    struct bench *b = arg;
    struct err err;
    if (!recon_slices(b->recon, b->sino, b->count, b->centre, b->image, &err)) {
        bench_fail(&err);
    }
}

static void centres(void *arg)
{
    struct bench *b = arg;
    struct err err;
    if (!recon_centres(b->recon, b->sino, b->count, b->centre, b->image, &err)) {
        bench_fail(&err);
    }
}

static void normalise(void *arg)
{
    struct bench *b = arg;
    struct err err;
    struct normalise_block block = {.type = NORMALISE_U16,
                                    .raw = b->raw,
                                    .angles = b->views,
                                    .rows = b->count,
                                    .angles_total = b->views};
    if (!normalise_block(b->normalise, &block, b->image, &err)) {
        bench_fail(&err);
    }
}

static void print_score(const struct bench *b, const float *image, const float *const reference[2])
{
    struct metrics_comparison m[2];
    for (int i = 0; i < 2; i++) {
        metrics_compare(image + (size_t)i * b->columns * b->columns, reference[i], b->columns, 0.95,
                        &m[i]);
        m[i].gain = m[i].correlation * m[i].correlation / m[i].gain;
    }
    printf(" %8.2f %8.2f   %.5f %.5f", m[0].psnr_db, m[1].psnr_db, m[0].gain, m[1].gain);
}

static void measure(struct bench *b, enum recon_algorithm algorithm, enum recon_isa isa)
{
    double ms[2], first = 0;
    float *kept = bench_array(2 * b->columns * b->columns);
    b->count = algorithm == RECON_LINEREC && b->slices > LINE_SLICES ? LINE_SLICES : b->slices;
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct err err;
        struct recon_spec spec = {.columns = b->columns,
                                  .angles = b->views,
                                  .theta_rad = b->theta,
                                  .algorithm = algorithm,
                                  .filter = FILTER_RAMP,
                                  .threads = threads,
                                  .isa = isa};
        int64_t start = clock_mono_us();
        b->recon = recon_new(&spec, &err);
        if (!b->recon) {
            bench_fail(&err);
        }
        first = threads == 1 ? (double)(clock_mono_us() - start) / 1000 : first;
        ms[threads - 1] =
            bench_best(algorithm == RECON_LINEREC ? 1 : b->reps, slices, b) / (double)b->count;
        recon_free(b->recon);
        if (threads == 1) {
            memcpy(kept, b->image, 2 * b->columns * b->columns * sizeof *kept);
        }
    }
    bool same = memcmp(kept, b->image, 2 * b->columns * b->columns * sizeof *kept) == 0;
    printf("%-11s %-7s %9.2f %9.2f %9.0f", recon_algorithm_name(algorithm), recon_isa_name(isa),
           ms[0], ms[1], first);
    print_score(b, b->image, (const float *const *)b->reference);
    printf("   %s\n", same ? "same" : "DIFFERENT");
    mem_free(kept);
}

static void measure_try(struct bench *b)
{
    enum { CENTRES = 20 };
    struct err err;
    double centre[CENTRES], *usual = b->centre, ms[2];
    float *image = b->image;
    b->image = bench_array(CENTRES * b->columns * b->columns);
    for (int i = 0; i < CENTRES; i++) {
        centre[i] = usual[0] + (i - CENTRES / 2) * 2.5;
    }
    b->centre = centre;
    b->count = CENTRES;
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct recon_spec spec = {
            .columns = b->columns, .angles = b->views, .theta_rad = b->theta, .threads = threads};
        b->recon = recon_new(&spec, &err);
        if (!b->recon) {
            bench_fail(&err);
        }
        ms[threads - 1] = bench_best(b->reps, centres, b);
        recon_free(b->recon);
    }
    printf("\ntry, %d centres of one slice: %.0f ms on 1 thread, %.0f ms on 2\n", CENTRES, ms[0],
           ms[1]);
    mem_free(b->image);
    b->image = image;
    b->centre = usual;
}

static void measure_normalise(struct bench *b)
{
    enum { ROWS = 4 };
    struct err err;
    double ms[2];
    float *image = b->image, *flat = bench_array(ROWS * b->columns);
    b->image = bench_array(ROWS * b->views * b->columns);
    b->raw = (uint16_t *)bench_array(ROWS * b->views * b->columns / 2 + 1);
    for (size_t i = 0; i < ROWS * b->views * b->columns; i++) {
        b->raw[i] = (uint16_t)(20000 + i * 31 % 30000);
    }
    for (size_t i = 0; i < ROWS * b->columns; i++) {
        flat[i] = 60000;
    }
    b->count = ROWS;
    for (unsigned threads = 1; threads <= 2; threads++) {
        b->normalise = normalise_new(ROWS, b->columns, flat, NULL, true, threads, &err);
        if (!b->normalise) {
            bench_fail(&err);
        }
        ms[threads - 1] = bench_best(b->reps, normalise, b) / ROWS;
        normalise_free(b->normalise);
    }
    printf("normalise + minus log, uint16: %.2f ms a slice on 1 thread, %.2f on 2\n", ms[0], ms[1]);
    mem_free(flat);
    mem_free(b->raw);
    mem_free(b->image);
    b->image = image;
}

static void write_sinograms(const struct bench *b, const char *path)
{
    size_t n = b->slices * b->views * b->columns;
    struct err err;
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->sino, sizeof *b->sino, n, f) != n || fclose(f) != 0) {
        (void)err_set(&err, ERR_IO, "cannot write '%s'", path);
        bench_fail(&err);
    }
}

/* Another program's pixel (x, y) lies at x - n/2: half a pixel from ours, which is where a picture
 * one pixel larger has its middle. */
static void score_other(const struct bench *b, const char *path)
{
    struct err err;
    struct phantom kind[2];
    size_t n = b->columns, wide = n + 1;
    float *image = bench_array(2 * n * n), *larger = bench_array(wide * wide);
    const float *reference[2] = {b->reference[0], b->reference[1]};
    FILE *f = fopen(path, "rb");
    if (!f || fread(image, sizeof *image, 2 * n * n, f) != 2 * n * n) {
        (void)err_set(&err, ERR_IO, "cannot read two slices of %zu x %zu from '%s'", n, n, path);
        bench_fail(&err);
    }
    (void)fclose(f);
    phantom_shepp_logan(&kind[0]);
    phantom_smooth(&kind[1]);
    for (int i = 0; i < 2; i++) {
        phantom_image(&kind[i], wide, 0.49 * (double)n, i ? 2 : 16, larger);
        for (size_t y = 0; y < n; y++) {
            memcpy(b->reference[i] + y * n, larger + y * wide, n * sizeof *larger);
        }
    }
    print_score(b, image, reference);
    printf("\n");
    mem_free(larger);
    mem_free(image);
}

int main(int argc, char **argv)
{
    struct bench b = {.columns = bench_number(argc, argv, "--columns", 1024),
                      .views = bench_number(argc, argv, "--views", 1500),
                      .slices = bench_number(argc, argv, "--slices", 8),
                      .reps = bench_number(argc, argv, "--reps", 3)};
    struct err err;
    b.slices += b.slices & 1;
    b.theta = bench_half_turn(b.views);
    b.centre = mem_array(b.slices, sizeof *b.centre, &err);
    if (!b.centre) {
        bench_fail(&err);
    }
    for (size_t i = 0; i < b.slices; i++) {
        b.centre[i] = bench_text(argc, argv, "--write") ? (double)(b.columns / 2)
                                                        : ((double)b.columns - 1) / 2;
    }
    b.sino = bench_array(b.slices * b.views * b.columns);
    b.image = bench_array(b.slices * b.columns * b.columns);
    make_phantoms(&b);
    if (bench_text(argc, argv, "--write")) {
        write_sinograms(&b, bench_text(argc, argv, "--write"));
        return 0;
    }
    if (bench_text(argc, argv, "--score")) {
        score_other(&b, bench_text(argc, argv, "--score"));
        return 0;
    }
    bench_wisdom_load(argc, argv);
    printf("%zu columns x %zu views, %zu slices, ms a slice (best of %zu)\n", b.columns, b.views,
           b.slices, b.reps);
    printf("algorithm   cpu        1 thread 2 threads  planning   Shepp   smooth    gain    gain   "
           "   bits on 1 and 2\n");
    for (enum recon_isa isa = RECON_ISA_PLAIN; isa <= RECON_ISA_AVX512; isa++) {
        if (recon_isa_here(isa)) {
            measure(&b, RECON_FOURIERREC, isa);
        } else {
            printf("fourierrec  %-7s not on this CPU\n", recon_isa_name(isa));
        }
    }
    measure(&b, RECON_LINEREC, recon_isa_here(RECON_ISA_AVX2) ? RECON_ISA_AVX2 : RECON_ISA_PLAIN);
    measure_try(&b);
    measure_normalise(&b);
    bench_wisdom_save(argc, argv);
    return 0;
}
