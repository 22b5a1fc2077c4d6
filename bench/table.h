/* What the bench programs share: options, scans of known phantoms, and the best of several runs. */
#ifndef GANTRY_BENCH_TABLE_H
#define GANTRY_BENCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* Prints "bench: <text>" and ends with the error's exit status. */
_Noreturn void bench_fail(const struct err *err);

/* Memory or the end of the program. */
float *bench_array(size_t n);

/* pi i / views, i = 0 .. views - 1 */
double *bench_half_turn(size_t views);

/* The value behind option `name` ("--views"), or `otherwise`. Unknown options are not looked for.
 */
size_t bench_number(int argc, char **argv, const char *name, size_t otherwise);
const char *bench_text(int argc, char **argv, const char *name);

/* Shortest of `reps` runs of `work(arg)`, in milliseconds. */
double bench_best(size_t reps, void (*work)(void *arg), void *arg);

/* Wisdom of FFTW is kept in the file that --wisdom names. */
void bench_wisdom_load(int argc, char **argv);
void bench_wisdom_save(int argc, char **argv);

#endif
