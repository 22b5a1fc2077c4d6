/*
 * Try slices: one slice reconstructed about many centres, each a TIFF named by its centre. Shared
 * by recon.try, which makes them around a seed, and recon.cor, which adds those that are missing
 * around the centre it found.
 */
#ifndef GANTRY_STEPS_TRY_SET_H
#define GANTRY_STEPS_TRY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "steps/job.h"
#include "steps/params.h"
#include "steps/source.h"

/* Centres middle + k * step for |k| <= reach, on the full detector, those off it left out. The
 * middle is rounded to 0.01 so that a name says exactly where the slice was reconstructed. The list
 * is the caller's (mem_free). */
bool try_set_centres(const struct source *source, double middle, double step, double reach,
                     double **ret_centre, size_t *ret_count, struct err *err) CHECK_RESULT;

/* Reconstruct slice `slice` about each centre and write the files into `dir`. Progress runs from
 * `from` to `to`. */
bool try_set_write(struct job *job, struct source *source, const struct recon_params *params,
                   size_t slice, const double *centre, size_t count, const char *dir, double from,
                   double to, struct err *err) CHECK_RESULT;

#endif
