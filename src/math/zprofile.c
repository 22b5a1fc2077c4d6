/*
 * 1. Mask: threshold to bits, then morphology on bits (morph.h).
 * 2. The two largest parts; each is left or right.
 * 3. Sums over the runs of the mask, in double precision: HU are whole numbers as a rule, so the
 *    sums are exact and do not depend on the order.
 */
#include "math/zprofile.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include "base/mem.h"
#include "math/kernels.h"

/* Multiplier of the print: an odd constant with its bits well mixed (the golden ratio, 2^64). */
#define PRINT_STEP 0x9e3779b97f4a7c15u

const struct zprofile_rule zprofile_rule_default = {
    .air_hu = -500,
    .close_radius_px = 3,
    .min_object_px = 1000,
    .min_hole_px = 1000,
    .dense_500_hu = -500,
    .dense_300_hu = -300,
    .emph_950_hu = -950,
    .high_dense_above = 0.045,
    .low_hu_below = -850,
    .high_emph_above = 0.15,
    .dense_from = 0.02,
    .dense_span = 0.03,
    .hu_from = -780,
    .hu_span = 70,
    .emph_span = 0.3,
    .asym_from = 0.3,
    .asym_span = 0.5,
    .weight_dense = 0.35,
    .weight_hu = 0.25,
    .weight_emph = 0.20,
    .weight_asym = 0.10,
    .weight_abnormal = 0.10,
};

void zprofile_space_fini(struct zprofile_space *s)
{
    bitmap_fini(&s->mask);
    morph_fini(&s->morph);
}

/* Two samples at a time, in lanes that do not wait for each other. */
static uint64_t print_of(const float *hu, size_t count)
{
    enum { LANES = 4 };
    uint64_t lane[LANES] = {1, 2, 3, 4}, print = count;
    size_t i = 0;

    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        for (size_t k = 0; k < LANES; k++) {
            uint64_t bits;
            memcpy(&bits, hu + i + 2 * k, sizeof bits);
            lane[k] = (lane[k] ^ bits) * PRINT_STEP;
            lane[k] ^= lane[k] >> 32;
        }
    }
    for (; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, hu + i, sizeof bits);
        print = (print ^ bits) * PRINT_STEP;
    }
    for (size_t k = 0; k < LANES; k++) {
        print = (print ^ lane[k]) * PRINT_STEP;
        print ^= print >> 32;
    }
    return print;
}

static void look_at_all(const float *hu, size_t count, float air, struct zslice *ret)
{
    struct range_found found;

    kernels_here()->range(hu, count, air, &found);
    ret->low = found.finite ? (double)found.low : NAN;
    ret->high = found.finite ? (double)found.high : NAN;
    ret->not_finite = count - found.finite;
    ret->body_px = found.finite - found.below;
    ret->print = print_of(hu, count);
}

static bool make_mask(const float *hu, const struct zprofile_rule *rule, struct zprofile_space *s,
                      struct err *err)
{
    struct bitmap *b = &s->mask;
    struct morph *m = &s->morph;
    bitmap_below(b, hu, (float)rule->air_hu);
    return morph_clear_border(m, b, true, err) &&
        morph_close(m, b, (unsigned)rule->close_radius_px, err) &&
        morph_remove_objects(m, b, (size_t)rule->min_object_px, false, err) &&
        morph_remove_holes(m, b, (size_t)rule->min_hole_px, false, err) &&
        labels_bitmap(&m->labels, b, true, err);
}

/* Keep the two largest parts in the mask, and measure them. */
static void measure(const float *hu, const struct zprofile_rule *rule, struct zprofile_space *s,
                    double px_mm2, struct zslice *ret)
{
    const struct labels *l = &s->morph.labels;
    size_t columns = l->n[0], lung[2] = {0}, lungs = labels_largest(l, 2, lung);
    float over[2] = {(float)rule->dense_500_hu, (float)rule->dense_300_hu};
    float under = (float)rule->emph_950_hu;
    struct tally sums = {0};

    for (size_t i = 0; i < l->runs; i++) {
        const struct label_run *run = &l->run[i];
        size_t length = run->end - run->first;
        if (run->part != lung[0] && (lungs < 2 || run->part != lung[1])) {
            bitmap_run(&s->mask, run->row, run->first, run->end, false);
            continue;
        }
        ret->area_px += length;
        if (l->part[run->part].centre[0] < (double)columns / 2) {
            ret->left_px += length;
        } else {
            ret->right_px += length;
        }
        kernels_here()->tally(hu + run->row * columns + run->first, length, over, under, &sums);
    }
    if (sums.finite == 0) {
        return;
    }
    size_t more = ret->left_px > ret->right_px ? ret->left_px : ret->right_px;
    size_t less = ret->area_px - more;
    double n = (double)sums.finite;
    ret->area_mm2 = (double)ret->area_px * px_mm2;
    ret->mean_hu = sums.sum / n;
    ret->dense_500 = (double)sums.over[0] / n;
    ret->dense_300 = (double)sums.over[1] / n;
    ret->emph_950 = (double)sums.under / n;
    ret->asym = (double)(more - less) / (double)more;
}

bool zprofile_slice(const float *hu, size_t columns, size_t rows, double px_mm2,
                    const struct zprofile_rule *rule, struct zprofile_space *space,
                    struct zslice *ret, struct err *err)
{
    struct zslice z = {.area_mm2 = 0,
                       .mean_hu = NAN,
                       .dense_500 = NAN,
                       .dense_300 = NAN,
                       .emph_950 = NAN,
                       .asym = NAN};
    rule = rule ? rule : &zprofile_rule_default;
    if (space->mask.columns != columns || space->mask.rows != rows) {
        bitmap_fini(&space->mask);
        if (!bitmap_new(&space->mask, columns, rows, err)) {
            return false;
        }
    }
    look_at_all(hu, columns * rows, (float)rule->air_hu, &z);
    if (!make_mask(hu, rule, space, err)) {
        return false;
    }
    measure(hu, rule, space, px_mm2, &z);
    *ret = z;
    return true;
}

