/*
 * Slices of one sinogram about many centres, from binned columns: what finders that look at try
 * slices go through from coarse to fine. Order of calls: centre_level_init() (again for the next
 * level), centre_level_slices() as often as wanted, centre_level_fini(). A struct of zeros is an
 * empty level.
 */
#ifndef GANTRY_MATH_CENTRE_LEVEL_H
#define GANTRY_MATH_CENTRE_LEVEL_H

#include "math/centre.h"
#include "math/recon.h"

struct centre_level {
    size_t by, columns; /* binning, and what is left: slices are columns x columns */
    size_t angles;
    float *sino;   /* [angles][columns] */
    double *theta; /* [angles] */
    struct recon *recon;
};

/* Means of `by` columns of the sinogram (a last incomplete bin is left out) and of `views_by`
 * consecutive views (1 = all of them; more only where the angles go evenly one way, else it counts
 * as 1). The level's old content is freed. Here the views may have any order. */
bool centre_level_init(struct centre_level *l, const struct centre_sino *sino, size_t by,
                       size_t views_by, enum recon_algorithm algorithm,
                       struct err *err) CHECK_RESULT;
void centre_level_fini(struct centre_level *l);

/* What is done with some of the slices, [count][columns][columns], the first of them number `first`
 * of all. */
typedef bool centre_level_look(void *arg, size_t first, size_t count, const float *image,
                               struct err *err);

/* Slices about centre[], columns of the whole sinogram, a batch at a time. */
bool centre_level_slices(const struct centre_level *l, const double *centre, size_t count,
                         centre_level_look *look, void *arg, struct err *err) CHECK_RESULT;

/* How many slices of n x n are reconstructed at once: even, because they are computed in pairs, or
 * all. */
size_t centre_level_batch(size_t n, size_t wanted);

#endif
