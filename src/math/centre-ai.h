/*
 * Pictures for a model that judges try slices: what it is shown, and what is made of its scores. No
 * model here: arrays in, arrays out. Two ways of showing.
 *
 * A row of windows: small windows of one place at a row of equally spaced centres, normalised
 * together, so that the model can compare. centre_ai_pick() chooses the places, centre_ai_cut()
 * and centre_ai_level() make the rows, centre_ai_top() finds the centre between the scores.
 *
 * A classifier as TomoGUI's: each slice by itself, made smaller, scaled to 0..1, rounded to 8 bit,
 * and a few windows that lie at random inside the circle. centre_ai_shrink(), centre_ai_scale(),
 * centre_ai_draw(), then centre_ai_share() of its two outputs.
 */
#ifndef GANTRY_MATH_CENTRE_AI_H
#define GANTRY_MATH_CENTRE_AI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct centre_ai_corner {
    size_t row, column; /* the window's upper left pixel */
};

/* Up to `most` windows of `size` (a multiple of 8) in an image of n x n, where means of 4 x 4
 * pixels vary most: windows that do not overlap first, then such that overlap by half. At least one
 * is found. ERR_FORMAT: n < size. */
bool centre_ai_pick(const float *image, size_t n, size_t size, size_t most,
                    struct centre_ai_corner *ret_corner, size_t *ret_count,
                    struct err *err) CHECK_RESULT;

/* The window of `size` x `size` at `corner` of an image of n x n. */
void centre_ai_cut(const float *image, size_t n, struct centre_ai_corner corner, size_t size,
                   float *ret);
/* A row of windows gets the mean 0 and the standard deviation 1 over all of it; one without any
 * contrast becomes 0. */
void centre_ai_level(float *row, size_t count);

/* The place of the highest score, by a parabola through it and its neighbours; at either end the
 * end itself. Of equal ones the first. */
double centre_ai_top(const double *score, size_t count);

/* How much of exp(score) lies within `reach` places of `top`: 0..1. */
double centre_ai_mass(const double *score, size_t count, double top, double reach);

/* An image of n x n made smaller by a whole factor, each side n / by pixels, with a triangle of
 * twice the factor as filter, cut and normalised at the borders (bilinear with antialiasing, as
 * Pillow does it). */
bool centre_ai_shrink(const float *image, size_t n, unsigned by, float *ret,
                      struct err *err) CHECK_RESULT;

/* To 0..1 by the smallest and largest value; with bits (1..16; 0 = no rounding) cut down to one of
 * 2^bits levels. */
void centre_ai_scale(float *image, size_t count, unsigned bits);

/* `count` windows of `size` in an image of n x n, centred at pixels drawn from the circle inside
 * it, moved inwards where they would stick out. The drawing is NumPy's
 * RandomState(seed).multinomial, so the windows are those that TomoGUI cuts. ERR_FORMAT: n <= size.
 */
bool centre_ai_draw(size_t n, size_t size, size_t count, uint32_t seed,
                    struct centre_ai_corner *ret_corner, struct err *err) CHECK_RESULT;

/* Softmax: the second output's share of the two. */
double centre_ai_share(double first, double second);

#endif
