/*
 * The rotation axis after Vo, Drakopoulos, Atwood & Reinhard, Opt. Express 22, 19078 (2014),
 * without a transform per candidate.
 *
 * A sinogram S(theta, t) over half a turn, followed by its mirror image about the right axis, is a
 * whole turn, and the 2-D transform of a whole turn has nearly nothing outside a double wedge
 * (angular frequency above radius * radial frequency). About a wrong axis the two halves do not fit
 * and energy appears there. The axis is where it is lowest.
 *
 * Let U(m, k) be the transform of the half turn followed by nothing. Mirroring about c conjugates
 * the radial transform and multiplies it by exp(-i phi), phi = 4 pi c k / N; standing in the second
 * half multiplies by (-1)^m. So F(m, k) = U(m, k) + (-1)^m exp(-i phi) conj(U(-m, k)), and the
 * energy outside the wedge at radial frequency k, E(k, c) = sum over m of w(m) |F(m, k)|^2 = P(k) +
 * Re[exp(-i phi) Z(k)],   w = (edge of the wedge / m)^2 (a step between the halves falls off as 1 /
 * m), is a constant and a phase: a candidate costs one product per k. The score is the mean over k
 * of log (1 + E / floor), floor = noise, read off the highest angular frequencies, and a small
 * misfit: frequencies that are mostly noise hardly vary and so hardly count. Against the paper's
 * sum of |F| over all m and k this finds the axis with about three times the noise (tried on 24
 * phantoms).
 *
 * Lines are differentiated first (central difference), which takes away the level on which a
 * specimen wider than the detector ends, and tapered; the mirror of a derivative is negative.
 *
 * 1. Coarse: the whole sinogram, padded, candidates lo .. hi by `step`.
 * 2. Fine: only the columns that have a mirror about the best one, twice with finer steps; a
 * parabola through the lowest three gives the centre.
 */
#include "math/centre.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/angles.h"
#include "math/fft-plan.h"
#include "math/fft.h"

/* The specimen's radius in shares of the columns that the wedge is drawn for (the paper's u0 with
 * ratio 0.5). */
#define WEDGE_RADIUS 0.5

/* The region begins this much outside the wedge, whose rim is soft; and never under 20, as in the
 * paper: slow drifts live there. */
#define RIM_SHARE 1.1
#define RIM_ROWS 10
#define LOW_ROWS 20

/* Radial frequencies above this share of the sampling frequency are noise in what detectors give.
 */
#define BAND 0.25

/* Views used at most: more cost time and say nothing new. Views needed, columns needed. */
enum { VIEWS_MAX = 2048, VIEWS_MIN = 8, COLUMNS_MIN = 8 };

/* Angular frequencies that a radial one must have in the region to count. */
enum { POINTS_MIN = 6 };

/* Coarse candidates at most; a wider range is walked in wider steps. */
enum { CANDIDATES_MAX = 800, FINE_CANDIDATES = 17 };

/* Roughness of a score curve that is too short to tell it, and the least that is believed. */
#define ROUGH 0.02
#define ROUGH_MIN 1e-3

/* With this many radial frequencies an answer is half as sure as with plenty. */
#define FEW_FREQUENCIES 10

/* Share of the energy that does not fit even about the right axis: interpolation, a wobble, moving
 * specimens. */
#define MISFIT 0.05

/* Share of the columns that is tapered at either end. */
#define TAPER 0.06

/* The half turn to be searched: values resampled to equispaced views, every sample finite. */
struct half_turn {
    size_t views, columns;
    float *values;
};

/* What all candidates share: P(k) and Z(k) in units of the floor, k = 1 .. frequencies, of lines
 * transformed at `length`. */
struct region {
    size_t frequencies, length;
    double *power, *re, *im; /* [frequencies + 1] */
};

static void half_turn_fini(struct half_turn *h)
{
    mem_free(h->values);
}

