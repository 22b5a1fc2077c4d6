/*
 * The rotation axis by phase correlation of opposite views.
 *
 * With a(t) = p(t) the view at 0 and b(t) = p(2c - t) the view half a turn on, the mirrored b'(t) =
 * b(N-1 - t) is a moved by s = 2c - (N-1): b'(t) = a(t + s). The product of the transforms A
 * conj(B') has the phase of that shift; its modulus is taken out (that is phase correlation), and
 * the inverse transform peaks at s.
 *
 * 1. Every row of both views is differentiated, tapered at its ends and transformed at twice its
 * length; products are summed over rows, then whitened as far as they stand above the noise, which
 * is read off the highest frequencies.
 * 2. The highest peaks are tried: the correlation coefficient of what a and b' share when shifted
 * so, on smoothed row gradients, decides. (A fixed pattern of the detector peaks at s = 0 in step
 * 1, but matches badly here.)
 * 3. The peak's top is found between samples by evaluating the correlation there.
 */
#include "math/centre.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/fft-plan.h"
#include "math/fft.h"

enum { COLUMNS_MIN = 8, PEAKS = 8 };

/* Rows used at most: evenly spaced over the detector. */
#define ROWS_MAX 128

/* Share of the columns that is tapered at either end. */
#define TAPER 0.08

/* The band in use, and the one that is taken for noise, as shares of the sampling frequency. */
#define BAND 0.25
#define NOISE_FROM 0.35
#define NOISE_TO 0.45

/* More signal than this does not make a frequency count more. */
#define SNR_MAX 10.0

/* Smoothing before views are matched: this many passes of a box of 2 * BOX + 1 samples, and
 * gradients over as much. */
enum { BOX = 2, PASSES = 2 };

/* Peaks nearer than this to a higher one are its flanks. */
#define APART 12

/* A shift must leave this share of the columns in common. */
#define COMMON 0.2

struct views {
    const float *zero, *opposite; /* [rows][columns] */
    size_t rows, columns, length;
    size_t row_step;
    float *smooth_a,
        *smooth_b; /* [rows / row_step, up][columns]: gradients of a and of b', NaN where unknown */
};

/* Sum over rows of A conj(B'), then its whitened form, and of |A|^2 and |B|^2; [length / 2 + 1]. */
struct spectrum {
    size_t count;
    double *re, *im, *power_a, *power_b;
};

struct peak {
    long shift;
    double height, match;
};

/* Derivative of a row (or of its mirror image), tapered and padded: a level that does not end at 0
 * would correlate with itself at s = 0. */
static void load_row(const struct views *v, const float *row, bool mirrored, float *ret_line)
{
    size_t n = v->columns, edge = (size_t)ceil(TAPER * (double)n);
    memset(ret_line, 0, v->length * sizeof *ret_line);
    for (size_t i = 1; i + 1 < n; i++) {
        size_t in = i < n - 1 - i ? i : n - 1 - i;
        float slope = mirrored ? row[n - 2 - i] - row[n - i] : row[i + 1] - row[i - 1];
        float weight =
            in >= edge ? 1.0f : (float)(0.5 - 0.5 * cos(M_PI * ((double)in + 0.5) / (double)edge));
        ret_line[i] = isfinite(slope) ? slope * weight : 0;
    }
}

static bool cross_spectrum(const struct views *v, struct spectrum *s, struct err *err)
{
    bool ok = false;
    float *line = mem_big(v->length, sizeof *line, err);
    fftwf_complex *a = mem_big(s->count, sizeof *a, err), *b = mem_big(s->count, sizeof *b, err);
    fftwf_plan plan = line && a && b ? fft_plan_real(v->length, err) : NULL;
    if (!plan) {
        goto out;
    }
    for (size_t row = 0; row < v->rows; row += v->row_step) {
        load_row(v, v->zero + row * v->columns, false, line);
        fftwf_execute_dft_r2c(plan, line, a);
        load_row(v, v->opposite + row * v->columns, true, line);
        fftwf_execute_dft_r2c(plan, line, b);
        for (size_t k = 0; k < s->count; k++) {
            double ar = (double)a[k][0], ai = (double)a[k][1], br = (double)b[k][0],
                   bi = (double)b[k][1];
            s->re[k] += ar * br + ai * bi;
            s->im[k] += ai * br - ar * bi;
            s->power_a[k] += ar * ar + ai * ai;
            s->power_b[k] += br * br + bi * bi;
        }
    }
    ok = true;
out:
    fft_plan_free(plan);
    mem_free(b);
    mem_free(a);
    mem_free(line);
    return ok;
}

/* What the derivative does to power: white noise becomes this. */
static double slope_gain(size_t k, size_t length)
{
    double gain = 2 * sin(2 * M_PI * (double)k / (double)length);
    return gain * gain + 1e-6;
}

/* Noise power before the derivative, from a band of frequencies that hold nothing else. */
static double noise_of(const double *power, size_t length)
{
    double sum = 0, n = 0;
    for (size_t k = (size_t)(NOISE_FROM * (double)length); (double)k < NOISE_TO * (double)length;
         k++) {
        sum += power[k] / slope_gain(k, length);
        n++;
    }
    return n > 0 ? sum / n : 0;
}

