/*
 * Reconstruction of slices from sinograms of a parallel beam. Order of calls: recon_new() once per
 * geometry (plans, tables; the first time for a size this measures for a second or two, see fft.h),
 * recon_slices() or recon_centres() as often as wanted, recon_free(). One struct recon is used by
 * one caller at a time; it runs its own threads.
 *
 * Geometry. The sinogram holds attenuations, [angles][columns]. Pixel (x, y), x along a row and y
 * the row's number, both 0-based, has the coordinates X = x - (n-1)/2, Y = y - (n-1)/2 in an image
 * of n x n and belongs to the detector position  centre + X cos(theta) + Y sin(theta);  nothing is
 * flipped. `centre` is the 0-based index of pixel centres (columns turned about their middle:
 * (columns - 1) / 2). Values are attenuation per pixel: a disk of 0.01 comes back as 0.01.
 *
 * Angles are any list, also not equispaced: a view's weight is half the gap to its neighbours on
 * the half circle, so a 360-degree scan counts every ray twice with half the weight, and the
 * doubled view of a 0..180 scan counts once. Gaps of more than five mean steps are holes (a missing
 * wedge, blocked views) and are not filled by their neighbours.
 *
 * fourierrec filters each line at twice its length, grids it on the Fourier plane (non-uniform FFT,
 * 6-wide exponential-of-semicircle kernel, Barnett 2019) and transforms back; two slices share a
 * complex transform. linerec is plain filtered back-projection with linear interpolation, the
 * reference: slower, and less exact.
 *
 * Pixels outside the circle of radius n/2 about the centre, which not all views see, are 0 in both
 * algorithms (tomocupy leaves there what its periodic transform happens to give). Lines that do not
 * end in air are continued as a round body would, so that a specimen wider than the detector keeps
 * its level and has no bright rim. Positions off the detector (a centre far from the middle) count
 * as the filtered tail, faded to 0.
 *
 * Bits. The same plans, CPU kind and input give the same bits on any number of threads. Slices are
 * computed in pairs (0,1), (2,3), ... of a call, and a partner changes rounding: cut slabs at even
 * slices to be independent of their size. Samples that are not finite count as 0, so they cannot
 * poison a partner.
 */
#ifndef GANTRY_MATH_RECON_H
#define GANTRY_MATH_RECON_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "math/filter.h"

enum recon_algorithm { RECON_FOURIERREC, RECON_LINEREC, RECON_ALGORITHM_COUNT };

/* Instruction sets of the inner loops. RECON_ISA_AUTO = the best this CPU has. */
enum recon_isa { RECON_ISA_AUTO, RECON_ISA_PLAIN, RECON_ISA_AVX2, RECON_ISA_AVX512 };

struct recon_spec {
    size_t columns, angles;
    const double *theta_rad; /* [angles], copied */
    size_t width;            /* n of the n x n output; 0 = columns */
    enum recon_algorithm algorithm;
    enum filter_kind filter;
    bool no_extend; /* false (usual): lines that do not end in air are continued by a taper, so they
                       do not cup */
    unsigned threads; /* 0 = OpenMP's default */
    enum recon_isa isa;
};

struct recon;

/* "fourierrec", "linerec"; NULL outside the enum. */
const char *recon_algorithm_name(enum recon_algorithm algorithm);
/* ERR_USAGE with the list when there is no such name. */
bool recon_algorithm_of(const char *name, enum recon_algorithm *ret_algorithm,
                        struct err *err) CHECK_RESULT;

/* ERR_FORMAT: no angles, an angle that is not finite. ERR_UNSUPPORTED: an instruction set this CPU
 * lacks, slices wider than 24,576 pixels. */
struct recon *recon_new(const struct recon_spec *spec, struct err *err) CHECK_RESULT;
void recon_free(struct recon *r);

/* Bytes that recon_new() and a running call hold, all threads together, without the caller's
 * arrays. */
size_t recon_bytes(const struct recon_spec *spec);

/* The instruction set in use, never RECON_ISA_AUTO; and its name: "plain", "avx2", "avx512". */
enum recon_isa recon_isa_used(const struct recon *r);
const char *recon_isa_name(enum recon_isa isa);
/* Does this CPU have it? */
bool recon_isa_here(enum recon_isa isa);

/* sino [slices][angles][columns] -> ret_image [slices][n][n], slice i about centre[i]. ERR_USAGE
 * when a centre is not finite or further than `columns` off the detector. */
bool recon_slices(struct recon *r, const float *sino, size_t slices, const double *centre,
                  float *ret_image, struct err *err) CHECK_RESULT;

/* One sinogram [angles][columns] about many centres -> ret_image [centres][n][n]. What does not
 * depend on the centre is done once. */
bool recon_centres(struct recon *r, const float *sino, size_t centres, const double *centre,
                   float *ret_image, struct err *err) CHECK_RESULT;

#endif
