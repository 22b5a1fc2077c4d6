/*
 * FFTW as the other files of this room use it: every plan is made and destroyed under one lock,
 * because FFTW's planner is not thread-safe (executing is). Private to math/.
 */
#ifndef GANTRY_MATH_FFT_PLAN_H
#define GANTRY_MATH_FFT_PLAN_H

#include <fftw3.h>
#include <stddef.h>
#include "base/err.h"

enum fft_direction { FFT_FORWARD = FFTW_FORWARD, FFT_BACKWARD = FFTW_BACKWARD };

/* One in-place complex transform of `length`. */
fftwf_plan fft_plan_line(size_t length, enum fft_direction direction, struct err *err) CHECK_RESULT;

/* `count` complex transforms of `length`, in place: element stride `stride`, from one to the next
 * `distance` (in complex numbers). The array that it will run on must be 64-byte aligned where it
 * starts. */
struct fft_many {
    size_t length, count, stride, distance;
    enum fft_direction direction;
};
fftwf_plan fft_plan_many(const struct fft_many *many, struct err *err) CHECK_RESULT;

/* One out-of-place real to half-complex transform of `length`, input kept. */
fftwf_plan fft_plan_real(size_t length, struct err *err) CHECK_RESULT;

/* NULL is fine. */
void fft_plan_free(fftwf_plan plan);

#endif
