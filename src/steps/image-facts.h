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
/* "range", and "not_finite" when some are not; reads all voxels. */
bool image_put_range(json_t *row, const struct volume *v, struct err *err) CHECK_RESULT;

/* Any bytes as a JSON string. */
json_t *image_text(const char *text);
/* The same without control characters, for a terminal. */
struct str;
void image_show(struct str *out, const char *text);
/* Why a file cannot be read, without its path in front. */
json_t *image_reason(const char *path, const struct err *why);
/* null when it is not finite */
json_t *image_number(double value);
json_t *image_numbers(const double *value, size_t n);
/* "a; b" as ["a", "b"]. */
json_t *image_sentences(const char *text);

#endif