/* What one thread does: slices in turn, until one fails. */
struct shared {
    const struct zprofile_job *job;
    struct zslice *ret;
    size_t failed; /* lowest slice that failed so far; job->slices when none did */
    struct err err;
};

static bool one_slice(const struct zprofile_job *job, size_t i, float *hu,
                      struct zprofile_space *space, struct zslice *ret, struct err *err)
{
    if (!job->read(job->arg, i, hu, err) ||
        !zprofile_slice(hu, job->columns, job->rows, job->px_mm2, job->rule, space, ret, err)) {
        return err_wrap(err, "slice %zu", i);
    }
    if (job->masks) {
        bitmap_to_bytes(&space->mask, job->masks + i * job->columns * job->rows);
    }
    return true;
}

static void work(struct shared *all, size_t *next)
{
    const struct zprofile_job *job = all->job;
    struct zprofile_space space = {0};
    struct err err = {ERR_NONE, ""};
    float *hu = mem_big(job->columns * job->rows, sizeof *hu, &err);
    size_t i = 0, failed = 0;

    for (;;) {
#pragma omp atomic capture
        i = (*next)++;
#pragma omp atomic read
        failed = all->failed;
        if (i >= job->slices || i >= failed) {
            break;
        }
        if (!hu || !one_slice(job, i, hu, &space, &all->ret[i], &err)) {
#pragma omp critical(zprofile_failed)
            if (i < all->failed) {
                all->failed = i;
                all->err = err;
            }
            break;
        }
    }
    mem_free(hu);
    zprofile_space_fini(&space);
}

bool zprofile_run(const struct zprofile_job *job, struct zslice *ret, struct err *err)
{
    struct shared all = {job, ret, job->slices, {ERR_NONE, ""}};
    size_t next = 0;
#pragma omp parallel num_threads(job->threads ? (int)job->threads : omp_get_max_threads())
    work(&all, &next);
    if (all.failed < job->slices) {
        return err_set(err, all.err.code, "%s", all.err.text);
    }
    return true;
}

static double clamp(double value)
{
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

static void score(const struct zprofile_rule *rule, struct zstudy *s)
{
    s->dense = clamp((s->avg_dense_500 - rule->dense_from) / rule->dense_span);
    s->hu = clamp((rule->hu_from - s->avg_hu) / rule->hu_span);
    s->emph = clamp(s->avg_emph_950 / rule->emph_span);
    s->asym = clamp((s->avg_asymmetry - rule->asym_from) / rule->asym_span);
    s->abnormal = (double)(s->high_dense + s->low_hu + s->high_emph) / (3 * (double)s->slices);
    s->z = clamp(rule->weight_dense * s->dense + rule->weight_hu * s->hu +
                 rule->weight_emph * s->emph + rule->weight_asym * s->asym +
                 rule->weight_abnormal * s->abnormal);
}

bool zprofile_study(const struct zslice *slice, size_t slices, const struct zprofile_rule *rule,
                    struct zstudy *ret, struct err *err)
{
    struct zstudy s = {.slices = slices};
    rule = rule ? rule : &zprofile_rule_default;
    for (size_t i = 0; i < slices; i++) {
        const struct zslice *z = &slice[i];
        if (isnan(z->mean_hu)) {
            continue;
        }
        s.lung_slices++;
        s.avg_hu += z->mean_hu;
        s.avg_dense_500 += z->dense_500;
        s.avg_dense_300 += z->dense_300;
        s.avg_emph_950 += z->emph_950;
        s.avg_asymmetry += z->asym;
        s.high_dense += z->dense_500 > rule->high_dense_above;
        s.low_hu += z->mean_hu < rule->low_hu_below;
        s.high_emph += z->emph_950 > rule->high_emph_above;
    }
    if (s.lung_slices == 0) {
        return err_set(err, ERR_NOTHING, "no lungs in any of %zu slices", slices);
    }
    double n = (double)s.lung_slices;
    s.avg_hu /= n;
    s.avg_dense_500 /= n;
    s.avg_dense_300 /= n;
    s.avg_emph_950 /= n;
    s.avg_asymmetry /= n;
    score(rule, &s);
    *ret = s;
    return true;
}

void zprofile_csv(const struct zslice *slice, size_t slices, const double *z_mm, struct str *out)
{
    str_addf(out,
             "slice,%slung_area_px,lung_area_mm2,left_px,right_px,mean_lung_HU,frac_dense_m500,"
             "frac_dense_m300,frac_emph_m950,LR_asym\n",
             z_mm ? "z_mm," : "");
    for (size_t i = 0; i < slices; i++) {
        const struct zslice *z = &slice[i];
        str_addf(out, "%zu,", i);
        if (z_mm) {
            str_addf(out, "%.6g,", z_mm[i]);
        }
        str_addf(out, "%zu,%.10g,%zu,%zu,", z->area_px, z->area_mm2, z->left_px, z->right_px);
        if (isnan(z->mean_hu)) {
            str_add(out, ",,,,\n");
        } else {
            str_addf(out, "%.10g,%.10g,%.10g,%.10g,%.10g\n", z->mean_hu, z->dense_500, z->dense_300,
                     z->emph_950, z->asym);
        }
    }
}
