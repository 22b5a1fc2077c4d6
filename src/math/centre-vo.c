/*
 * The rotation axis after Vo, Drakopoulos, Atwood & Reinhard, Opt. Express 22, 19078 (2014): where
 * a sinogram and its mirror image fit together best. How well they fit is centre-wedge.c's, which
 * needs no transform per candidate; against the paper's sum of moduli its score finds the axis with
 * about three times the noise (tried on 24 phantoms).
 *
 * 1. Coarse: the whole sinogram, candidates lo .. hi by `step`, with a short and with a long taper
 *    at the ends of lines. The ends do not mirror one another here: where a specimen just leaves
 *    the detector the short taper leaves edges that draw the minimum elsewhere, and where the axis
 *    is far from the middle the long one takes what should fit.
 * 2. Fine: only the columns that have a mirror about the coarse minimum, twice with finer steps; a
 *    parabola through the lowest three gives the centre. Up to three minima of either curve are
 *    refined when they rival, and the one about which the halves fit best wins.
 */
#include "math/centre.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "math/centre-wedge.h"

/* Coarse candidates at most; a wider range is walked in wider steps. */
enum { CANDIDATES_MAX = 800, FINE_CANDIDATES = 17 };

/* Share of the columns that is tapered at either end: coarse, short and long, and fine. */
static const double coarse_taper[] = {0.06, 0.25};
#define FINE_TAPER 0.06

/* Minima nearer than this are one. */
#define SAME_PX 3.0

/* Roughness of a score curve that is too short to tell it, and the least that is believed. */
#define ROUGH 0.02
#define ROUGH_MIN 1e-3

/* With this many radial frequencies an answer is half as sure as with plenty. */
#define FEW_FREQUENCIES 10

/* Minima of a coarse curve that are looked at closely, and how far apart they are. */
enum { MINIMA = 3 };
#define APART_PX 6.0

/* A lesser minimum is looked at when it stands this much of the way from the lowest to the median.
 */
#define RIVAL_SHARE 0.5

/* The fine search goes this far to either side: the coarse minimum of a truncated specimen may be
 * off by a few pixels. */
#define REACH_PX 4.0

/* A place where the axis may be. */
struct place {
    struct centre_result found; /* confidence of the coarse curve */
    double misfit;
    size_t curve; /* which one it comes from */
};

struct places {
    size_t count;
    struct place at[2 * MINIMA];
};

static size_t lowest(const double *score, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = score[i] < score[best] ? i : best;
    }
    return best;
}

