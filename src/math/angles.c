/*
 * Weights of views. Angles are folded onto the half circle, sorted, and each gets half the gap to
 * the next on either side. Views that fall on the same folded angle share what one view would get,
 * whatever their order.
 */
#include "math/angles.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* A gap of more than this many mean steps is a hole: missing wedge or blocked views. Golden-angle
 * scans have gaps of up to 2.6 mean steps. */
#define HOLE_STEPS 5.0

struct folded {
    double angle;
    size_t index;
};

static int by_angle(const void *a, const void *b)
{
    const struct folded *x = a, *y = b;
    if (x->angle != y->angle) {
        return x->angle < y->angle ? -1 : 1;
    }
    return x->index < y->index ? -1 : 1;
}

bool angles_check(const double *theta_rad, size_t angles, struct err *err)
{
    if (angles == 0) {
        return err_set(err, ERR_FORMAT, "there are no projection angles");
    }
    for (size_t i = 0; i < angles; i++) {
        if (!isfinite(theta_rad[i])) {
            return err_set(err, ERR_FORMAT, "projection angle %zu of %zu is not a number", i,
                           angles);
        }
    }
    return true;
}

/* Gap behind view i on the half circle; a hole counts as `usual`. */
static double gap_after(const struct folded *view, size_t angles, size_t i, double hole,
                        double usual)
{
    double next = i + 1 < angles ? view[i + 1].angle : view[0].angle + M_PI;
    double gap = next - view[i].angle;
    return gap > hole ? usual : gap;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The middle one of the gaps that are not nothing (doubled views): what a hole's rim stands for. */
static double usual_gap(const struct folded *view, size_t angles, double *scratch)
{
    size_t n = 0;
    for (size_t i = 0; i < angles; i++) {
        double gap = gap_after(view, angles, i, INFINITY, 0);
        if (gap > 1e-6 * M_PI / (double)angles) {
            scratch[n++] = gap;
        }
    }
    qsort(scratch, n, sizeof *scratch, by_value);
    return n ? scratch[n / 2] : M_PI;
}

bool angles_weights(const double *theta_rad, size_t angles, double *ret_weight, struct err *err)
{
    bool ok = false;
    struct folded *view = mem_array(angles, sizeof *view, err);
    double *scratch = mem_array(angles, sizeof *scratch, err);
    if (!view || !scratch) {
        goto out;
    }
    for (size_t i = 0; i < angles; i++) {
        double a = fmod(theta_rad[i], M_PI);
        a += a < 0 ? M_PI : 0;
        /* 179.9999999 and 0 are one view of a 0..180 scan: the half circle's seam has no width */
        a = M_PI - a < 1e-9 ? 0 : a;
        view[i] = (struct folded){a, i};
    }
    qsort(view, angles, sizeof *view, by_angle);
    double usual = usual_gap(view, angles, scratch);
    double hole = angles < 3 ? INFINITY : HOLE_STEPS * M_PI / (double)angles;
    for (size_t i = 0; i < angles; i++) {
        double after = gap_after(view, angles, i, hole, usual);
        double before = gap_after(view, angles, i ? i - 1 : angles - 1, hole, usual);
        ret_weight[view[i].index] = (before + after) / 2;
    }
    ok = true;
out:
    mem_free(scratch);
    mem_free(view);
    return ok;
}
