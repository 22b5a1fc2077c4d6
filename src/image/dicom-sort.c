/*
 * Judging a series, in steps:
 * 1. copies of one slice (same SOPInstanceUID and frame) are left out;
 * 2. slices of one shape (size, orientation, spacing) stay, those of rarer shapes are left out;
 * 3. slices are sorted by their place along the normal; places that come more than once are times,
 *    when all do alike, else duplicates;
 * 4. the steps from place to place are looked at: gaps, uneven steps, tilt;
 * 5. the affine is made of the first slice and the way to the last.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "image/dicom-set.h"

#define SAME_DIRECTION 2e-3 /* of a component of a unit vector */
#define SAME_SPACING 1e-2   /* of the spacing */
#define SAME_PLACE 0.05     /* of the usual step */
#define PLACE_MIN 1e-4      /* mm: positions are written with rounding */
#define UNEVEN 0.1          /* of the usual step */
#define TILT_MIN_DEG 0.5
#define AXIAL_MIN 0.8 /* of the normal along the body's axis: up to 37 degrees */

struct judge {
    struct dicom_set *set;
    struct series *s;
    struct dicom_series *ret;
    struct err *err;
    double normal[3];
    size_t slices, times;
    double step;
};

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static const struct dicom_pixels *pixels(const struct judge *j, const struct slice *s)
{
    return &j->set->files[s->file].pixels;
}

/* ---- 1. copies ---- */

static int by_identity(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int place = memcmp(x->place.position, y->place.position, sizeof x->place.position);
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
        memcmp(a->place.position, b->place.position, sizeof a->place.position) == 0;
}

