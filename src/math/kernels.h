/*
 * The inner loops of reconstruction and of showing its slices. kernels.c is compiled three times,
 * for AVX-512, for AVX2 and for any CPU; recon.c picks one table at run time. Arrays of complex
 * numbers are interleaved floats ("pairs"). Private to math/.
 */
#ifndef GANTRY_MATH_KERNELS_H
#define GANTRY_MATH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* The gridding kernel covers 6 cells; its table has 256 steps a cell, each row the 6 values (8 with
 * padding) at the step and 8 differences to the next step: 64 bytes, one cache line. */
enum { SPREAD_WIDTH = 6, SPREAD_STEPS = 256, SPREAD_ROW = 16, SPREAD_GUARD = 8 };

/* Spread lines of radial frequencies onto the grid. Grid cell (column m, row r), m and r from
 * -SPREAD_GUARD on, is grid[2 * (r * stride + m)]; frequency 0 is at (cells / 2, cells / 2). */
struct spread_job {
    float *grid;
    size_t stride; /* complex numbers a row */
    size_t cells;
    const float *table;
    const float *lines; /* [angles][length] pairs, frequency k at k, negative ones at length + k */
    size_t length, angles;
    const float *cos_step, *sin_step; /* [angles]: cells a frequency step moves in column and row */
};

/* Take a window out of a filtered line, closing the ends of truncated lines on the way. */
struct window_job {
    const float *pairs;       /* the line, index 0 = window's first sample */
    const float *curve[2][2]; /* [slice][left, right]: what one unit at that end adds, same index */
    float end[2][2];          /* [slice][left, right]: values at the ends */
    const float *weight[2];   /* [slice][count] */
    size_t count;
};

/* Add back-projected values of 8 slices to one run of pixels. */
enum { LINE_LANES = 8 };
struct line_job {
    const float *lines; /* [angles][length][LINE_LANES] */
    size_t length, angles;
    const double *start; /* [angles]: position of the first pixel in its line */
    const double *step;  /* [angles]: cos(theta) */
    size_t pixels;
    float *sum; /* [pixels][LINE_LANES] */
};

/* What a pass over samples finds; those that are not finite are only counted. */
struct range_found {
    float low, high; /* infinities (high < low) when no sample is finite */
    size_t finite;
    size_t below; /* finite ones under the limit */
};
/* Sums over samples that are finite: of the values, and how many are over and under limits. */
struct tally {
    double sum;
    size_t finite, over[2], under;
};

struct kernels {
    /* ret[2i] = a[i], ret[2i+1] = b[i]; samples that are not finite become 0. `b` may be NULL: 0.
     */
    void (*pack)(const float *a, const float *b, size_t count, float *ret_pairs);
    /* values[i] *= factor[i] */
    void (*scale)(float *values, const float *factor, size_t count);
    void (*window)(const struct window_job *job, float *ret_pairs);
    /* pair[i] *= weight * factor[i]; the tables hold factor's real part twice and its imaginary
     * part as (-im, im). */
    void (*turn)(float *pairs, const float *re_twice, const float *im_signed, size_t count,
                 float weight);
    /* Two real lines that differ by a turn alone, packed as a + i b: F turned by a's factors and by
     * b's, for the `half` frequencies from 0 on and, by symmetry, their mirrors. Factors as for
     * turn(), a table of 4 half floats: real parts, then imaginary ones. ret_pairs [2 half]. */
    void (*merge)(const float *spectrum, const float *turn_a, const float *turn_b, size_t half,
                  float weight, float *ret_pairs);
    void (*spread)(const struct spread_job *job);
    /* ret_a[i] = pair[i].re * factor[i] * by, ret_b[i] = pair[i].im * factor[i] * by; ret_b may be
     * NULL. */
    void (*unpack)(const float *pairs, const float *factor, float by, size_t count, float *ret_a,
                   float *ret_b);
    void (*line_add)(const struct line_job *job);
    /* minus log of (raw - dark) * gain with a floor: the fused normalisation of one row; returns
     * how many transmissions were <= 0. */
    size_t (*minus_log)(const float *raw, const float *dark, const float *gain, size_t count,
                        float floor_value, float *ret);
    /* (values[i] - low) * scale, rounded to nearest, cut off at 0 and 255; NaN is 0. */
    void (*bytes)(const float *values, size_t count, float low, float scale, uint8_t *ret);
    /* sum[i] += by * values[i], weight[i] += by, for finite values. */
    void (*gather)(const float *values, size_t count, float by, float *sum, float *weight);
    void (*range)(const float *values, size_t count, float limit, struct range_found *ret);
    /* Adds to what is in `sums`. At most 2^31 samples a call. */
    void (*tally)(const float *values, size_t count, const float over[2], float under,
                  struct tally *sums);
};

extern const struct kernels kernels_plain;
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx512;

/* The best this CPU has. */
const struct kernels *kernels_here(void);

#endif
