/* Compressed DICOM pixels, by the module gantry-dicom.so, which is opened when the first of them is
 * met. */
#ifndef GANTRY_IMAGE_DICOM_CODEC_H
#define GANTRY_IMAGE_DICOM_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct dicom_decoded;

/* Open the module: $GANTRY_DICOM, or beside the running program. ERR_IO when it is not there. Call
 * it before threads that decode are started. */
bool dicom_codec_open(struct err *err) CHECK_RESULT;
/* All frames of a whole file in memory; `size` must be exactly theirs. ERR_FORMAT with GDCM's
 * reason. */
bool dicom_codec_decode(const void *file, size_t file_size, void *ret_pixels, size_t size,
                        struct dicom_decoded *ret, struct err *err) CHECK_RESULT;

#endif
