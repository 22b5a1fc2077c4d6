/* What dicom-series.c (finding), dicom-sort.c (judging) and dicom-read.c (reading) share: a set of
 * series from the inside. Nobody else includes this. */
#ifndef GANTRY_IMAGE_DICOM_SET_H
#define GANTRY_IMAGE_DICOM_SET_H

#include <stdint.h>
#include "image/dicom-series.h"
#include "image/dicom-source.h"
#include "image/dicom.h"

struct set_file {
    size_t member; /* of the source */
    bool deflated;
    struct dicom_pixels pixels;
};

/* One frame of one file. */
struct slice {
    uint32_t file; /* of the set */
    uint32_t frame;
    uint64_t identity; /* hash of SOPInstanceUID and frame; 0 without one */
    struct dicom_frame place;
    int64_t acquisition, instance;
    double at; /* along the normal, mm */
};

struct series {
    struct dicom_header first; /* of the file met first; its texts are the series' */
    struct slice *slices;      /* judged: slices x times of them, the time varies fastest */
    size_t n, room;
    size_t files;
    struct dicom_complaint *complaints;
    size_t n_complaints, complaints_room;
    bool as_values;  /* judged: slices scale differently, the volume holds values as float32 */
    size_t unplaced; /* multi-frame files whose frames have no places of their own */
};

struct dicom_set {
    struct dicom_source *source;
    struct dicom_reader *reader;
    struct set_file *files;
    size_t n_files, files_room;
    struct series *series;
    struct dicom_series *pub; /* series[i] as others see it */
    size_t n_series, series_room;
    struct dicom_complaint *complaints;
    size_t n_complaints, complaints_room;
    struct dicom_counts counts;
};

/* Room for one more: `array` of elements of `size`, grown by doubling. */
bool set_room(void *array, size_t n, size_t *room, size_t size, struct err *err) CHECK_RESULT;

/* `count`: slices that it is about. */
bool series_complain(struct series *s, enum dicom_trouble code, bool fatal, size_t count,
                     struct err *err, const char *fmt, ...) CHECK_RESULT PRINTF_LIKE(6, 7);

/* All bytes of a file, unpacked when its data set is deflated: then they are in *ret_inflated,
 * which is the caller's to free; else they are the reader's. */
bool set_bytes(struct dicom_reader *r, const struct set_file *file, uint8_t **ret_inflated,
               const uint8_t **ret_bytes, size_t *ret_n, struct err *err) CHECK_RESULT;

/* Sort the slices of a series, keep those that make a volume, say what is wrong, and fill `ret`.
 * Fails only without memory. */
bool series_judge(struct dicom_set *set, struct series *s, struct dicom_series *ret,
                  struct err *err) CHECK_RESULT;

#endif
