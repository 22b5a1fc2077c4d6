/*
 * Judging a series, in steps:
 * 1. copies of one slice (same SOPInstanceUID and frame) are left out;
 * 2. slices of one shape (size, orientation, spacing) stay, those of rarer shapes are left out;
 * 3. slices are sorted by their place along the normal; places that come more than once are times,
 *    when all do alike, else duplicates;
 * 4. the steps from place to place are looked at: gaps, uneven steps, tilt;
 * 5. the affine is made of the first slice and the way to the last.
 */
#include "image/dicom-judge.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"

#define SAME_PLACE 0.05 /* of the usual step */
#define PLACE_MIN 1e-4  /* mm: positions are written with rounding */
#define UNEVEN 0.1      /* of the usual step */
#define TILT_MIN_DEG 0.5
#define AXIAL_MIN 0.8 /* of the normal along the body's axis: up to 37 degrees */

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
    return judge_by_identity(a, b);
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
        j->s, DICOM_DUPLICATE, false, extra, j->err,
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
        : series_complain(s, DICOM_DUPLICATE, false, extra, j->err,
                          "places hold %zu to %zu slices each: the first %zu of each are taken",
                          least, most, least);
}

static bool sort_slices(struct judge *j)
{
    struct series *s = j->s;
    for (size_t i = 0; i < s->n; i++) {
        s->slices[i].at = judge_dot(s->slices[i].place.position, j->normal);
    }
    qsort(s->slices, s->n, sizeof *s->slices, by_place);
    return usual_step(j, &j->step) && find_times(j);
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
        !series_complain(j->s, DICOM_GAP, false, missing, j->err,
                         "%zu %s missing in %zu %s, the first between %.2f and %.2f mm (slices are "
                         "%.4g mm apart)",
                         missing, missing == 1 ? "slice is" : "slices are", gaps,
                         gaps == 1 ? "place" : "places", place(j, first_gap - 1)->at,
                         place(j, first_gap)->at, j->step)) {
        return false;
    }
    return !uneven ||
        series_complain(j->s, DICOM_UNEVEN, false, j->slices, j->err,
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
    double length = sqrt(judge_dot(ret_way, ret_way));
    j->ret->tilt_deg = acos(fmin(1, 1 / length)) * 180 / M_PI;
    for (size_t i = 0; i < j->slices; i++) {
        const struct slice *s = place(j, i);
        double d[3];
        for (size_t k = 0; k < 3; k++) {
            d[k] = s->place.position[k] - a->place.position[k] - ret_way[k] * (s->at - a->at);
        }
        aside = fmax(aside, sqrt(judge_dot(d, d)));
    }
    if (aside > 1 &&
        !series_complain(j->s, DICOM_UNEVEN, false, j->slices, j->err,
                         "slices are shifted sideways by up to %.2f mm", aside)) {
        return false;
    }
    return j->ret->tilt_deg < TILT_MIN_DEG ||
        series_complain(j->s, DICOM_TILT, false, j->slices, j->err,
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
        ? series_complain(j->s, DICOM_SINGLE, false, j->slices, j->err, "a single slice")
        : series_complain(j->s, DICOM_FEW, false, j->slices, j->err, "only %zu slices", j->slices);
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
    r->spacing_mm[2] = j->step * sqrt(judge_dot(way, way));
    r->axial = fabs(j->normal[2]) >= AXIAL_MIN;
}

/* One kind and one scale for all slices, or float32 that has the values themselves. */
static void choose_kind(struct judge *j)
{
    const struct slice *all = j->s->slices;
    struct dicom_series *r = j->ret;
    r->kind = dicom_voxel(judge_pixels_of(j, &all[0]));
    r->slope = all[0].place.slope;
    r->intercept = all[0].place.intercept;
    for (size_t i = 1; i < j->s->n; i++) {
        if (dicom_voxel(judge_pixels_of(j, &all[i])) != r->kind || all[i].place.slope != r->slope ||
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
        if (!dicom_pixels_whole(judge_pixels_of(j, &s->slices[i]), &why)) {
            first = cut == 0 ? why : first;
            file = cut == 0 ? j->set->files[s->slices[i].file].member : file;
            cut++;
        }
    }
    if (cut > 0 &&
        !series_complain(s, DICOM_CUT, true, cut, j->err, "%zu of %zu slices: %s (%.80s)", cut,
                         s->n, first.text, path_base(dicom_source_name(j->set->source, file)))) {
        return false;
    }
    return !judge_pixels_of(j, &s->slices[0])->colour ||
        series_complain(s, DICOM_COLOUR, true, s->n, j->err,
                        "colour pictures (%s, %zu samples a pixel) are no volume",
                        s->first.photometric, judge_pixels_of(j, &s->slices[0])->samples);
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
    r->columns = judge_pixels_of(j, &j->s->slices[0])->columns;
    r->rows = judge_pixels_of(j, &j->s->slices[0])->rows;
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
    if (!judge_drop_copies(&j) || !judge_keep_usual(&j) || !judge_need_tags(&j) ||
        !sort_slices(&j)) {
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