/* The lowest point of the parabola through three equispaced scores about `i`. */
static double parabola(const double *centre, const double *score, size_t count, size_t i)
{
    if (i == 0 || i + 1 >= count) {
        return centre[i];
    }
    double left = score[i - 1] - score[i], right = score[i + 1] - score[i];
    double curve = left + right, step = centre[i + 1] - centre[i];
    return curve > 0 ? centre[i] + step * 0.5 * (left - right) / curve : centre[i];
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The curve's own roughness away from `best`: its median second difference over 2 px, at which
 * noise is independent. */
static bool roughness(const struct centre_curve *curve, size_t best, double *ret, struct err *err)
{
    size_t n = curve->count, used = 0;
    double step = n > 1 ? curve->centre[1] - curve->centre[0] : 1;
    size_t lag = (size_t)fmax(1, ceil(2 / step)), far = (size_t)fmax(2, ceil(6 / step));
    double *rough = mem_array(n, sizeof *rough, err);
    if (!rough) {
        return false;
    }
    for (size_t i = lag; i + lag < n; i++) {
        if (i + far < best || i > best + far) {
            rough[used++] =
                fabs(curve->score[i - lag] - 2 * curve->score[i] + curve->score[i + lag]);
        }
    }
    qsort(rough, used, sizeof *rough, by_value);
    /* median |second difference| of white noise of deviation 1 is 0.6745 sqrt 6 = 1.65 */
    *ret = used >= 16 ? fmax(rough[used / 2] / 1.65, ROUGH_MIN) : ROUGH;
    mem_free(rough);
    return true;
}

/* How far the minimum stands below its surroundings (3 to 24 px to either side: noise makes it
 * broad), in units of the roughness; 5 is what noise alone does. Few radial frequencies, a minimum
 * at the end of the search, or a rival count against it. */
static bool judge(const struct centre_curve *curve, size_t best, size_t frequencies, double *ret,
                  struct err *err)
{
    size_t n = curve->count;
    double step = n > 1 ? curve->centre[1] - curve->centre[0] : 1, noise, depth = 0;
    if (!roughness(curve, best, &noise, err)) {
        return false;
    }
    for (int px = 3; px <= 24; px *= 2) {
        size_t off = (size_t)fmax(1, ceil(px / step));
        if (best >= off && best + off < n) {
            depth =
                fmax(depth,
                     fmin(curve->score[best - off], curve->score[best + off]) - curve->score[best]);
        }
    }
    double ratio = depth / noise,
           many = (double)frequencies / ((double)frequencies + FEW_FREQUENCIES);
    double confidence = ratio > 5 ? many * (ratio - 5) / (ratio + 3) : 0;
    size_t far = (size_t)fmax(2, ceil(12 / step));
    for (size_t i = 0; i < n; i++) {
        bool rival = (i + far < best || i > best + far) &&
            curve->score[i] < curve->score[best] + 0.1 * depth;
        confidence = rival ? fmin(confidence, 0.3) : confidence;
    }
    *ret = best == 0 || best + 1 == n ? fmin(confidence, 0.1) : confidence;
    return true;
}

static bool is_flat(const struct centre_curve *curve)
{
    for (size_t i = 1; i < curve->count; i++) {
        if (fabs(curve->score[i] - curve->score[0]) > 1e-9) {
            return false;
        }
    }
    return true;
}

static bool fill_curve(struct centre_curve *curve, double lo, double hi, double step,
                       struct err *err)
{
    size_t count = (size_t)floor((hi - lo) / step + 1e-9) + 1;
    *curve = (struct centre_curve){.count = count};
    curve->centre = mem_array(count, sizeof *curve->centre, err);
    curve->score = mem_array(count, sizeof *curve->score, err);
    for (size_t i = 0; curve->centre && i < count; i++) {
        curve->centre[i] = lo + (double)i * step;
    }
    if (!curve->centre || !curve->score) {
        centre_curve_fini(curve);
        return false;
    }
    return true;
}

/* Median score: what an axis that is none gets. Scores are sorted in a copy of at most 64 of them.
 */
static double middle_score(const struct centre_curve *curve)
{
    double some[64] = {0};
    size_t n = curve->count < 64 ? curve->count : 64;
    for (size_t i = 0; i < n; i++) {
        some[i] = curve->score[i * curve->count / n];
    }
    qsort(some, n, sizeof *some, by_value);
    return some[n / 2];
}

/* The lowest score under `limit` that is a local minimum (the first: any) and apart from those
 * taken. */
static bool next_minimum(const struct centre_curve *curve, const size_t *taken, size_t count,
                         double limit, size_t *ret)
{
    size_t best = SIZE_MAX, n = curve->count;
    for (size_t i = 0; i < n; i++) {
        const double *s = curve->score;
        bool fits = s[i] < limit &&
            (count == 0 || (i > 0 && i + 1 < n && s[i] <= s[i - 1] && s[i] <= s[i + 1]));
        for (size_t t = 0; t < count; t++) {
            fits = fits && fabs(curve->centre[i] - curve->centre[taken[t]]) > APART_PX;
        }
        if (fits && (best == SIZE_MAX || s[i] < s[best])) {
            best = i;
        }
    }
    *ret = best;
    return best != SIZE_MAX;
}

/* Scores of the whole curve, and its lowest minima that are not yet among the places. */
static bool coarse(const struct half_turn *h, size_t which, unsigned threads,
                   struct centre_curve *curve, struct places *places, struct err *err)
{
    bool ok = true;
    struct wedge g;
    if (!wedge_init(&g, h, 0, h->columns, h->columns / 2, coarse_taper[which], threads, err)) {
        return false;
    }
    for (size_t i = 0; i < curve->count; i++) {
        curve->score[i] = wedge_score(&g, curve->centre[i]);
    }
    size_t taken[MINIMA], minima = 0;
    double limit = INFINITY;
    while (ok && minima < MINIMA && next_minimum(curve, taken, minima, limit, &taken[minima])) {
        struct place here = {{curve->centre[taken[minima]], 0}, 1, which};
        ok = minima > 0 || judge(curve, taken[0], g.frequencies, &here.found.confidence, err);
        if (minima == 0) {
            double low = curve->score[taken[0]];
            limit = low + RIVAL_SHARE * (middle_score(curve) - low);
        } else {
            here.found.confidence = 0.5 * places->at[places->count - minima].found.confidence;
        }
        minima++;
        places->at[places->count++] = here;
    }
    wedge_fini(&g);
    return ok;
}

/* Twice 17 candidates about the place, over +- reach and then +- reach / 8. */
static bool fine(const struct half_turn *h, double reach, unsigned threads, struct place *place,
                 struct err *err)
{
    long middle = (long)floor(place->found.centre + 0.5), last = (long)h->columns - 1;
    long side = middle < last - middle ? middle : last - middle;
    struct wedge g;
    if (2 * side + 1 < WEDGE_COLUMNS_MIN) {
        return true; /* too near the detector's end to look closer */
    }
    if (!wedge_init(&g, h, (size_t)(middle - side), (size_t)(2 * side + 1), 0, FINE_TAPER, threads,
                    err)) {
        return false;
    }
    double local = place->found.centre - (double)(middle - side);
    for (int round = 0; round < 2; round++, reach /= 8) {
        double at[FINE_CANDIDATES], score[FINE_CANDIDATES];
        for (int i = 0; i < FINE_CANDIDATES; i++) {
            at[i] = local + reach * ((double)i - FINE_CANDIDATES / 2) / (FINE_CANDIDATES / 2);
            score[i] = wedge_score(&g, at[i]);
        }
        local = parabola(at, score, FINE_CANDIDATES, lowest(score, FINE_CANDIDATES));
    }
    place->misfit = wedge_misfit(&g, local);
    place->found.centre = local + (double)(middle - side);
    wedge_fini(&g);
    return true;
}

static void limits(const struct centre_sino *s, double *lo, double *hi, double *step)
{
    double last = (double)s->columns - 1;
    if (!(*lo < *hi)) {
        *lo = floor(last / 4);
        *hi = ceil(3 * last / 4);
    }
    *lo = fmin(fmax(*lo, 0), last - 1);
    *hi = fmax(fmin(*hi, last), *lo + 1);
    *step = *step > 0 ? *step : 0.5;
    *step = fmax(*step, (*hi - *lo) / CANDIDATES_MAX);
}

static bool known(const struct places *places, size_t count, double centre)
{
    for (size_t i = 0; i < count; i++) {
        if (fabs(places->at[i].found.centre - centre) <= SAME_PX) {
            return true;
        }
    }
    return false;
}

/* Refine every place once, and take the one about which the halves fit best. */
static bool choose(const struct half_turn *h, double step, unsigned threads, struct places *places,
                   struct place *ret, struct err *err)
{
    size_t best = 0, other = SIZE_MAX, tried = 0;
    for (size_t i = 0; i < places->count; i++) {
        struct place *p = &places->at[tried];
        if (known(places, tried, places->at[i].found.centre)) {
            continue;
        }
        *p = places->at[i];
        if (!fine(h, fmax(REACH_PX, 4 * step), threads, p, err)) {
            return false;
        }
        if (tried > 0 && p->misfit < places->at[best].misfit) {
            other = best;
            best = tried;
        } else if (tried > 0 && (other == SIZE_MAX || p->misfit < places->at[other].misfit)) {
            other = tried;
        }
        tried++;
    }
    *ret = places->at[best];
    ret->found.confidence =
        0; /* the best that the coarse curves said of it, before it was refined */
    for (size_t i = 0; i < tried; i++) {
        ret->found.confidence = fmax(ret->found.confidence, places->at[i].found.confidence);
    }
    if (other != SIZE_MAX) { /* a place that fits nearly as well: half as sure */
        double lead = (places->at[other].misfit - ret->misfit) / fmax(1 - ret->misfit, 1e-9);
        ret->found.confidence *= 0.4 + 0.6 * fmin(1, 3 * lead);
    }
    return true;
}

bool centre_vo(const struct centre_sino *sino, double lo, double hi, double step,
               struct centre_result *ret, struct centre_curve *ret_curve, struct err *err)
{
    bool ok = false;
    unsigned threads = sino->threads ? sino->threads : (unsigned)omp_get_max_threads();
    struct half_turn h = {0};
    struct centre_curve curve[2] = {{0, NULL, NULL}, {0, NULL, NULL}};
    struct places places = {0};
    struct place best;
    if (!half_turn_take(sino, &h, err)) {
        return false;
    }
    limits(sino, &lo, &hi, &step);
    for (size_t i = 0; i < 2; i++) {
        if (!fill_curve(&curve[i], lo, hi, step, err) ||
            !coarse(&h, i, threads, &curve[i], &places, err)) {
            goto out;
        }
    }
    if (!choose(&h, step, threads, &places, &best, err)) {
        goto out;
    }
    if (is_flat(&curve[0])) { /* nothing in the sinogram: no place is better than another */
        best.found = (struct centre_result){(lo + hi) / 2, 0};
    }
    *ret = best.found;
    if (ret_curve) {
        *ret_curve = curve[best.curve];
        curve[best.curve] = (struct centre_curve){0};
    }
    ok = true;
out:
    centre_curve_fini(&curve[1]);
    centre_curve_fini(&curve[0]);
    half_turn_fini(&h);
    return ok;
}
