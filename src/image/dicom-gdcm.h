/*
 * The one door to GDCM: a shared module of its own (gantry-dicom.so), because starting GDCM's
 * libraries takes 14 ms that only compressed DICOM is worth. C++ and its exceptions stay behind it.
 * dicom-codec.c opens it; nobody else includes this.
 */
#ifndef GANTRY_IMAGE_DICOM_GDCM_H
#define GANTRY_IMAGE_DICOM_GDCM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the decoder says about the pixels it made; may differ from the header of the file. */
struct dicom_decoded {
    unsigned columns, rows, frames, samples;
    unsigned bits_allocated, bits_stored, high_bit;
    int is_signed;
};

/* Decode the pixels of a whole DICOM file in memory: all frames, one behind the other, into `out`,
 * whose size must be exactly theirs. 0 when all is well; 1 and one line in `why` otherwise; 2 when
 * memory ran out. Any number of threads. */
typedef int dicom_decode_function(const void *bytes, size_t size, void *out, size_t out_size,
                                  struct dicom_decoded *ret, char *why, size_t why_size);
#define DICOM_DECODE_SYMBOL "gantry_dicom_decode"
dicom_decode_function gantry_dicom_decode;

#ifdef __cplusplus
}
#endif

#endif
