/*
 * Which slices of a series belong together, and do they have what it takes? The first steps of
 * judging it; see dicom-sort.c for the others.
 */
#include "image/dicom-judge.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define SAME_DIRECTION 2e-3 /* of a component of a unit vector */
#define SAME_SPACING 1e-2   /* of the spacing */

/* ---- 1. copies ---- */

static int by_position(const double *a, const double *b)
{
    for (size_t k = 0; k < 3; k++) {
        if (a[k] != b[k]) {
            return a[k] < b[k] ? -1 : 1;
        }
    }
    return 0;
}

int judge_by_identity(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int place = by_position(x->place.position, y->place.position);
    return x->identity != y->identity ? (x->identity < y->identity ? -1 : 1)
        : place != 0                  ? place
        : x->instance != y->instance  ? (x->instance < y->instance ? -1 : 1)
        : x->file != y->file          ? (x->file < y->file ? -1 : 1)
                                      : 0;
}

/* Careless programs give one UID to all slices: a copy lies at the same place too. */
static bool is_copy(const struct slice *a, const struct slice *b)
{
    return a->identity != 0 && a->identity == b->identity && a->instance == b->instance &&
        by_position(a->place.position, b->place.position) == 0;
}

bool judge_drop_copies(struct judge *j)
{
    struct series *s = j->s;
    size_t kept = 0;
    qsort(s->slices, s->n, sizeof *s->slices, judge_by_identity);
    for (size_t i = 0; i < s->n; i++) {
        if (kept == 0 || !is_copy(&s->slices[i], &s->slices[kept - 1])) {
            s->slices[kept++] = s->slices[i];
        }
    }
    size_t dropped = s->n - kept;
    s->n = kept;
    return dropped == 0 ||
        series_complain(s, DICOM_DUPLICATE, false, dropped, j->err,
                        "%zu %s of a slice that is there already (same SOPInstanceUID): left out",
                        dropped, dropped == 1 ? "copy" : "copies");
}

/* ---- 2. one shape ---- */

static bool same_size(const struct dicom_pixels *a, const struct dicom_pixels *b)
{
    return a->rows == b->rows && a->columns == b->columns && a->samples == b->samples;
}

static bool same_orientation(const struct dicom_frame *a, const struct dicom_frame *b)
{
    for (size_t i = 0; i < 6; i++) {
        if (fabs(a->orientation[i] - b->orientation[i]) > SAME_DIRECTION) {
            return false;
        }
    }
    return a->has_orientation == b->has_orientation;
}

static bool same_spacing(const struct dicom_frame *a, const struct dicom_frame *b)
{
    return fabs(a->spacing[0] - b->spacing[0]) <= SAME_SPACING * fabs(a->spacing[0]) &&
        fabs(a->spacing[1] - b->spacing[1]) <= SAME_SPACING * fabs(a->spacing[1]);
}

static bool same_shape(const struct judge *j, const struct slice *a, const struct slice *b)
{
    return same_size(judge_pixels_of(j, a), judge_pixels_of(j, b)) &&
        same_orientation(&a->place, &b->place) && same_spacing(&a->place, &b->place) &&
        a->place.has_position == b->place.has_position;
}

/* A slice of the shape that most have. Shapes are few: a dozen of them are counted. */
static size_t usual_shape(const struct judge *j)
{
    const struct series *s = j->s;
    size_t best = 0, best_count = 0;
    size_t starts[12], n_starts = 0;
    for (size_t i = 0; i < s->n && n_starts < sizeof starts / sizeof *starts; i++) {
        size_t k = 0;
        while (k < n_starts && !same_shape(j, &s->slices[starts[k]], &s->slices[i])) {
            k++;
        }
        if (k == n_starts) {
            starts[n_starts++] = i;
        }
    }
    for (size_t k = 0; k < n_starts; k++) {
        size_t count = 0;
        for (size_t i = 0; i < s->n; i++) {
            count += same_shape(j, &s->slices[starts[k]], &s->slices[i]);
        }
        if (count > best_count) {
            best = starts[k];
            best_count = count;
        }
    }
    return best;
}

static bool complain_other(struct judge *j, const struct slice *usual, const struct slice *other,
                           size_t count)
{
    const struct dicom_pixels *p = judge_pixels_of(j, usual), *q = judge_pixels_of(j, other);
    const struct dicom_frame *a = &usual->place, *b = &other->place;
    const char *are = count == 1 ? "is" : "are", *have = count == 1 ? "has" : "have";
    size_t n = j->s->n;
    if (!same_size(p, q)) {
        return series_complain(j->s, DICOM_MIXED, false, count, j->err,
                               "mixed sizes: %zu of %zu slices %s %zu x %zu, the others %zu x "
                               "%zu: left out",
                               count, n, are, q->columns, q->rows, p->columns, p->rows);
    }
    if (a->has_position != b->has_position) {
        return series_complain(j->s, DICOM_MISSING_TAG, false, count, j->err,
                               "%zu of %zu slices %s %s ImagePositionPatient (0020,0032): left out",
                               count, n, have, b->has_position ? "an" : "no");
    }
    if (!same_orientation(a, b)) {
        return series_complain(
            j->s, DICOM_MIXED, false, count, j->err,
            "mixed orientations: %zu of %zu slices %s rows along (%.3f, %.3f, %.3f) and columns "
            "along (%.3f, %.3f, %.3f), not as the others: left out",
            count, n, have, b->orientation[0], b->orientation[1], b->orientation[2],
            b->orientation[3], b->orientation[4], b->orientation[5]);
    }
    return series_complain(j->s, DICOM_MIXED, false, count, j->err,
                           "mixed spacings: %zu of %zu slices %s pixels of %.4g x %.4g mm, the "
                           "others %.4g x %.4g mm: left out",
                           count, n, have, b->spacing[1], b->spacing[0], a->spacing[1],
                           a->spacing[0]);
}

