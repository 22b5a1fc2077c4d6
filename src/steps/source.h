/*
 * Sinograms of a scan, as the parameters want them: cropped, without blocked views, binned,
 * normalised, minus log. All row and column numbers below are those of the binned detector; slice
 * numbers are absolute on it.
 *
 * Order of calls: source_open, look at source_grid(), source_select() a range of slices (reads its
 * flat and dark fields), source_sinograms() or source_view() within it as often as wanted,
 * source_close.
 */
#ifndef GANTRY_STEPS_SOURCE_H
#define GANTRY_STEPS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "math/normalise.h"
#include "steps/params.h"

struct source_grid {
    size_t slice_first, slices;     /* absolute number of the first, and how many there are */
    size_t columns;                 /* of a sinogram, cropped and binned */
    size_t angles;                  /* views used */
    const double *theta_rad;        /* [angles] */
    size_t full_rows, full_columns; /* the detector as stored */
    size_t raw_row_bytes;           /* of one detector row of one view */
    bool whole_frames;   /* compressed chunks: reading few rows costs as much as reading many */
    size_t chunk_slices; /* slices in a chunk; slabs that are multiples of it read nothing twice */
};

struct source;

/* Open and check (hdf5_scan_ready). ERR_USAGE when a range of the parameters leaves the scan or
 * leaves nothing. */
struct source *source_open(const char *path, const struct recon_params *params, unsigned threads,
                           struct err *err) CHECK_RESULT;
void source_close(struct source *source);

const struct source_grid *source_grid(const struct source *source);

/* The slice that an entry of nsino names. */
size_t source_slice_of(const struct source *source, double nsino);

/* Rotation axis: from the full detector to a sinogram's column, and back. */
double source_axis(const struct source *source, double full);
double source_axis_full(const struct source *source, double local);

/* Bytes that a call of source_sinograms for `slices` needs besides its result. */
size_t source_bytes(const struct source *source, size_t slices);

/* Prepare slices [slice, slice + count): their flat and dark fields. ERR_FORMAT: no usable flat
 * field at all. */
bool source_select(struct source *source, size_t slice, size_t count, struct err *err) CHECK_RESULT;

/* Sinograms of selected slices, ret_sino[count][angles][columns]. `tick` (may be NULL) is told the
 * fraction read. */
bool source_sinograms(struct source *source, size_t slice, size_t count, float *ret_sino,
                      void (*tick)(void *user, double fraction), void *user,
                      struct err *err) CHECK_RESULT;

/* Slices [slice, slice + count) will be read next: the disk may begin. Those off the scan are left
 * out. */
void source_expect(struct source *source, size_t slice, size_t count);

/* One view of selected slices, ret_view[count][columns]. */
bool source_view(struct source *source, size_t slice, size_t count, size_t view, float *ret_view,
                 struct err *err) CHECK_RESULT;

/* Is there anything in what was read of the selection? ERR_FORMAT, with the counts, when every
 * sample was unusable. Remembers the share of those that were. */
bool source_judge(struct source *source, struct err *err) CHECK_RESULT;
/* Share of unusable samples, 0..1, in the largest selection that was judged. */
double source_unusable(const struct source *source);

/* What had to be repaired so far: of each count the largest of all selections. */
void source_stats(const struct source *source, struct normalise_stats *ret_stats);

#endif
