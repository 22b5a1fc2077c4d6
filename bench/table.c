/* What the bench programs share. */
#include "table.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "math/fft.h"

_Noreturn void bench_fail(const struct err *err)
{
    fprintf(stderr, "bench: %s\n", err->text);
    exit(err_exit_status(err->code));
}

float *bench_array(size_t n)
{
    struct err err;
    float *array = mem_big(n, sizeof *array, &err);
    if (!array) {
        bench_fail(&err);
    }
    memset(array, 0, n * sizeof *array);
    return array;
}

double *bench_half_turn(size_t views)
{
    struct err err;
    double *theta = mem_array(views, sizeof *theta, &err);
    if (!theta) {
        bench_fail(&err);
    }
    for (size_t i = 0; i < views; i++) {
        theta[i] = M_PI * (double)i / (double)views;
    }
    return theta;
}

const char *bench_text(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return argv[i + 1];
        }
    }
    return NULL;
}

size_t bench_number(int argc, char **argv, const char *name, size_t otherwise)
{
    int64_t value;
    const char *text = bench_text(argc, argv, name);
    if (!text) {
        return otherwise;
    }
    if (!num_int64(text, &value) || value < 1) {
        struct err err;
        (void)err_set(&err, ERR_USAGE, "%s wants a number from 1 on, not '%s'", name, text);
        bench_fail(&err);
    }
    return (size_t)value;
}

double bench_best(size_t reps, void (*work)(void *arg), void *arg)
{
    double best = INFINITY;
    for (size_t i = 0; i < reps; i++) {
        int64_t start = clock_mono_us();
        work(arg);
        best = fmin(best, (double)(clock_mono_us() - start) / 1000);
    }
    return best;
}

void bench_wisdom_load(int argc, char **argv)
{
    struct err err;
    const char *path = bench_text(argc, argv, "--wisdom");
    if (path && !fft_wisdom_load(path, NULL, &err)) {
        bench_fail(&err);
    }
}

void bench_wisdom_save(int argc, char **argv)
{
    struct err err;
    const char *path = bench_text(argc, argv, "--wisdom");
    if (path && fft_planned() && !fft_wisdom_save(path, &err)) {
        bench_fail(&err);
    }
}