/* Keep the usual shape; each other one is named once, with its count. */
bool judge_keep_usual(struct judge *j)
{
    struct series *s = j->s;
    struct slice usual = s->slices[usual_shape(j)];
    size_t kept = 0, others = 0;
    struct slice *other = mem_array(s->n, sizeof *other, j->err);
    bool good = other != NULL;
    size_t n = s->n;
    for (size_t i = 0; good && i < n; i++) {
        if (same_shape(j, &usual, &s->slices[i])) {
            s->slices[kept++] = s->slices[i];
        } else {
            other[others++] = s->slices[i];
        }
    }
    for (size_t named = 0; good && others > 0 && named < 8; named++) {
        struct slice first = other[0];
        size_t left = 0;
        for (size_t i = 0; i < others; i++) {
            if (!same_shape(j, &first, &other[i])) {
                other[left++] = other[i];
            }
        }
        good = complain_other(j, &usual, &first, others - left);
        others = left;
    }
    if (good) {
        s->n = kept;
    }
    mem_free(other);
    return good;
}

/* ---- what must be there ---- */

/* Sort by SliceLocation or InstanceNumber instead, and make up positions along the normal. */
static bool place_without_positions(struct judge *j)
{
    struct series *s = j->s;
    bool located = true, spaced = s->n > 1;
    for (size_t i = 0; i < s->n; i++) {
        located = located && isfinite(s->slices[i].place.location);
    }
    for (size_t i = 1; located && i < s->n; i++) {
        spaced = spaced || s->slices[i].place.location != s->slices[0].place.location;
    }
    located = located && spaced && s->n > 1;
    const struct dicom_frame *f = &s->slices[0].place;
    double step = f->between > 0 ? f->between : f->thickness > 0 ? f->thickness : 1;
    for (size_t i = 0; i < s->n; i++) {
        struct slice *slice = &s->slices[i];
        double at = located ? slice->place.location : step * (double)slice->instance;
        for (size_t k = 0; k < 3; k++) {
            slice->place.position[k] = j->normal[k] * at;
        }
    }
    return series_complain(s, DICOM_MISSING_TAG, false, s->n, j->err,
                           "no ImagePositionPatient (0020,0032): slices are placed by their %s",
                           located ? "SliceLocation" : "InstanceNumber");
}

static bool need_orientation(struct judge *j)
{
    static const double straight[6] = {1, 0, 0, 0, 1, 0};
    struct series *s = j->s;
    double *o = s->slices[0].place.orientation;
    double u = judge_dot(o, o), v = judge_dot(o + 3, o + 3), w = judge_dot(o, o + 3);
    if (!s->slices[0].place.has_orientation || fabs(u - 1) > 0.02 || fabs(v - 1) > 0.02 ||
        fabs(w) > 0.02) {
        bool has = s->slices[0].place.has_orientation;
        if (!series_complain(s, DICOM_MISSING_TAG, false, s->n, j->err,
                             has ? "ImageOrientationPatient (0020,0037) is not of two unit "
                                   "vectors: taken for straight axial"
                                 : "no ImageOrientationPatient (0020,0037): taken for straight "
                                   "axial")) {
            return false;
        }
        for (size_t i = 0; i < s->n; i++) {
            memcpy(s->slices[i].place.orientation, straight, sizeof straight);
        }
    }
    j->normal[0] = o[1] * o[5] - o[2] * o[4];
    j->normal[1] = o[2] * o[3] - o[0] * o[5];
    j->normal[2] = o[0] * o[4] - o[1] * o[3];
    return true;
}

static bool need_spacing(struct judge *j)
{
    struct series *s = j->s;
    const double *mm = s->slices[0].place.spacing;
    if (s->slices[0].place.has_spacing && mm[0] > 0 && mm[1] > 0) {
        return true;
    }
    for (size_t i = 0; i < s->n; i++) {
        s->slices[i].place.spacing[0] = s->slices[i].place.spacing[1] = 1;
    }
    return series_complain(s, DICOM_MISSING_TAG, false, s->n, j->err,
                           "no PixelSpacing (0028,0030): 1 mm is taken");
}

bool judge_need_tags(struct judge *j)
{
    struct series *s = j->s;
    bool good = need_orientation(j) && need_spacing(j);
    if (good && s->first.series_uid[0] == '\0') {
        good = series_complain(s, DICOM_MISSING_TAG, false, s->n, j->err,
                               "no SeriesInstanceUID (0020,000e): files without one are taken for "
                               "one series");
    }
    if (good && s->unplaced > 0) {
        good = series_complain(s, DICOM_MISSING_TAG, false, s->n, j->err,
                               "frames have no places of their own: taken for evenly spaced");
    }
    return good && (s->slices[0].place.has_position || place_without_positions(j));
}
