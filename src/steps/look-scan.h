/*
 * Raw data of a scan as pictures: projections and sinograms, as they are or divided by the flat
 * field, which may be shifted by whole columns (the beam wanders; its profile is where flat - dark
 * says, moved). One scan stays open, with the means of its flat and dark frames.
 */
#ifndef GANTRY_STEPS_LOOK_SCAN_H
#define GANTRY_STEPS_LOOK_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "image/hdf5-beside.h"
#include "image/hdf5-scan.h"
#include "steps/look-cache.h"

struct look_scan;
struct look_scan *look_scan_new(struct err *err) CHECK_RESULT;
void look_scan_free(struct look_scan *s);

/* Open the file unless it is the one that is open and did not change (`stamp` says so). `may` is
 * asked about every other file that its data come from (image/hdf5-beside.h). */
bool look_scan_open(struct look_scan *s, const char *path, const char *stamp, hdf5_beside_fn *may,
                    void *arg, struct err *err) CHECK_RESULT;
/* Close what is open: HDF5 opens a file only once, unless in the same way. */
void look_scan_close(struct look_scan *s);
const struct hdf5_scan_info *look_scan_info(const struct look_scan *s);

/* A picture of the open scan in a new slice: projection `index` (LOOK_ANY: the middle one), or the
 * sinogram of detector row `index`. Transmissions when `flat`, else counts. */
struct look_slice *look_scan_projection(struct look_scan *s, struct look_cache *c, int64_t index,
                                        bool flat, int64_t shift, struct err *err) CHECK_RESULT;
struct look_slice *look_scan_sinogram(struct look_scan *s, struct look_cache *c, int64_t index,
                                      bool flat, int64_t shift, struct err *err) CHECK_RESULT;

#endif
