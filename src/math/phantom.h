/*
 * Phantoms whose sinograms are known exactly: sums of ellipses (sharp edges) and of Gaussians
 * (smooth). For tests, for the bench and for the demo's synthetic scans. A sinogram sample is the
 * exact mean of the line integral over its detector pixel, in pixel units; an image pixel is the
 * mean over the pixel. Geometry is recon.h's: shape coordinates (x, y) point along increasing
 * column and row of the image, nothing is flipped.
 */
#ifndef GANTRY_MATH_PHANTOM_H
#define GANTRY_MATH_PHANTOM_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

enum phantom_kind { PHANTOM_ELLIPSE, PHANTOM_GAUSSIAN };

/* Lengths are fractions of the phantom's radius. An ellipse has half axes a, b; a Gaussian standard
 * deviations a, b. */
struct phantom_shape {
    enum phantom_kind kind;
    double value; /* added attenuation per pixel inside; a Gaussian's peak */
    double a, b;
    double x, y;      /* centre */
    double angle_rad; /* from the x axis to the axis of `a` */
};

#define PHANTOM_MAX_SHAPES 32

struct phantom {
    size_t count;
    struct phantom_shape shape[PHANTOM_MAX_SHAPES];
};

/* Modified Shepp-Logan (Toft 1996): values 0 .. 1. */
void phantom_shepp_logan(struct phantom *ret);
/* 25 Gaussians, the same ones always. */
void phantom_smooth(struct phantom *ret);
/* Sharp shapes without any symmetry: tells flips, transposition and a half-pixel error apart. */
void phantom_asymmetric(struct phantom *ret);
/* A specimen for demo scans: a round body with grains and pores, different for each seed; `height`
 * (0..1, the slice's place in the volume) moves grains in and out, so neighbouring slices are
 * alike. Values 0 .. 1, inside 0.92 of the radius. */
void phantom_specimen(unsigned seed, double height, struct phantom *ret);

void phantom_rotate(struct phantom *p, double angle_rad);
void phantom_scale_values(struct phantom *p, double factor);

/* Exact sinogram, [angles][columns], axis at `centre`, phantom radius in pixels. */
void phantom_sinogram(const struct phantom *p, const double *theta_rad, size_t angles,
                      size_t columns, double centre, double radius_px, float *ret_sino);
/* Pixel-averaged image, [n][n]: edges by `oversample`^2 points a pixel (16 is plenty for ellipses,
 * 2 for Gaussians). */
void phantom_image(const struct phantom *p, size_t n, double radius_px, unsigned oversample,
                   float *ret_image);

#endif