static bool drop_copies(struct judge *j)
{
    struct series *s = j->s;
    size_t kept = 0;
    qsort(s->slices, s->n, sizeof *s->slices, by_identity);
    for (size_t i = 0; i < s->n; i++) {
        if (kept == 0 || !is_copy(&s->slices[i], &s->slices[kept - 1])) {
            s->slices[kept++] = s->slices[i];
        }
    }
    size_t dropped = s->n - kept;
    s->n = kept;
    return dropped == 0 ||
        series_complain(s, DICOM_DUPLICATE, false, j->err,
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
    return same_size(pixels(j, a), pixels(j, b)) && same_orientation(&a->place, &b->place) &&
        same_spacing(&a->place, &b->place) && a->place.has_position == b->place.has_position;
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
    const struct dicom_pixels *p = pixels(j, usual), *q = pixels(j, other);
    const struct dicom_frame *a = &usual->place, *b = &other->place;
    const char *are = count == 1 ? "is" : "are", *have = count == 1 ? "has" : "have";
    size_t n = j->s->n;
    if (!same_size(p, q)) {
        return series_complain(j->s, DICOM_MIXED, false, j->err,
                               "mixed sizes: %zu of %zu slices %s %zu x %zu, the others %zu x "
                               "%zu: left out",
                               count, n, are, q->columns, q->rows, p->columns, p->rows);
    }
    if (a->has_position != b->has_position) {
        return series_complain(j->s, DICOM_MISSING_TAG, false, j->err,
                               "%zu of %zu slices %s %s ImagePositionPatient (0020,0032): left out",
                               count, n, have, b->has_position ? "an" : "no");
    }
    if (!same_orientation(a, b)) {
        return series_complain(
            j->s, DICOM_MIXED, false, j->err,
            "mixed orientations: %zu of %zu slices %s rows along (%.3f, %.3f, %.3f) and columns "
            "along (%.3f, %.3f, %.3f), not as the others: left out",
            count, n, have, b->orientation[0], b->orientation[1], b->orientation[2],
            b->orientation[3], b->orientation[4], b->orientation[5]);
    }
    return series_complain(j->s, DICOM_MIXED, false, j->err,
                           "mixed spacings: %zu of %zu slices %s pixels of %.4g x %.4g mm, the "
                           "others %.4g x %.4g mm: left out",
                           count, n, have, b->spacing[1], b->spacing[0], a->spacing[1],
                           a->spacing[0]);
}

/* Keep the usual shape; each other one is named once, with its count. */
static bool keep_usual(struct judge *j)
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

/* ---- 3. places ---- */

static int by_place(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : 0;
}

static int by_time(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    const int64_t p[4] = {x->place.temporal, x->acquisition, x->instance, x->frame};
    const int64_t q[4] = {y->place.temporal, y->acquisition, y->instance, y->frame};
    for (size_t i = 0; i < 4; i++) {
        if (p[i] != q[i]) {
            return p[i] < q[i] ? -1 : 1;
        }
    }
    return by_identity(a, b);
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median of the steps that are steps; 0 when all slices lie at one place. */
static bool usual_step(const struct judge *j, double *ret)
{
    const struct series *s = j->s;
    double *steps = mem_array(s->n, sizeof *steps, j->err);
    size_t n = 0;
    if (!steps) {
        return false;
    }
    for (size_t i = 1; i < s->n; i++) {
        double step = s->slices[i].at - s->slices[i - 1].at;
        if (step > PLACE_MIN) {
            steps[n++] = step;
        }
    }
    qsort(steps, n, sizeof *steps, by_number);
    *ret = n ? steps[n / 2] : 0;
    mem_free(steps);
    return true;
}

/* How many slices from `i` on lie at one place? */
static size_t at_one_place(const struct series *s, size_t i, double step)
{
    double tolerance = fmax(PLACE_MIN, SAME_PLACE * step);
    size_t end = i + 1;
    while (end < s->n && s->slices[end].at - s->slices[i].at <= tolerance) {
        end++;
    }
    return end - i;
}

static bool complain_duplicate(struct judge *j, size_t extra, const struct slice *first,
                               const struct slice *second)
{
    const struct dicom_source *source = j->set->source;
    return series_complain(
        j->s, DICOM_DUPLICATE, false, j->err,
        "%zu %s at a place that is taken, the first at %.2f mm (%.60s and %.60s): left out", extra,
        extra == 1 ? "slice" : "slices", first->at,
        path_base(dicom_source_name(source, j->set->files[first->file].member)),
        path_base(dicom_source_name(source, j->set->files[second->file].member)));
}

/* Places with as many slices each: times. With more here and there: duplicates. */
static bool find_times(struct judge *j)
{
    struct series *s = j->s;
    size_t places = 0, least = s->n, most = 0, ones = 0;
    for (size_t i = 0; i < s->n;) {
        size_t n = at_one_place(s, i, j->step);
        qsort(s->slices + i, n, sizeof *s->slices, by_time);
        least = n < least ? n : least;
        most = n > most ? n : most;
        ones += n == 1;
        places++;
        i += n;
    }
    j->slices = places;
    j->times = least;
    if (least == most) {
        return true;
    }
    size_t kept = 0, extra = 0, n = s->n, first = 0;
    struct slice pair[2] = {s->slices[0], s->slices[0]};
    for (size_t i = 0; i < n; i += first) {
        first = at_one_place(s, i, j->step);
        if (first > least && extra == 0) {
            pair[0] = s->slices[i];
            pair[1] = s->slices[i + least];
        }
        extra += first - least;
        memmove(s->slices + kept, s->slices + i, least * sizeof *s->slices);
        kept += least;
    }
    s->n = kept;
    return ones > places / 2
        ? complain_duplicate(j, extra, &pair[0], &pair[1])
        : series_complain(s, DICOM_DUPLICATE, false, j->err,
                          "places hold %zu to %zu slices each: the first %zu of each are taken",
                          least, most, least);
}

static bool sort_slices(struct judge *j)
{
    struct series *s = j->s;
    for (size_t i = 0; i < s->n; i++) {
        s->slices[i].at = dot(s->slices[i].place.position, j->normal);
    }
    qsort(s->slices, s->n, sizeof *s->slices, by_place);
    return usual_step(j, &j->step) && find_times(j);
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
    return series_complain(s, DICOM_MISSING_TAG, false, j->err,
                           "no ImagePositionPatient (0020,0032): slices are placed by their %s",
                           located ? "SliceLocation" : "InstanceNumber");
}

static bool need_orientation(struct judge *j)
{
    static const double straight[6] = {1, 0, 0, 0, 1, 0};
    struct series *s = j->s;
    double *o = s->slices[0].place.orientation;
    double u = dot(o, o), v = dot(o + 3, o + 3), w = dot(o, o + 3);
    if (!s->slices[0].place.has_orientation || fabs(u - 1) > 0.02 || fabs(v - 1) > 0.02 ||
        fabs(w) > 0.02) {
        bool has = s->slices[0].place.has_orientation;
        if (!series_complain(s, DICOM_MISSING_TAG, false, j->err,
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
    return series_complain(s, DICOM_MISSING_TAG, false, j->err,
                           "no PixelSpacing (0028,0030): 1 mm is taken");
}

static bool need_tags(struct judge *j)
{
    struct series *s = j->s;
    bool good = need_orientation(j) && need_spacing(j);
    if (good && s->first.series_uid[0] == '\0') {
        good = series_complain(s, DICOM_MISSING_TAG, false, j->err,
                               "no SeriesInstanceUID (0020,000e): files without one are taken for "
                               "one series");
    }
    if (good && s->unplaced > 0) {
        good = series_complain(s, DICOM_MISSING_TAG, false, j->err,
                               "frames have no places of their own: taken for evenly spaced");
    }
    return good && (s->slices[0].place.has_position || place_without_positions(j));
}

/* ---- 4. steps ---- */

static const struct slice *place(const struct judge *j, size_t i)
{
    return &j->s->slices[i * j->times];
}

static bool judge_steps(struct judge *j)
{
    size_t missing = 0, gaps = 0, first_gap = 0;
    double least = INFINITY, most = 0;
    bool uneven = false;
    for (size_t i = 1; i < j->slices; i++) {
        double step = place(j, i)->at - place(j, i - 1)->at;
        double wide = floor(step / j->step + 0.5);
        if (wide > 1) {
            first_gap = gaps == 0 ? i : first_gap;
            missing += wide < 1e6 ? (size_t)wide - 1 : 1000000;
            gaps++;
        }
        if (fabs(step - fmax(wide, 1) * j->step) > fmax(0.02, UNEVEN * j->step)) {
            uneven = true;
        }
        least = fmin(least, step);
        most = fmax(most, step);
    }
    if (gaps > 0 &&
        !series_complain(j->s, DICOM_GAP, false, j->err,
                         "%zu %s missing in %zu %s, the first between %.2f and %.2f mm (slices are "
                         "%.4g mm apart)",
                         missing, missing == 1 ? "slice is" : "slices are", gaps,
                         gaps == 1 ? "place" : "places", place(j, first_gap - 1)->at,
                         place(j, first_gap)->at, j->step)) {
        return false;
    }
    return !uneven ||
        series_complain(j->s, DICOM_UNEVEN, false, j->err,
                        "slices are %.4g to %.4g mm apart, mostly %.4g mm", least, most, j->step);
}

/* The way from the first slice to the last against the normal, and slices beside that way. */
static bool judge_way(struct judge *j, double ret_way[3])
{
    const struct slice *a = place(j, 0), *b = place(j, j->slices - 1);
    double span = b->at - a->at, aside = 0;
    for (size_t k = 0; k < 3; k++) {
        ret_way[k] = (b->place.position[k] - a->place.position[k]) / span;
    }
    double length = sqrt(dot(ret_way, ret_way));
    j->ret->tilt_deg = acos(fmin(1, 1 / length)) * 180 / M_PI;
    for (size_t i = 0; i < j->slices; i++) {
        const struct slice *s = place(j, i);
        double d[3];
        for (size_t k = 0; k < 3; k++) {
            d[k] = s->place.position[k] - a->place.position[k] - ret_way[k] * (s->at - a->at);
        }
        aside = fmax(aside, sqrt(dot(d, d)));
    }
    if (aside > 1 &&
        !series_complain(j->s, DICOM_UNEVEN, false, j->err,
                         "slices are shifted sideways by up to %.2f mm", aside)) {
        return false;
    }
    return j->ret->tilt_deg < TILT_MIN_DEG ||
        series_complain(j->s, DICOM_TILT, false, j->err,
                        "tilted by %.1f degrees: each slice is shifted by %.2f mm against the one "
                        "before",
                        j->ret->tilt_deg, sqrt(fmax(0, length * length - 1)) * j->step);
}

static bool judge_count(struct judge *j)
{
    if (j->slices > 3) {
        return true;
    }
    return j->slices == 1
        ? series_complain(j->s, DICOM_SINGLE, false, j->err, "a single slice")
        : series_complain(j->s, DICOM_FEW, false, j->err, "only %zu slices", j->slices);
}

/* ---- 5. the outcome ---- */

static void fill_affine(struct judge *j, const double way[3])
{
    const struct dicom_frame *f = &place(j, 0)->place;
    struct dicom_series *r = j->ret;
    for (size_t k = 0; k < 3; k++) {
        double sign = k < 2 ? -1 : 1; /* DICOM's x and y grow to the left and to the back */
        r->affine[k][0] = sign * f->orientation[k] * f->spacing[1];
        r->affine[k][1] = sign * f->orientation[k + 3] * f->spacing[0];
        r->affine[k][2] = sign * way[k] * j->step;
        r->affine[k][3] = sign * f->position[k];
    }
    r->spacing_mm[0] = f->spacing[1];
    r->spacing_mm[1] = f->spacing[0];
    r->spacing_mm[2] = j->step * sqrt(dot(way, way));
    r->axial = fabs(j->normal[2]) >= AXIAL_MIN;
}

/* One kind and one scale for all slices, or float32 that has the values themselves. */
static void choose_kind(struct judge *j)
{
    const struct slice *all = j->s->slices;
    struct dicom_series *r = j->ret;
    r->kind = dicom_voxel(pixels(j, &all[0]));
    r->slope = all[0].place.slope;
    r->intercept = all[0].place.intercept;
    for (size_t i = 1; i < j->s->n; i++) {
        if (dicom_voxel(pixels(j, &all[i])) != r->kind || all[i].place.slope != r->slope ||
            all[i].place.intercept != r->intercept) {
            j->s->as_values = true;
            r->kind = VOXEL_F32;
            r->slope = 1;
            r->intercept = 0;
            return;
        }
    }
}

static bool judge_pixels(struct judge *j)
{
    struct series *s = j->s;
    struct err why = {ERR_NONE, ""}, first = {ERR_NONE, ""};
    size_t cut = 0, file = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!dicom_pixels_whole(pixels(j, &s->slices[i]), &why)) {
            first = cut == 0 ? why : first;
            file = cut == 0 ? j->set->files[s->slices[i].file].member : file;
            cut++;
        }
    }
    if (cut > 0 &&
        !series_complain(s, DICOM_CUT, true, j->err, "%zu of %zu slices: %s (%.80s)", cut, s->n,
                         first.text, path_base(dicom_source_name(j->set->source, file)))) {
        return false;
    }
    return !pixels(j, &s->slices[0])->colour ||
        series_complain(s, DICOM_COLOUR, true, j->err,
                        "colour pictures (%s, %zu samples a pixel) are no volume",
                        s->first.photometric, pixels(j, &s->slices[0])->samples);
}

static void fill(struct judge *j)
{
    const struct dicom_header *h = &j->s->first;
    struct dicom_series *r = j->ret;
    r->uid = h->series_uid;
    r->study_uid = h->study_uid;
    r->sop_class = h->sop_class;
    r->modality = h->modality;
    r->image_type = h->image_type;
    r->body_part = h->body_part;
    r->protocol = h->protocol;
    r->description = h->description;
    r->study_description = h->study_description;
    r->patient_id = h->patient_id;
    r->date = h->date;
    r->time = h->time;
    r->transfer_syntax = h->transfer_syntax;
    r->number = (long)h->series_number;
    r->files = j->s->files;
    r->columns = pixels(j, &j->s->slices[0])->columns;
    r->rows = pixels(j, &j->s->slices[0])->rows;
    r->slices = j->slices;
    r->times = j->times;
    r->complaints = j->s->complaints;
    r->n_complaints = j->s->n_complaints;
    for (size_t i = 0; i < r->n_complaints; i++) {
        r->fatal = r->fatal || r->complaints[i].fatal;
    }
}

bool series_judge(struct dicom_set *set, struct series *s, struct dicom_series *ret,
                  struct err *err)
{
    struct judge j = {.set = set, .s = s, .ret = ret, .err = err};
    double way[3];
    *ret = (struct dicom_series){0};
    if (!drop_copies(&j) || !keep_usual(&j) || !need_tags(&j) || !sort_slices(&j)) {
        return false;
    }
    memcpy(way, j.normal, sizeof way);
    if (j.slices > 1) {
        if (!judge_steps(&j) || !judge_way(&j, way)) {
            return false;
        }
    } else {
        const struct dicom_frame *f = &s->slices[0].place;
        j.step = f->between > 0 ? f->between : f->thickness > 0 ? f->thickness : 1;
    }
    if (!judge_count(&j) || !judge_pixels(&j)) {
        return false;
    }
    fill_affine(&j, way);
    choose_kind(&j);
    fill(&j);
    return true;
}