/* Modulus out, as far as the power stands above the noise: weight = snr^2 / (1 + 2 snr) / modulus,
 * the maximum likelihood weight (Knapp & Carter 1976) with the signal's power for the unknown
 * coherence, its top held at SNR_MAX. Returns false when there is nothing: constant or empty views.
 */
static bool whiten(struct spectrum *s, size_t length)
{
    double white = sqrt(noise_of(s->power_a, length) * noise_of(s->power_b, length));
    bool something = false;
    for (size_t k = 0; k < s->count; k++) {
        double power = sqrt(s->power_a[k] * s->power_b[k]), noise = white * slope_gain(k, length),
               weight = 0;
        if (k > 0 && (double)k <= BAND * (double)length && power > 0) {
            double snr = fmin(fmax(0, power - noise) / fmax(noise, power / SNR_MAX), SNR_MAX);
            weight = snr * snr / (1 + 2 * snr) / power;
        }
        s->re[k] *= weight;
        s->im[k] *= weight;
        something = something || s->re[k] != 0 || s->im[k] != 0;
    }
    return something;
}

/* The correlation at any shift: with b'(t) = a(t + s), A conj(B') = |A|^2 exp(-2 pi i k s / L),
 * which adds up at s. */
static double correlation_at(const struct spectrum *s, size_t length, double shift)
{
    double sum = 0;
    for (size_t k = 1; k < s->count; k++) {
        double angle = 2 * M_PI * fmod((double)k * shift, (double)length) / (double)length;
        sum += s->re[k] * cos(angle) - s->im[k] * sin(angle);
    }
    return sum;
}

static bool correlation_curve(const struct spectrum *s, size_t length, double *ret, struct err *err)
{
    fftwf_complex *line = mem_big(length, sizeof *line, err);
    fftwf_plan plan = line ? fft_plan_line(length, FFT_BACKWARD, err) : NULL;
    if (plan) {
        memset(line, 0, length * sizeof *line);
        for (size_t k = 1; k < s->count; k++) {
            line[k][0] = (float)s->re[k];
            line[k][1] = (float)s->im[k];
        }
        fftwf_execute_dft(plan, line, line);
        for (size_t i = 0; i < length; i++) {
            ret[i] = (double)line[i][0];
        }
    }
    fft_plan_free(plan);
    mem_free(line);
    return plan != NULL;
}

/* Smoothed gradient of one row; NaN at the ends and where a sample was not finite. */
static void gradient_row(const float *row, size_t n, bool mirrored, float *scratch, float *ret)
{
    for (size_t i = 0; i < n; i++) {
        scratch[i] = row[mirrored ? n - 1 - i : i];
    }
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (int d = -BOX; d <= BOX; d++) {
                long at = (long)i + d;
                at = at < 0 ? 0 : at >= (long)n ? (long)n - 1 : at;
                sum += (double)scratch[at];
            }
            ret[i] = (float)(sum / (2 * BOX + 1));
        }
        memcpy(scratch, ret, n * sizeof *ret);
    }
    for (size_t i = 0; i < n; i++) {
        ret[i] = i < 2 * BOX || i + 2 * BOX >= n ? NAN : scratch[i + BOX] - scratch[i - BOX];
    }
}

static bool gradients(struct views *v, struct err *err)
{
    size_t rows = (v->rows + v->row_step - 1) / v->row_step;
    float *scratch = mem_array(v->columns, sizeof *scratch, err);
    v->smooth_a = mem_array(rows * v->columns, sizeof *v->smooth_a, err);
    v->smooth_b = mem_array(rows * v->columns, sizeof *v->smooth_b, err);
    bool ok = scratch && v->smooth_a && v->smooth_b;
    for (size_t row = 0; ok && row < rows; row++) {
        size_t from = row * v->row_step * v->columns, to = row * v->columns;
        gradient_row(v->zero + from, v->columns, false, scratch, v->smooth_a + to);
        gradient_row(v->opposite + from, v->columns, true, scratch, v->smooth_b + to);
    }
    mem_free(scratch);
    return ok;
}

/* Correlation coefficient of the gradients of a(t + s) and b'(t) where both are. */
static double match_at(const struct views *v, long shift)
{
    long n = (long)v->columns;
    long from = shift < 0 ? -shift : 0, to = shift > 0 ? n - shift : n;
    size_t rows = (v->rows + v->row_step - 1) / v->row_step;
    double saa = 0, sbb = 0, sab = 0;
    if ((double)(to - from) < COMMON * (double)n) {
        return 0;
    }
    for (size_t row = 0; row < rows; row++) {
        const float *a = v->smooth_a + row * v->columns, *b = v->smooth_b + row * v->columns;
        for (long t = from; t < to; t++) {
            double da = (double)a[t + shift], db = (double)b[t];
            if (isfinite(da) && isfinite(db)) {
                saa += da * da;
                sbb += db * db;
                sab += da * db;
            }
        }
    }
    return saa > 0 && sbb > 0 ? sab / sqrt(saa * sbb) : 0;
}

