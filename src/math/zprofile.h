/*
 * The lung z-profile of a CT study (DESIGN 10): what each axial slice says about the lungs, and
 * what the slices say together. zprofile_run() measures all slices on several threads, or
 * zprofile_slice() one; then zprofile_study() makes the score.
 *
 * A slice's lung mask, with the names of scikit-image: hu < air_hu, clear_border, binary_closing
 * with disk(close_radius), remove_small_objects and remove_small_holes (4-connected), the two
 * largest 8-connected parts. "Left" is the part whose mean column is below half the width, as the
 * picture lies. Samples that are not finite are tissue to the mask and are left out of the means
 * and fractions.
 */
#ifndef GANTRY_MATH_ZPROFILE_H
#define GANTRY_MATH_ZPROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "math/bitmap.h"
#include "math/morph.h"

/* Every number of the z-profile; doubles, so that they can be set by name (triage-rule.h). */
struct zprofile_rule {
    /* a slice */
    double air_hu, close_radius_px, min_object_px, min_hole_px;
    double dense_500_hu, dense_300_hu, emph_950_hu;
    /* counts over slices */
    double high_dense_above, low_hu_below, high_emph_above;
    /* signs of a study, each from 0 to 1, and their weights in the score */
    double dense_from, dense_span, hu_from, hu_span, emph_span, asym_from, asym_span;
    double weight_dense, weight_hu, weight_emph, weight_asym, weight_abnormal;
};
/* DESIGN 10's numbers. */
extern const struct zprofile_rule zprofile_rule_default;

struct zslice {
    size_t area_px; /* of both lungs; 0 = no lungs, and the six values below are NaN */
    size_t left_px, right_px;
    double area_mm2;
    double mean_hu;
    double dense_500, dense_300, emph_950; /* fractions of the mask */
    double asym;
    /* What chest.h looks at. */
    double low, high;  /* of the finite samples; NaN when there is none */
    size_t not_finite; /* samples */
    size_t body_px;    /* samples that are not air */
    uint64_t print;    /* of all samples: equal slices have equal prints */
};

/* Working memory of one thread: `struct zprofile_space s = {0};`. `mask` is the lung mask of the
 * last slice. */
struct zprofile_space {
    struct bitmap mask;
    struct morph morph;
};
void zprofile_space_fini(struct zprofile_space *s);

/* px_mm2: area of a pixel. `rule` NULL = the default. */
bool zprofile_slice(const float *hu, size_t columns, size_t rows, double px_mm2,
                    const struct zprofile_rule *rule, struct zprofile_space *space,
                    struct zslice *ret, struct err *err) CHECK_RESULT;

struct zprofile_job {
    size_t columns, rows, slices;
    double px_mm2;
    const struct zprofile_rule *rule; /* NULL = the default */
    unsigned threads;                 /* 0 = OpenMP's default */
    /* Write the HU of a slice, [rows][columns]; called from several threads at once. */
    bool (*read)(void *arg, size_t slice, float *ret_hu, struct err *err);
    void *arg;
    uint8_t *masks; /* [slices][rows][columns] of 0 and 1, written; or NULL */
};
/* ret: [slices]. The first failure ends it: of several the one of the lowest slice is told. */
bool zprofile_run(const struct zprofile_job *job, struct zslice *ret, struct err *err) CHECK_RESULT;

struct zstudy {
    size_t slices, lung_slices;
    double avg_hu, avg_dense_500, avg_dense_300, avg_emph_950, avg_asymmetry; /* lung slices */
    size_t high_dense, low_hu, high_emph;   /* slices beyond the limits */
    double dense, hu, emph, asym, abnormal; /* signs, 0..1 */
    double z;
};
/* No slice with lungs: ERR_NOTHING. */
bool zprofile_study(const struct zslice *slice, size_t slices, const struct zprofile_rule *rule,
                    struct zstudy *ret, struct err *err) CHECK_RESULT;

/* One line a slice, with a header. `z_mm` (positions, [slices]) may be NULL: the column is left
 * out. Slices without lungs have empty fields. */
void zprofile_csv(const struct zslice *slice, size_t slices, const double *z_mm, struct str *out);

#endif
