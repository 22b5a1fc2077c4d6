/* The steps of judging a series: dicom-shape.c has the first, dicom-sort.c the others and calls
 * them. Nobody else includes this. */
#ifndef GANTRY_IMAGE_DICOM_JUDGE_H
#define GANTRY_IMAGE_DICOM_JUDGE_H

#include "image/dicom-set.h"

struct judge {
    struct dicom_set *set;
    struct series *s;
    struct dicom_series *ret;
    struct err *err;
    double normal[3];
    size_t slices, times;
    double step; /* from place to place, mm */
};

static inline double judge_dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline const struct dicom_pixels *judge_pixels_of(const struct judge *j,
                                                         const struct slice *s)
{
    return &j->set->files[s->file].pixels;
}

/* Order of slices that says nothing but is always the same. */
int judge_by_identity(const void *a, const void *b);

/* Each fails only without memory. */
bool judge_drop_copies(struct judge *j) CHECK_RESULT;
bool judge_keep_usual(struct judge *j) CHECK_RESULT;
/* Orientation, spacing, UID, position: what is missing is said, and made up. Sets the normal. */
bool judge_need_tags(struct judge *j) CHECK_RESULT;

#endif
