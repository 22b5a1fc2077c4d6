/*
 * What an image is, as JSON: one document for `gantry info` (docs/formats/images.md says what the
 * keys mean). NIfTI files, and DICOM as a file, a folder or a ZIP.
 */
#ifndef GANTRY_STEPS_IMAGE_FACTS_H
#define GANTRY_STEPS_IMAGE_FACTS_H

#include "base/err.h"
#include "codec/json.h"
#include "image/volume.h"

/* New reference. {"kind": "other", "reason"} for what is neither; trouble with the file is part of
 * the answer ("ok": false, "reason"), not an error. */
json_t *image_facts(const char *path, struct err *err) CHECK_RESULT;

/* "shape", "spacing_mm", "orientation", "affine", "dtype", "slope" and "intercept" of `v`, whose
 * voxels may be absent, into `row`. */
bool image_put_geometry(json_t *row, const struct volume *v, struct err *err) CHECK_RESULT;
/* Any bytes as a JSON string. */
json_t *image_text(const char *text);
/* "a; b" as ["a", "b"]. */
json_t *image_sentences(const char *text);

#endif