/* Mean angular step, its sign, and whether the views cover enough. */
static bool cover(const struct centre_sino *s, double *ret_step, struct err *err)
{
    if (s->columns < COLUMNS_MIN || s->angles < VIEWS_MIN) {
        return err_set(err, ERR_FORMAT,
                       "a sinogram of %zu views and %zu columns is too small to find its axis",
                       s->angles, s->columns);
    }
    if (!s->theta_rad) {
        *ret_step = M_PI / (double)s->angles;
        return true;
    }
    if (!angles_check(s->theta_rad, s->angles, err)) {
        return false;
    }
    double span = s->theta_rad[s->angles - 1] - s->theta_rad[0];
    *ret_step = span / (double)(s->angles - 1);
    if (fabs(span) + fabs(*ret_step) < 150 * M_PI / 180) {
        return err_set(err, ERR_FORMAT,
                       "the views cover %.1f degrees: finding the axis needs 150 at least",
                       fabs(span) * 180 / M_PI);
    }
    return true;
}

static float finite_or_zero(float x)
{
    return isfinite(x) ? x : 0;
}

/* Views at equal steps over half a turn, each the blend of the two nearest in angle. */
static bool take_half_turn(const struct centre_sino *s, struct half_turn *ret, struct err *err)
{
    double step = 0;
    if (!cover(s, &step, err)) {
        return false;
    }
    double have = fabs(step) * (double)(s->angles - 1);
    size_t views = (size_t)floor(M_PI / fabs(step) + 0.5);
    views = views > VIEWS_MAX ? VIEWS_MAX : views < VIEWS_MIN ? VIEWS_MIN : views;
    double wanted = M_PI / (double)views;
    while ((double)(views - 1) * wanted > have + fabs(step) / 2) {
        views--; /* less than half a turn: what there is */
    }
    float *values = mem_big(views * s->columns, sizeof *values, err);
    if (!values) {
        return false;
    }
    double sign = step < 0 ? -1 : 1;
    size_t at = 0;
    for (size_t v = 0; v < views; v++) {
        double target = (double)v * wanted, part = 0;
        if (s->theta_rad) {
            while (at + 2 < s->angles &&
                   sign * (s->theta_rad[at + 1] - s->theta_rad[0]) <= target) {
                at++;
            }
            double here = sign * (s->theta_rad[at] - s->theta_rad[0]);
            double next = sign * (s->theta_rad[at + 1] - s->theta_rad[0]);
            part = next > here ? fmin(fmax((target - here) / (next - here), 0), 1) : 0;
        } else {
            at = (size_t)(target / fabs(step) + 0.5);
            at = at + 1 < s->angles ? at : s->angles - 2;
        }
        const float *a = s->values + at * s->columns, *b = a + s->columns;
        for (size_t c = 0; c < s->columns; c++) {
            float x = finite_or_zero(a[c]), y = finite_or_zero(b[c]);
            values[v * s->columns + c] = x + (float)part * (y - x);
        }
    }
    *ret = (struct half_turn){views, s->columns, values};
    return true;
}

static void region_fini(struct region *g)
{
    mem_free(g->im);
    mem_free(g->re);
    mem_free(g->power);
}

/* The lowest angular frequency m of the region at radial frequency k. A point at the radius traces
 * a sine of that amplitude in t, so the wedge is |m| <= 2 pi radius k / length. */
static size_t wedge_edge(size_t k, size_t length, size_t columns)
{
    double m = 2 * M_PI * WEDGE_RADIUS * (double)columns * (double)k / (double)length;
    return (size_t)ceil(fmax(RIM_SHARE * m + RIM_ROWS, LOW_ROWS));
}

static bool region_init(struct region *g, size_t views, size_t columns, size_t length,
                        struct err *err)
{
    size_t k = 0;
    while ((double)(k + 1) <= BAND * (double)length &&
           wedge_edge(k + 1, length, columns) + POINTS_MIN <= views) {
        k++;
    }
    *g = (struct region){.frequencies = k, .length = length};
    g->power = mem_array(k + 1, sizeof *g->power, err);
    g->re = mem_array(k + 1, sizeof *g->re, err);
    g->im = mem_array(k + 1, sizeof *g->im, err);
    if (!g->power || !g->re || !g->im) {
        region_fini(g);
        return false;
    }
    return true;
}

/* P and Z of radial frequency k from its angular transform u [2 views]. The mirrored derivative is
 * negative, hence the sign of Z. */
