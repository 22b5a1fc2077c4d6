/*
 * DICOM wherever it lies (a file, a folder, a ZIP, ZIPs in folders and in ZIPs) as series, and a
 * series as a volume. dicom_set_open() reads headers only; dicom_set_series() lists what was found,
 * each series with what is wrong with it in words; dicom_set_read() makes the volume;
 * dicom_set_close(). One thread calls; reading uses two of its own.
 *
 * Slices are sorted by their position along the normal, never by name. What is not DICOM is passed
 * over; what is damaged, and ZIPs that are refused, stand in the complaints of the set. When the
 * path itself is a ZIP that is refused, opening fails.
 */
#ifndef GANTRY_IMAGE_DICOM_SERIES_H
#define GANTRY_IMAGE_DICOM_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "image/dicom-source.h"
#include "image/volume.h"

enum dicom_trouble {
    DICOM_SINGLE,      /* one slice only */
    DICOM_FEW,         /* two or three */
    DICOM_GAP,         /* slices are missing */
    DICOM_UNEVEN,      /* distances differ, but not by whole slices */
    DICOM_DUPLICATE,   /* the same slice or place twice */
    DICOM_TILT,        /* slices lie askew over each other */
    DICOM_MIXED,       /* another size, orientation or spacing among them */
    DICOM_MISSING_TAG, /* no position, orientation, spacing, UID */
    DICOM_CUT,         /* pixel data is truncated */
    DICOM_COLOUR,      /* colour pictures are no volume */
    DICOM_UNREADABLE,  /* files or archives beside it cannot be read: slices may be missing */
};

struct dicom_complaint {
    enum dicom_trouble code;
    bool fatal;     /* no volume can be made of it */
    size_t count;   /* how many slices it is about: missing, doubled, cut...; files: unreadable */
    char text[480]; /* one sentence with its values, UTF-8 */
};

struct dicom_series {
    const char *uid, *study_uid, *sop_class, *modality, *image_type;
    const char *body_part, *protocol, *description, *study_description; /* UTF-8, "" when absent */
    const char *patient_id, *date, *time; /* date YYYYMMDD, time HHMMSS; of the study */
    const char *transfer_syntax;
    long number;          /* SeriesNumber */
    size_t files;         /* that belong to it */
    size_t columns, rows; /* of its volume */
    size_t slices, times;
    enum voxel kind;
    double slope, intercept;
    double spacing_mm[3]; /* between columns, rows, slices */
    double tilt_deg;      /* between the normal and the way from slice to slice */
    double affine[3][4];  /* as in struct volume */
    bool axial;           /* slices lie across the body */
    bool fatal;           /* one of its complaints is: dicom_set_read() will fail with it */
    const struct dicom_complaint *complaints;
    size_t n_complaints;
};

/* `tell` is called in the caller's thread as slices are done; false stops with ERR_CANCELLED. */
struct dicom_progress {
    bool (*tell)(void *arg, size_t done, size_t total);
    void *arg;
    unsigned threads; /* 0: two */
};

struct dicom_set;

/* `limits` NULL: the default ones. ERR_NOTHING when there is no DICOM image (the text says what was
 * there instead). */
struct dicom_set *dicom_set_open(const char *path, const struct dicom_limits *limits,
                                 struct err *err) CHECK_RESULT;
void dicom_set_close(struct dicom_set *set);

/* Those with the most slices first. */
size_t dicom_set_series(const struct dicom_set *set, const struct dicom_series **ret);
/* Files that could not be read, each with its reason; at most 100 are kept. */
size_t dicom_set_complaints(const struct dicom_set *set, const struct dicom_complaint **ret);
struct dicom_counts {
    size_t files;   /* all that were looked at, entries of ZIPs too */
    size_t images;  /* DICOM with pixels */
    size_t objects; /* DICOM without: reports, DICOMDIR */
    size_t ignored; /* not DICOM */
    size_t damaged;
    size_t studies; /* different StudyInstanceUID */
};
void dicom_set_counts(const struct dicom_set *set, struct dicom_counts *ret);

/* A fact for a side-car, under BIDS' name for it: numbers, or text when there are none. Times are
 * in seconds. */
struct dicom_fact {
    const char *name; /* "EchoTime"; static */
    char text[128];   /* UTF-8; several values stand between backslashes */
    double numbers[6];
    size_t n;
};
/* Those that the first slice of a series has; *ret is the caller's (mem_free). */
bool dicom_set_facts(struct dicom_set *set, size_t series, struct dicom_fact **ret, size_t *ret_n,
                     struct err *err) CHECK_RESULT;

/* `progress` may be NULL. Stored values as they are (CT stays int16), unless slices scale
 * differently: then float32 with slope 1. */
bool dicom_set_read(struct dicom_set *set, size_t series, struct volume *ret,
                    const struct dicom_progress *progress, struct err *err) CHECK_RESULT;

#endif
