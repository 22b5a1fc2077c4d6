/*
 * A cartoon of a chest as a DICOM series, for `gantry demo`: body, two lungs, heart, spine, noise;
 * and blobs in the lungs for an ill one. Densities and sizes are a chest's; nothing else is.
 */
#ifndef GANTRY_STEPS_SYNTH_CHEST_H
#define GANTRY_STEPS_SYNTH_CHEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"

struct chest_study {
    unsigned seed; /* of sizes and noise */
    bool ill;      /* opacities in both lungs */
    bool mr;       /* the headers say MR */
    size_t slices;
    size_t side; /* columns and rows */
};

/* HU of one slice, [side][side]. */
void synth_chest_slice(const struct chest_study *study, size_t slice, int16_t *ret_hu);
/* The slice as the bytes of a DICOM file (explicit VR, little endian), appended to `out`. */
bool synth_chest_dicom(const struct chest_study *study, size_t slice, struct str *out,
                       struct err *err) CHECK_RESULT;

#endif
