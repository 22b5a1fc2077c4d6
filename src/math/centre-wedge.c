/*
 * A sinogram S(theta, t) over half a turn, followed by its mirror image about the right axis, is a
 * whole turn, and the 2-D transform of a whole turn has nearly nothing outside a double wedge
 * (angular frequency above radius * radial frequency). About a wrong axis the two halves do not fit
 * and energy appears there (Vo et al. 2014, see centre-vo.c).
 *
 * Let U(m, k) be the transform of the half turn followed by nothing. Mirroring about c conjugates
 * the radial transform and multiplies it by exp(-i phi), phi = 4 pi c k / N; standing in the second
 * half multiplies by (-1)^m. So
 *
 *     F(m, k) = U(m, k) + (-1)^m exp(-i phi) conj(U(-m, k)),
 *
 * and the energy outside the wedge at radial frequency k,
 *
 *     E(k, c) = sum over m of w(m) |F(m, k)|^2 = P(k) + Re[exp(-i phi) Z(k)],
 *     w = (edge of the wedge / m)^2, because a step between the halves falls off as 1 / m,
 *
 * is a constant and a phase. The score is the mean over k of log (1 + E / floor), floor = noise,
 * read off the highest angular frequencies, and a small misfit: frequencies that are mostly noise
 * hardly vary and so hardly count.
 *
 * Lines are differentiated first (central difference), which takes away the level on which a
 * specimen wider than the detector ends, and tapered; the mirror of a derivative is negative.
 */
#include "math/centre-wedge.h"

#include <math.h>
#include <omp.h>
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

/* Views used at most: more cost time and say nothing new. */
enum { VIEWS_MAX = 2048 };

/* Angular frequencies that a radial one must have in the region to count. */
enum { POINTS_MIN = 6 };

/* Share of the energy that does not fit even about the right axis: interpolation, a wobble, moving
 * specimens. */
#define MISFIT 0.05

void half_turn_fini(struct half_turn *h)
{
    mem_free(h->values);
}

/* Mean angular step, its sign, and whether the views cover enough. */
static bool cover(const struct centre_sino *s, double *ret_step, struct err *err)
{
    if (s->columns < WEDGE_COLUMNS_MIN || s->angles < WEDGE_VIEWS_MIN) {
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
bool half_turn_take(const struct centre_sino *s, struct half_turn *ret, struct err *err)
{
    double step = 0;
    if (!cover(s, &step, err)) {
        return false;
    }
    double have = fabs(step) * (double)(s->angles - 1);
    size_t views = (size_t)floor(M_PI / fabs(step) + 0.5);
    views = views > VIEWS_MAX ? VIEWS_MAX : views < WEDGE_VIEWS_MIN ? WEDGE_VIEWS_MIN : views;
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

void wedge_fini(struct wedge *g)
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

static bool make_room(struct wedge *g, size_t views, size_t columns, size_t length, struct err *err)
{
    size_t k = 0;
    while ((double)(k + 1) <= BAND * (double)length &&
           wedge_edge(k + 1, length, columns) + POINTS_MIN <= views) {
        k++;
    }
    *g = (struct wedge){.frequencies = k, .length = length};
    g->power = mem_array(k + 1, sizeof *g->power, err);
    g->re = mem_array(k + 1, sizeof *g->re, err);
    g->im = mem_array(k + 1, sizeof *g->im, err);
    if (!g->power || !g->re || !g->im) {
        wedge_fini(g);
        return false;
    }
    return true;
}

/* P and Z of radial frequency k from its angular transform u [2 views]. The mirrored derivative is
 * negative, hence the sign of Z. */
static void fill(const struct wedge *g, size_t views, size_t k, size_t edge, const fftwf_complex *u)
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

static float *make_taper(size_t columns, double share, struct err *err)
{
    size_t edge = (size_t)ceil(share * (double)columns);
    float *taper = mem_array(columns, sizeof *taper, err);
    for (size_t c = 0; taper && c < columns; c++) {
        size_t in = c < columns - 1 - c ? c : columns - 1 - c;
        taper[c] =
            in >= edge ? 1.0f : (float)(0.5 - 0.5 * cos(M_PI * ((double)in + 0.5) / (double)edge));
    }
    return taper;
}

/* Radial transforms of all views' columns from .. from + columns - 1, one row of `pitch` each. */
static void transform_views(const struct half_turn *h, size_t from, size_t columns,
                            const float *taper, size_t length, unsigned threads, fftwf_plan plan,
                            float *lines, fftwf_complex *ret_radial, size_t pitch)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long v = 0; v < (long)h->views; v++) {
        float *mine = lines + (size_t)omp_get_thread_num() * length;
        load_line(h, (size_t)v, from, columns, taper, length, mine);
        fftwf_execute_dft_r2c(plan, mine, ret_radial + (size_t)v * pitch);
    }
}

bool wedge_init(struct wedge *g, const struct half_turn *h, size_t from, size_t columns, size_t pad,
                double taper, unsigned threads, struct err *err)
{
    bool ok = false;
    size_t length = fft_good_size(columns + pad + 32); /* a multiple of 16 */
    size_t turn = 2 * h->views;
    size_t half = length / 2 + 8, pitch = (turn + 7) / 8 * 8; /* rows begin on 64 bytes */
    if (!make_room(g, h->views, columns, length, err)) {
        return false;
    }
    float *weight = make_taper(columns, taper, err);
    float *lines = mem_big(threads * length, sizeof *lines, err);
    fftwf_complex *radial = mem_big(h->views * half, sizeof *radial, err);
    fftwf_complex *angular = mem_big(threads * pitch, sizeof *angular, err);
    fftwf_plan real = fft_plan_real(length, err);
    fftwf_plan whole = real ? fft_plan_line(turn, FFT_FORWARD, err) : NULL;
    if (!weight || !lines || !radial || !angular || !whole) {
        goto out;
    }
    transform_views(h, from, columns, weight, length, threads, real, lines, radial, half);
#pragma omp parallel for schedule(dynamic, 8) num_threads(threads)
    for (long k = 1; k <= (long)g->frequencies; k++) {
        fftwf_complex *mine = angular + (size_t)omp_get_thread_num() * pitch;
        memset(mine, 0, turn * sizeof *mine);
        for (size_t v = 0; v < h->views; v++) {
            mine[v][0] = radial[v * half + (size_t)k][0];
            mine[v][1] = radial[v * half + (size_t)k][1];
        }
        fftwf_execute_dft(whole, mine, mine);
        fill(g, h->views, (size_t)k, wedge_edge((size_t)k, length, columns), mine);
    }
    ok = true;
out:
    fft_plan_free(whole);
    fft_plan_free(real);
    mem_free(angular);
    mem_free(radial);
    mem_free(lines);
    mem_free(weight);
    if (!ok) {
        wedge_fini(g);
    }
    return ok;
}

double wedge_score(const struct wedge *g, double centre)
{
    double sum = 0;
    for (size_t k = 1; k <= g->frequencies; k++) {
        double phi = fmod(4 * M_PI * centre * (double)k / (double)g->length, 2 * M_PI);
        sum += log1p(fmax(0, g->power[k] + g->re[k] * cos(phi) + g->im[k] * sin(phi)));
    }
    return g->frequencies ? sum / (double)g->frequencies : 0;
}

double wedge_misfit(const struct wedge *g, double centre)
{
    double any = 0;
    for (size_t k = 1; k <= g->frequencies; k++) {
        any += log1p(g->power[k]);
    }
    return any > 0 ? wedge_score(g, centre) * (double)g->frequencies / any : 1;
}
