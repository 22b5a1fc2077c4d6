/*
 * What the parts of reconstruction share: the tables of one geometry and each thread's workspace.
 * recon.c makes them, recon-filter.c takes lines through the filter, recon-fourier.c and
 * recon-line.c turn filtered lines into slices. Private to math/.
 */
#ifndef GANTRY_MATH_RECON_PLAN_H
#define GANTRY_MATH_RECON_PLAN_H

#include "math/fft-plan.h"
#include "math/kernels.h"
#include "math/recon.h"

/* Lines that are filtered before they are spread: 64 lines of 1280 pairs are 640 KB, which stays in
 * the L2 cache, and one pass over the grid per 64 lines costs little. */
enum { ANGLE_BLOCK = 64 };

/* Columns that are transformed, cropped and written together: one cache line of an image's row, so
 * that no line of the output is written twice. */
enum { COLUMN_BLOCK = 16 };

/* Pixels of an image row inside the circle: from .. to - 1. */
struct span {
    uint32_t from, to;
};

struct recon {
    size_t columns, angles, width;
    enum recon_algorithm algorithm;
    enum recon_isa isa;
    unsigned threads;
    bool extend;
    const struct kernels *kernels;
    double *cosine, *sine; /* [angles] */
    float *weight;         /* [angles]: share of the half circle */

    /* Filtering: lines at `length` >= 2 columns; responses stand twice, for pairs, and carry 1 /
     * length. */
    size_t length;
    float *response; /* [2 length] */
    float *bank; /* [ENDS][length], index modulo length: what one unit at the right end adds to a
                    line, recon-filter.c */
    size_t edge; /* samples whose mean is the end value of a line */
    fftwf_plan forward, backward;

    /* Gridding: `radial` samples of a filtered line about the centre; grid of cells x cells. */
    size_t radial, cells, stride, grid_rows;
    float *window; /* [radial]: fades the ends of the window, where no pixel looks */
    float *table;  /* the gridding kernel, kernels.h */
    float *crop;   /* [width]: 1 / transform of the kernel, with the sign of the grid's middle */
    struct span *circle; /* [width] */
    float *half_re,
        *half_im; /* [2 * 2 cells]: half-pixel turn by row + column, NULL for an odd width */
    float *cos_step, *sin_step; /* [angles] */
    fftwf_plan radial_forward, row_backward, columns_backward;

    struct work *work; /* [threads] */
};

/* One thread's own memory. */
struct work {
    float *line;    /* [2 length] */
    float *lines;   /* [ANGLE_BLOCK][2 radial] */
    float *grid;    /* [grid_rows][2 stride] */
    float *fade;    /* [2][radial] */
    float *closing; /* recon_closing()'s */
    float *re, *im; /* [2 radial]: turn to the centre */
};

/* A pair of slices on its way: sinograms of both (b NULL when alone), centres, images. */
struct pair {
    const float *sino[2];
    double centre[2];
    float *image[2];
};

/* Where a window of `count` samples begins so that `centre` lies in its middle. */
long recon_window_start(double centre, size_t count);

/* Tables of filtering: lengths, response, extension curves, plans. */
bool recon_filter_init(struct recon *r, enum filter_kind kind, struct err *err) CHECK_RESULT;
void recon_filter_fini(struct recon *r);

/* What closes the ends of one sinogram's lines: ret_curve [left, right][length], for one unit at
 * that end; zeros when it is NULL or lines are not to be closed. */
void recon_closing(const struct recon *r, const float *sino, float *ret_curve);

/* Filter one line of each of two sinograms (b may be NULL) in w->line. ret_end: [slice][left,
 * right]. */
void recon_filter_pair(const struct recon *r, struct work *w, const float *a, const float *b,
                       float ret_end[2][2]);

/* Weights of a window of `count` samples from `start` on: 1 on the detector, fading to 0 far off
 * it, times `shape` [count] (may be NULL). */
void recon_fade(const struct recon *r, long start, size_t count, const float *shape,
                float *ret_fade);

/* Where a window of the filtered w->line lies and how its two slices are closed and weighted. */
struct cut {
    long start[2];           /* [slice] */
    const float *fade[2];    /* [slice][count] */
    const float *closing[2]; /* [slice]: recon_closing()'s */
    size_t count;
};

/* Take the window out of the filtered w->line, ends closed. ret_pairs [count]. */
void recon_cut(const struct recon *r, const struct work *w, const float end[2][2],
               const struct cut *cut, float *ret_pairs);

bool recon_fourier_init(struct recon *r, struct err *err) CHECK_RESULT;
void recon_fourier_fini(struct recon *r);
void recon_fourier_pair(const struct recon *r, struct work *w, const struct pair *p);
bool recon_fourier_centres(const struct recon *r, const float *sino, size_t centres,
                           const double *centre, float *ret, struct err *err) CHECK_RESULT;

bool recon_line_slices(const struct recon *r, const float *sino, size_t slices,
                       const double *centre, float *ret, struct err *err) CHECK_RESULT;

#endif
