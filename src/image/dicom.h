/*
 * One DICOM file: its header from the first bytes, its pixels from all of them.
 * dicom_header_parse() over what was read so far, again with more when it says DICOM_SHORT; then,
 * with the whole file in memory, dicom_pixels_read(). dicom_header_fini() always.
 *
 * Headers are read here and not by GDCM: it would want the whole file, and the name of the element
 * that is missing or cut is lost in it. Uncompressed pixels are copied; all others go through
 * dicom-codec.h.
 */
#ifndef GANTRY_IMAGE_DICOM_H
#define GANTRY_IMAGE_DICOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "image/volume.h"

enum dicom_found {
    DICOM_NOT,      /* not DICOM */
    DICOM_SHORT,    /* more bytes are needed */
    DICOM_OTHER,    /* DICOM without pixels: a report, a structure set, a DICOMDIR */
    DICOM_DEFLATED, /* the data set is packed: see dicom_inflate() */
    DICOM_IMAGE,
    DICOM_DAMAGED, /* `err` says how */
};

/* Where a frame lies and what its numbers mean. */
struct dicom_frame {
    bool has_position, has_orientation, has_spacing;
    double position[3];        /* of the centre of the first voxel; DICOM's axes (LPS), mm */
    double orientation[6];     /* direction along a row, then along a column */
    double spacing[2];         /* between rows, between columns */
    double thickness, between; /* of slices; 0 when it is not said */
    double location;           /* SliceLocation; NaN when it is not said */
    double slope, intercept;
    int64_t temporal; /* TemporalPositionIndex or -Identifier; 0 when it is not said */
};

/* What is stored, and how. */
struct dicom_pixels {
    size_t rows, columns, frames, samples;
    unsigned bits_allocated, bits_stored, high_bit;
    bool is_signed;
    bool is_float;   /* FloatPixelData or DoubleFloatPixelData */
    bool colour;     /* more than one sample, or a palette */
    bool compressed; /* goes through the codec */
    bool swap;       /* big endian words */
    size_t at;       /* where the value begins in the file */
    uint32_t length; /* as the header says; TAGS_UNDEFINED: in fragments */
    uint64_t whole;  /* size of the file */
};

/* a UID has 64 characters at most; some writers make longer ones, and they must still differ */
#define DICOM_UID 129
#define DICOM_WORDS 128

struct dicom_header {
    char transfer_syntax[DICOM_UID], sop_class[DICOM_UID], sop_uid[DICOM_UID];
    char study_uid[DICOM_UID], series_uid[DICOM_UID];
    char modality[17], photometric[17], date[17], time[17], image_type[DICOM_WORDS];
    /* UTF-8 */
    char patient_id[DICOM_WORDS], body_part[DICOM_WORDS], protocol[DICOM_WORDS];
    char description[DICOM_WORDS], study_description[DICOM_WORDS], charset[DICOM_WORDS];
    int64_t instance, acquisition, series_number;
    double gantry_tilt_deg; /* GantryDetectorTilt as it is written; 0 when it is not */
    struct dicom_pixels pixels;
    struct dicom_frame common;
    struct dicom_frame *frames; /* pixels.frames of them in Enhanced objects, else NULL */
};

/* `n` first bytes of a file of `whole` bytes. Everything in `ret` that is not in the file is zero
 * or "". */
enum dicom_found dicom_header_parse(const uint8_t *bytes, size_t n, uint64_t whole,
                                    struct dicom_header *ret, struct err *err) CHECK_RESULT;
/* The data set of a DICOM_DEFLATED file, unpacked: such bytes can be parsed and read like a file
 * without a meta header. *ret is the caller's (mem_free). */
bool dicom_inflate(const uint8_t *file, size_t size, uint8_t **ret, size_t *ret_n,
                   struct err *err) CHECK_RESULT;
void dicom_header_fini(struct dicom_header *h);

/* The elements of a file, behind its preamble and meta header; false when it is not DICOM, or
 * deflated. */
struct tags;
bool dicom_data_set(const uint8_t *bytes, size_t n, struct tags *ret);
/* A value as printable text without its padding; decimal strings, divided by backslashes: how many
 * of `count` are numbers? */
void dicom_words(const uint8_t *value, size_t n, char *ret, size_t room);
size_t dicom_numbers(const uint8_t *value, size_t n, double *ret, size_t count);

/* The kind that holds the stored values of such pixels. */
enum voxel dicom_voxel(const struct dicom_pixels *p);
size_t dicom_frame_bytes(const struct dicom_pixels *p);
/* Are the pixels all there? Uncompressed: by length; ERR_FORMAT with both numbers. */
bool dicom_pixels_whole(const struct dicom_pixels *p, struct err *err) CHECK_RESULT;

/* All frames of a file as voxels of dicom_voxel(): dicom_frame_bytes() x frames. */
bool dicom_pixels_read(const struct dicom_pixels *p, const uint8_t *file, size_t size,
                       void *ret_voxels, struct err *err) CHECK_RESULT;
/* One frame of uncompressed pixels. */
bool dicom_pixels_frame(const struct dicom_pixels *p, const uint8_t *file, size_t size,
                        size_t frame, void *ret_voxels, struct err *err) CHECK_RESULT;

#endif