/* The highest peaks of the curve between shifts from and to, apart from one another, highest first.
 */
static size_t find_peaks(const double *curve, size_t length, long from, long to, struct peak *ret)
{
    size_t found = 0;
    for (size_t p = 0; p < PEAKS; p++) {
        struct peak best = {0, -INFINITY, 0};
        for (long s = from; s <= to; s++) {
            double here = curve[(size_t)((s + (long)length) % (long)length)];
            bool taken = false;
            for (size_t q = 0; q < found; q++) {
                taken = taken || labs(ret[q].shift - s) < APART;
            }
            if (!taken && here > best.height) {
                best = (struct peak){s, here, 0};
            }
        }
        if (best.height <= 0) {
            break;
        }
        ret[found++] = best;
    }
    return found;
}

/* The top of the correlation near a whole shift: the best of steps of 1/16, then a parabola. */
static double refine(const struct spectrum *s, size_t length, long shift)
{
    double best = (double)shift, top = -INFINITY;
    for (int i = -24; i <= 24; i++) {
        double at = (double)shift + i / 16.0, here = correlation_at(s, length, at);
        if (here > top) {
            top = here;
            best = at;
        }
    }
    double left = top - correlation_at(s, length, best - 1 / 16.0);
    double right = top - correlation_at(s, length, best + 1 / 16.0);
    return left + right > 0 ? best + 0.5 / 16 * (left - right) / (left + right) : best;
}

static double share(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* Confidence: how well the views match at the winner, or how far beyond chance with as many
 * independent samples, times how much better than at the next best shift. */
static double judge(const struct views *v, const struct peak *peak, size_t peaks, size_t winner)
{
    double rival = 0, match = peak[winner].match;
    for (size_t p = 0; p < peaks; p++) {
        rival = p != winner ? fmax(rival, peak[p].match) : rival;
    }
    if (match <= 0) {
        return 0;
    }
    double rows = sqrt((double)((v->rows + v->row_step - 1) /
                                v->row_step)); /* rows are alike: few of them are news */
    double samples = rows * (double)v->columns / (4 * BOX + 2);
    double chance =
        match * sqrt(samples); /* in standard deviations; the best of many shifts reaches 4 */
    double sure = chance > 5 ? (chance - 5) / (chance + 5) : 0;
    double alike = chance > 5 ? share((match - 0.3) / 0.6) : 0;
    return fmax(sure, alike) * share(2 * (match - rival) / match);
}

static size_t match_peaks(const struct views *v, struct peak *peak, size_t peaks)
{
    size_t winner = 0;
    for (size_t p = 0; p < peaks; p++) {
        peak[p].match = match_at(v, peak[p].shift);
        winner = peak[p].match > peak[winner].match ? p : winner;
    }
    return winner;
}

bool centre_pc(const float *zero, const float *opposite, size_t rows, size_t columns, double lo,
               double hi, struct centre_result *ret, struct err *err)
{
    bool ok = false;
    if (rows == 0 || columns < COLUMNS_MIN) {
        return err_set(err, ERR_FORMAT,
                       "views of %zu rows and %zu columns are too small to find their axis", rows,
                       columns);
    }
    struct views v = {.zero = zero,
                      .opposite = opposite,
                      .rows = rows,
                      .columns = columns,
                      .length = fft_good_size(2 * columns),
                      .row_step = (rows + ROWS_MAX - 1) / ROWS_MAX};
    struct spectrum s = {.count = v.length / 2 + 1};
    struct peak peak[PEAKS];
    double last = (double)columns - 1;
    double *curve = mem_array(v.length, sizeof *curve, err);
    s.re = mem_array(s.count, sizeof *s.re, err);
    s.im = mem_array(s.count, sizeof *s.im, err);
    s.power_a = mem_array(s.count, sizeof *s.power_a, err);
    s.power_b = mem_array(s.count, sizeof *s.power_b, err);
    if (!curve || !s.re || !s.im || !s.power_a || !s.power_b || !cross_spectrum(&v, &s, err) ||
        !gradients(&v, err)) {
        goto out;
    }
    lo = lo < hi ? fmax(lo, 0) : 0;
    hi = lo < hi ? fmin(hi, last) : last;
    *ret = (struct centre_result){(lo + hi) / 2, 0};
    if (whiten(&s, v.length)) {
        if (!correlation_curve(&s, v.length, curve, err)) {
            goto out;
        }
        size_t peaks = find_peaks(curve, v.length, (long)ceil(2 * lo - last),
                                  (long)floor(2 * hi - last), peak);
        size_t winner = match_peaks(&v, peak, peaks);
        if (peaks > 0) {
            double shift = refine(&s, v.length, peak[winner].shift);
            *ret = (struct centre_result){(last + shift) / 2, judge(&v, peak, peaks, winner)};
        }
    }
    ok = true;
out:
    mem_free(v.smooth_b);
    mem_free(v.smooth_a);
    mem_free(s.power_b);
    mem_free(s.power_a);
    mem_free(s.im);
    mem_free(s.re);
    mem_free(curve);
    return ok;
}
