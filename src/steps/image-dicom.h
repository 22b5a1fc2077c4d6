/*
 * DICOM for `gantry info` and `gantry convert`: what is there, which series is meant, and the
 * side-car of one.
 */
#ifndef GANTRY_STEPS_IMAGE_DICOM_H
#define GANTRY_STEPS_IMAGE_DICOM_H

#include "base/err.h"
#include "codec/json.h"
#include "image/dicom-series.h"

/* "kind", "series" and the rest of image_facts(). Trouble with the source is part of the answer. */
bool image_put_dicom(json_t *row, const char *path, struct err *err) CHECK_RESULT;
/* Why dicom_set_open() failed, in words for a path that a person named; gives `why` back. */
struct err *image_no_dicom(const char *path, struct err *why);
/* One series: identity, geometry, complaints; no range. */
bool image_put_series(json_t *row, const struct dicom_series *s, struct err *err) CHECK_RESULT;

/* The series that `word` names (its UID, or its number in the list, from 1); without a word the
 * only one that a volume can be made of. ERR_USAGE when that is not said: then the list is printed
 * to stderr. */
bool image_choose_series(const char *path, const struct dicom_set *set, const char *word,
                         size_t *ret, struct err *err) CHECK_RESULT;

/* Keys as in BIDS (docs/formats/images.md). New reference. */
json_t *image_sidecar(struct dicom_set *set, size_t series, struct err *err) CHECK_RESULT;
#endif