static void region_fill(const struct region *g, size_t views, size_t k, size_t edge,
                        const fftwf_complex *u)
{
    double power = 0, re = 0, im = 0, weights = 0, noise = 0, points = 0;
    for (size_t m = edge; m < views; m++) {
        size_t minus = 2 * views - m;
        double ar = (double)u[m][0], ai = (double)u[m][1], br = (double)u[minus][0],
               bi = (double)u[minus][1];
        double weight = (double)(edge * edge) / (double)(m * m),
               cross = m & 1 ? 2 * weight : -2 * weight;
        power += weight * (ar * ar + ai * ai + br * br + bi * bi);
        re += cross * (ar * br - ai * bi); /* conj(a) conj(b) = conj(a b) */
        im -= cross * (ar * bi + ai * br);
        weights += weight;
        if (3 * (m - edge) >= 2 * (views - edge)) { /* the highest third */
            noise += ar * ar + ai * ai + br * br + bi * bi;
            points++;
        }
    }
    double floor_energy = weights * noise / fmax(points, 1) + MISFIT * power + 1e-30;
    g->power[k] = power / floor_energy;
    g->re[k] = re / floor_energy;
    g->im[k] = im / floor_energy;
}

/* Derivative of one view's columns from .. from + columns - 1, tapered and padded. */
static void load_line(const struct half_turn *h, size_t view, size_t from, size_t columns,
                      const float *taper, size_t length, float *ret_line)
{
    const float *row = h->values + view * h->columns + from;
    memset(ret_line, 0, length * sizeof *ret_line);
    for (size_t c = 1; c + 1 < columns; c++) {
        ret_line[c] = (row[c + 1] - row[c - 1]) * taper[c];
    }
}

/* Transform `columns` columns of the half turn from column `from` on, at `length` (a multiple of
 * 16). */
static bool region_of(const struct half_turn *h, size_t from, size_t columns, size_t length,
                      const float *taper, unsigned threads, struct region *g, struct err *err)
{
    bool ok = false;
    size_t half = length / 2 + 8, turn = 2 * h->views,
           pitch = (turn + 7) / 8 * 8; /* rows begin on 64 bytes */
    if (!region_init(g, h->views, columns, length, err)) {
        return false;
    }
    float *line = mem_big(threads * length, sizeof *line, err);
    fftwf_complex *radial = mem_big(h->views * half, sizeof *radial, err);
    fftwf_complex *angular = mem_big(threads * pitch, sizeof *angular, err);
    fftwf_plan real = fft_plan_real(length, err);
    fftwf_plan whole = real ? fft_plan_line(turn, FFT_FORWARD, err) : NULL;
    if (!line || !radial || !angular || !whole) {
        goto out;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long v = 0; v < (long)h->views; v++) {
        float *mine = line + (size_t)omp_get_thread_num() * length;
        load_line(h, (size_t)v, from, columns, taper, length, mine);
        fftwf_execute_dft_r2c(real, mine, radial + (size_t)v * half);
    }
#pragma omp parallel for schedule(dynamic, 8) num_threads(threads)
    for (long k = 1; k <= (long)g->frequencies; k++) {
        fftwf_complex *mine = angular + (size_t)omp_get_thread_num() * pitch;
        memset(mine, 0, turn * sizeof *mine);
        for (size_t v = 0; v < h->views; v++) {
            mine[v][0] = radial[v * half + (size_t)k][0];
            mine[v][1] = radial[v * half + (size_t)k][1];
        }
        fftwf_execute_dft(whole, mine, mine);
        region_fill(g, h->views, (size_t)k, wedge_edge((size_t)k, length, columns), mine);
    }
    ok = true;
out:
    fft_plan_free(whole);
    fft_plan_free(real);
    mem_free(angular);
    mem_free(radial);
    mem_free(line);
    if (!ok) {
        region_fini(g);
    }
    return ok;
}

/* Mean log energy about a candidate. */
static double score_of(const struct region *g, double centre)
{
    double sum = 0;
    for (size_t k = 1; k <= g->frequencies; k++) {
        double phi = fmod(4 * M_PI * centre * (double)k / (double)g->length, 2 * M_PI);
        sum += log1p(fmax(0, g->power[k] + g->re[k] * cos(phi) + g->im[k] * sin(phi)));
    }
    return g->frequencies ? sum / (double)g->frequencies : 0;
}

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

