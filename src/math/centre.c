/* Rotation axis: what the finders share, the pair of opposite views, and the weighing of
 * answers. */
#include "math/centre.h"

#include <math.h>

#include "base/mem.h"
#include "math/angles.h"

/* Two finders that agree this closely confirm one another. */
#define AGREE_PX 1.5

/* An answer that another finder contradicts as surely keeps this share of its confidence. */
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

/* What is left of an answer's confidence when another contradicts it. */
static double doubted(double confidence, double other)
{
    return confidence * (1 - (1 - DOUBTED) * fmin(1, other / fmax(confidence, 1e-9)));
}

static double confirmed(double confidence, double other)
{
    return 1 - (1 - confidence) * (1 - other);
}

struct voice {
    const struct centre_result *said;
    const char *name;
};

/* The one in the middle, and what the nearer of the others makes of it. */
static void median(const struct voice voice[3], struct centre_result *ret, const char **ret_source)
{
    size_t middle = 0;
    while (middle < 2) {
        double c = voice[middle].said->centre;
        double a = voice[(middle + 1) % 3].said->centre, b = voice[(middle + 2) % 3].said->centre;
        if ((a <= c && c <= b) || (b <= c && c <= a)) {
            break;
        }
        middle++;
    }
    const struct centre_result *mine = voice[middle].said;
    const struct centre_result *a = voice[(middle + 1) % 3].said, *b = voice[(middle + 2) % 3].said;
    const struct centre_result *near =
        fabs(a->centre - mine->centre) <= fabs(b->centre - mine->centre) ? a : b;
    *ret_source = voice[middle].name;
    *ret = *mine;
    if (fabs(near->centre - mine->centre) <= AGREE_PX) {
        ret->confidence = confirmed(mine->confidence, near->confidence);
    } else {
        ret->confidence = doubted(mine->confidence, fmax(a->confidence, b->confidence));
    }
}

static void pair(const struct centre_result *vo, const struct centre_result *pc,
                 struct centre_result *ret, const char **ret_source)
{
    bool agree = fabs(vo->centre - pc->centre) <= AGREE_PX;
    bool vo_wins = agree || vo->confidence >= pc->confidence;
    const struct centre_result *other = vo_wins ? pc : vo;
    *ret = vo_wins ? *vo : *pc;
    *ret_source = vo_wins ? "vo" : "pc";
    ret->confidence = agree ? confirmed(ret->confidence, other->confidence)
                            : doubted(ret->confidence, other->confidence);
}

bool centre_auto(const struct centre_result *vo, const struct centre_result *pc,
                 const struct centre_result *ai, struct centre_result *ret, const char **ret_source,
                 struct err *err)
{
    if (!vo && !pc) {
        return err_set(err, ERR_FORMAT, "no method found a rotation axis");
    }
    if (!vo || !pc) {
        *ret = vo ? *vo : *pc;
        *ret_source = vo ? "vo" : "pc";
    } else if (fabs(vo->centre - pc->centre) < CENTRE_CONFIRMED_PX) {
        ret->centre = (vo->centre + pc->centre) / 2;
        ret->confidence = confirmed(vo->confidence, pc->confidence);
        *ret_source = "vo+pc";
    } else if (ai) {
        median((const struct voice[3]){{vo, "vo"}, {pc, "pc"}, {ai, "ai"}}, ret, ret_source);
    } else {
        pair(vo, pc, ret, ret_source);
    }
    return true;
}
