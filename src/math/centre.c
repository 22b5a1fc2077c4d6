/* Rotation axis: what the finders share, the pair of opposite views, and the weighing of two
 * answers. */
#include "math/centre.h"

#include <math.h>

#include "base/mem.h"
#include "math/angles.h"

/* Two finders that agree this closely confirm one another. */
#define AGREE_PX 1.5

/* An answer that the other finder contradicts keeps this share of its confidence. */
#define DOUBTED 0.5

/* Views further than this from half a turn apart show another side of the specimen. */
#define PAIR_LIMIT_DEG 5.0

/* Close enough to half a turn to stop looking. */
#define EXACT_RAD 1e-7

void centre_curve_fini(struct centre_curve *curve)
{
    mem_free(curve->centre);
    mem_free(curve->score);
    *curve = (struct centre_curve){0};
}

bool centre_pair(const double *theta_rad, size_t angles, size_t *ret_first, size_t *ret_opposite,
                 double *ret_off_rad, struct err *err)
{
    double best = INFINITY;
    if (!angles_check(theta_rad, angles, err)) {
        return false;
    }
    for (size_t a = 0; a < angles && best > EXACT_RAD; a++) {
        for (size_t b = a + 1; b < angles; b++) {
            double off = fabs(remainder(theta_rad[b] - theta_rad[a] - M_PI, 2 * M_PI));
            if (off < best - EXACT_RAD / 2) {
                best = off;
                *ret_first = a;
                *ret_opposite = b;
            }
        }
    }
    if (!(best <= PAIR_LIMIT_DEG * M_PI / 180)) {
        return err_set(
            err, ERR_FORMAT,
            "no two views are half a turn apart (the nearest pair is off by %.1f degrees)",
            isfinite(best) ? best * 180 / M_PI : 180.0);
    }
    *ret_off_rad = best;
    return true;
}

bool centre_auto(const struct centre_result *vo, const struct centre_result *pc,
                 struct centre_result *ret, const char **ret_source, struct err *err)
{
    if (!vo && !pc) {
        return err_set(err, ERR_FORMAT, "no method found a rotation axis");
    }
    if (!vo || !pc) {
        *ret = vo ? *vo : *pc;
        *ret_source = vo ? "vo" : "pc";
        return true;
    }
    bool agree = fabs(vo->centre - pc->centre) <= AGREE_PX;
    bool vo_wins = agree || vo->confidence >= pc->confidence;
    *ret = vo_wins ? *vo : *pc;
    *ret_source = vo_wins ? "vo" : "pc";
    if (agree) {
        ret->confidence = 1 - (1 - vo->confidence) * (1 - pc->confidence);
    } else {
        double other = vo_wins ? pc->confidence : vo->confidence;
        ret->confidence *= 1 - (1 - DOUBTED) * other / fmax(ret->confidence, 1e-9);
    }
    return true;
}