static float *make_taper(size_t columns, struct err *err)
{
    size_t edge = (size_t)ceil(TAPER * (double)columns);
    float *taper = mem_array(columns, sizeof *taper, err);
    for (size_t c = 0; taper && c < columns; c++) {
        size_t in = c < columns - 1 - c ? c : columns - 1 - c;
        taper[c] =
            in >= edge ? 1.0f : (float)(0.5 - 0.5 * cos(M_PI * ((double)in + 0.5) / (double)edge));
    }
    return taper;
}

static bool coarse(const struct half_turn *h, unsigned threads, struct centre_curve *curve,
                   size_t *ret_frequencies, struct err *err)
{
    struct region g = {0};
    float *taper = make_taper(h->columns, err);
    bool ok = taper &&
        region_of(h, 0, h->columns, fft_good_size(h->columns + h->columns / 2 + 32), taper, threads,
                  &g, err);
    for (size_t i = 0; ok && i < curve->count; i++) {
        curve->score[i] = score_of(&g, curve->centre[i]);
    }
    *ret_frequencies = g.frequencies;
    region_fini(&g);
    mem_free(taper);
    return ok;
}

/* Twice 17 candidates about `centre`, over +- reach and then +- reach / 8, on the columns that have
 * a mirror. */
static bool fine(const struct half_turn *h, double centre, double reach, unsigned threads,
                 double *ret_centre, struct err *err)
{
    long middle = (long)floor(centre + 0.5), last = (long)h->columns - 1;
    long side = middle < last - middle ? middle : last - middle;
    size_t columns = (size_t)(2 * side + 1);
    double local = centre - (double)(middle - side);
    struct region g = {0};
    float *taper = make_taper(columns, err);
    bool ok = taper &&
        region_of(h, (size_t)(middle - side), columns, fft_good_size(columns + 32), taper, threads,
                  &g, err);
    for (int round = 0; ok && round < 2; round++, reach /= 8) {
        double at[FINE_CANDIDATES], score[FINE_CANDIDATES];
        for (int i = 0; i < FINE_CANDIDATES; i++) {
            at[i] = local + reach * ((double)i - FINE_CANDIDATES / 2) / (FINE_CANDIDATES / 2);
            score[i] = score_of(&g, at[i]);
        }
        local = parabola(at, score, FINE_CANDIDATES, lowest(score, FINE_CANDIDATES));
    }
    if (ok) {
        *ret_centre = local + (double)(middle - side);
    }
    region_fini(&g);
    mem_free(taper);
    return ok;
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

bool centre_vo(const struct centre_sino *sino, double lo, double hi, double step,
               struct centre_result *ret, struct centre_curve *ret_curve, struct err *err)
{
    bool ok = false;
    unsigned threads = sino->threads ? sino->threads : (unsigned)omp_get_max_threads();
    struct half_turn h = {0};
    struct centre_curve curve = {0};
    if (!take_half_turn(sino, &h, err)) {
        return false;
    }
    size_t frequencies = 0;
    limits(sino, &lo, &hi, &step);
    if (!fill_curve(&curve, lo, hi, step, err) || !coarse(&h, threads, &curve, &frequencies, err)) {
        goto out;
    }
    size_t best = lowest(curve.score, curve.count);
    struct centre_result found = {curve.centre[best], 0};
    if (!judge(&curve, best, frequencies, &found.confidence, err)) {
        goto out;
    }
    bool flat = is_flat(&curve);
    if (flat) {
        found.centre = (lo + hi) / 2; /* nothing in the sinogram: no place is better than another */
    }
    double room = fmin(found.centre, (double)sino->columns - 1 - found.centre);
    if (!flat && room >= COLUMNS_MIN &&
        !fine(&h, found.centre, fmax(1, 2 * step), threads, &found.centre, err)) {
        goto out;
    }
    *ret = found;
    if (ret_curve) {
        *ret_curve = curve;
        curve = (struct centre_curve){0};
    }
    ok = true;
out:
    centre_curve_fini(&curve);
    half_turn_fini(&h);
    return ok;
}
