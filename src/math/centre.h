/*
 * Finders of the rotation axis. Each takes arrays, returns a centre (0-based index of pixel centres
 * of the columns it was given; 2-decimal display is the caller's) and a confidence 0..1 that is
 * meant: under 0.3 the answer should not be trusted, over 0.7 it is usually right to a pixel; noise
 * or an empty field gives about 0. Samples that are not finite are ignored. Everything here runs in
 * well under half a second for 1500 x 1024.
 */
#ifndef GANTRY_MATH_CENTRE_H
#define GANTRY_MATH_CENTRE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct centre_result {
    double centre;
    double confidence; /* 0..1 */
};

/* The score of each centre that was tried, best = lowest, ascending in centre. Owned by the caller:
 * centre_curve_fini(). */
struct centre_curve {
    size_t count;
    double *centre;
    double *score;
};
void centre_curve_fini(struct centre_curve *curve);

/* A sinogram to be searched: values [angles][columns] (attenuation), theta_rad [angles] rising or
 * falling. */
struct centre_sino {
    const float *values;
    size_t angles, columns;
    const double *theta_rad; /* NULL: equispaced over [0, pi) */
    unsigned threads;        /* 0 = OpenMP's default */
};

/* Vo et al. 2014: a sinogram and its mirror image make a whole turn only about the true axis; about
 * another one energy appears outside the double wedge of its Fourier transform. Searches lo..hi
 * (clamped to the columns; lo >= hi = the middle half, columns/4 .. 3 columns/4) in steps of `step`
 * px (0 = 0.5), then refines to a few hundredths of a pixel. When minima rival, the one about which
 * the halves fit best on closer inspection wins, so the curve's lowest point may be another.
 * `ret_curve` may be NULL, else it is filled (its old content is not freed). ERR_FORMAT: fewer than
 * 8 columns or 8 angles, less than 150 degrees covered, angles not finite. */
bool centre_vo(const struct centre_sino *sino, double lo, double hi, double step,
               struct centre_result *ret, struct centre_curve *ret_curve,
               struct err *err) CHECK_RESULT;

/* Phase correlation of views that are half a turn apart: `zero` and `opposite` are [rows][columns],
 * row i of the one opposite to row i of the other (detector rows of a 0 and a 180 degree
 * projection, or any number of pairs). Searches lo..hi (lo >= hi = the whole detector). ERR_FORMAT:
 * fewer than 8 columns or no rows. */
bool centre_pc(const float *zero, const float *opposite, size_t rows, size_t columns, double lo,
               double hi, struct centre_result *ret, struct err *err) CHECK_RESULT;

/* The two views of a scan that are nearest to half a turn apart, for centre_pc(), the first such
 * pair of several; *ret_off_rad is how far it is from exactly pi. ERR_FORMAT when no two views are
 * within 5 degrees of it. */
bool centre_pair(const double *theta_rad, size_t angles, size_t *ret_first, size_t *ret_opposite,
                 double *ret_off_rad, struct err *err) CHECK_RESULT;

/* vo and pc confirm one another when they lie closer than this: then a third finder is not worth
 * its time. On simulated scans that were not used to choose it, pairs this close were hardly ever
 * both wrong. */
#define CENTRE_CONFIRMED_PX 0.25

/* "auto": the answers weighed. vo and pc that confirm one another: their mean, source "vo+pc".
 * Within 1.5 px: vo's value, which is the finer. Both with a higher confidence than either. Else
 * the more confident one, with its confidence lowered. Either may be NULL (that finder could not
 * run). `ai` is a third voice, NULL when it was not asked; it is heard where both others spoke and
 * did not confirm one another: the median counts, confirmed by the nearer of the others when that
 * is within 1.5 px, else with its confidence lowered. ret_source is "vo", "pc", "ai" or "vo+pc". */
bool centre_auto(const struct centre_result *vo, const struct centre_result *pc,
                 const struct centre_result *ai, struct centre_result *ret, const char **ret_source,
                 struct err *err) CHECK_RESULT;

#endif
