/*
 * Synthetic scans: what a detector would record of a phantom, with an uneven beam, shot noise,
 * rings, and the faults that real folders have. The same spec and seed give the same file.
 */
#ifndef GANTRY_STEPS_SYNTH_H
#define GANTRY_STEPS_SYNTH_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "image/hdf5-scan.h"

struct synth_spec {
    size_t columns, rows;
    size_t angles;   /* planned */
    size_t frames;   /* written; less than angles = aborted */
    double turn_deg; /* 180 or 360 */
    double centre;   /* rotation axis, column of pixel centres */
    unsigned seed;   /* specimen and noise */
    bool noise, rings;
    enum scan_pixel pixel;
};

/* Write the scan to `path` (created or replaced). */
bool synth_write(const char *path, const struct synth_spec *spec, struct err *err) CHECK_RESULT;

#endif
