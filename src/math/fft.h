/*
 * Fourier transforms of this room: FFTW's planner behind one lock, and its wisdom on disk. Planning
 * measures (a 2-D size takes 1-3 s the first time) and a measured plan is 10-20 times faster than
 * an estimated one, so wisdom is kept. Order of calls: fft_wisdom_load() once at start, any use of
 * recon.h and centre.h, fft_wisdom_save() at the end when fft_planned() says that something new was
 * learnt.
 *
 * The same wisdom gives the same plans and so the same bits; without wisdom two processes may
 * choose different plans, and results agree to rounding (about 1e-6 of the largest value).
 */
#ifndef GANTRY_MATH_FFT_H
#define GANTRY_MATH_FFT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* Read wisdom from the file. No file is no error. A file that FFTW does not understand (other
 * version, damaged) is ignored, because it is a cache: true is returned and *ret_known is false.
 * `ret_known` may be NULL. */
bool fft_wisdom_load(const char *path, bool *ret_known, struct err *err) CHECK_RESULT;

/* Write all wisdom (of this process, and what the file holds by now) aside and rename it to `path`;
 * the folder must exist. Several processes may save at once: no reader ever sees half a file. */
bool fft_wisdom_save(const char *path, struct err *err) CHECK_RESULT;

/* Forget all wisdom, as in a new process; no plan may be alive. */
void fft_forget(void);

/* Did this process measure a size that the wisdom it had did not know? */
bool fft_planned(void);

/* The smallest size >= n and >= 2 that FFTW is fast at: a product of 2, 3, 5 and at most one 7, a
 * multiple of 2, of 16 from 32 on, of 32 from 512 on (1296 = 2^4 3^4 costs 1.6 times as much a
 * point as 1280). */
size_t fft_good_size(size_t n);

#endif
