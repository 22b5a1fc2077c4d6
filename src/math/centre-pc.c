/*
 * The rotation axis by phase correlation of opposite views.
 *
 * With a(t) = p(t) the view at 0 and b(t) = p(2c - t) the view half a turn on, the mirrored b'(t) = b(N-1 - t) is a moved by
 * s = 2c - (N-1): b'(t) = a(t + s). The product of the transforms A conj(B') has the phase of that shift; its modulus is
 * taken out (that is phase correlation), and the inverse transform peaks at s.
 *
 * 1. Every row of both views loses its mean, is tapered at its ends and transformed at twice its length; products are
 *    summed over rows, then whitened and band-limited (the finest detail is noise). A row taken from beside the specimen adds
 *    nothing to the sum; a fixed pattern would peak at s = 0, which the next step sees through.
 * 2. The highest peaks are tried: the correlation coefficient of what a and b' share when shifted so, on row gradients,
 *    decides.
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

/* Share of the columns that is tapered at either end; and the band, as a share of the sampling frequency, at which the
 * weight has fallen to 1/e. */
#define TAPER 0.08
#define BAND 0.15

/* Peaks nearer than this to a higher one are its flanks. */
#define APART 4

/* A shift must leave this share of the columns in common. */
#define COMMON 0.2

struct views {
    const float *zero, *opposite; /* [rows][columns] */
    size_t rows, columns, length;
    size_t row_step;
};

/* Sum over rows of A conj(B'), then its whitened form; [length / 2 + 1]. */
struct spectrum {
    size_t count;
    double *re, *im;
};

struct peak {
    long shift;
    double height, match;
};

static void load_row(const struct views *v, const float *row, bool mirrored, float *ret_line)
{
    size_t n = v->columns, edge = (size_t)ceil(TAPER * (double)n), finite = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(row[i])) {
            sum += (double)row[i];
            finite++;
        }
    }
    float mean = finite ? (float)(sum / (double)finite) : 0;
    memset(ret_line, 0, v->length * sizeof *ret_line);
    for (size_t i = 0; i < n; i++) {
        float value = row[mirrored ? n - 1 - i : i];
        size_t in = i < n - 1 - i ? i : n - 1 - i;
        float weight = in >= edge ? 1.0f : (float)(0.5 - 0.5 * cos(M_PI * ((double)in + 0.5) / (double)edge));
        ret_line[i] = isfinite(value) ? (value - mean) * weight : 0;
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
            double ar = (double)a[k][0], ai = (double)a[k][1], br = (double)b[k][0], bi = (double)b[k][1];
            s->re[k] += ar * br + ai * bi;
            s->im[k] += ai * br - ar * bi;
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

/* Modulus out, band in. Returns false when there is nothing: constant or empty views. */
static bool whiten(struct spectrum *s, size_t length)
{
    double most = 0;
    for (size_t k = 1; k < s->count; k++) {
        most = fmax(most, hypot(s->re[k], s->im[k]));
    }
    for (size_t k = 0; k < s->count; k++) {
        double f = (double)k / (double)length, modulus = hypot(s->re[k], s->im[k]);
        double weight = k == 0 ? 0 : exp(-(f / BAND) * (f / BAND)) / (modulus + 1e-7 * most + 1e-300);
        s->re[k] *= weight;
        s->im[k] *= weight;
    }
    return most > 0;
}

/* The correlation at any shift: with b'(t) = a(t + s), A conj(B') = |A|^2 exp(-2 pi i k s / L), which adds up at s. */
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

/* Correlation coefficient of the row gradients of a(t + s) and b'(t) where both are. */
static double match_at(const struct views *v, long shift)
{
    long n = (long)v->columns;
    long from = shift < 0 ? -shift : 0, to = (shift > 0 ? n - shift : n) - 1;
    double saa = 0, sbb = 0, sab = 0, sa = 0, sb = 0, count = 0;
    if ((double)(to - from) < COMMON * (double)n) {
        return 0;
    }
    for (size_t row = 0; row < v->rows; row += v->row_step) {
        const float *a = v->zero + row * v->columns, *b = v->opposite + row * v->columns;
        for (long t = from; t < to; t++) {
            double da = (double)a[t + shift + 1] - (double)a[t + shift], db = (double)b[n - 2 - t] - (double)b[n - 1 - t];
            if (isfinite(da) && isfinite(db)) {
                saa += da * da;
                sbb += db * db;
                sab += da * db;
                sa += da;
                sb += db;
                count++;
            }
        }
    }
    double va = saa - sa * sa / fmax(count, 1), vb = sbb - sb * sb / fmax(count, 1), cov = sab - sa * sb / fmax(count, 1);
    return count > 0 && va > 0 && vb > 0 ? cov / sqrt(va * vb) : 0;
}

/* The highest peaks of the curve between shifts from and to, apart from one another, highest first. */
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

/* Confidence: how well the views match at the winner, times how much better than at the next best shift. */
static double judge(const struct peak *peak, size_t peaks, size_t winner)
{
    double rival = 0;
    for (size_t p = 0; p < peaks; p++) {
        rival = p != winner ? fmax(rival, peak[p].match) : rival;
    }
    double match = peak[winner].match;
    return match > 0 ? share((match - 0.05) / 0.6) * share(2 * (match - rival) / match) : 0;
}

bool centre_pc(const float *zero, const float *opposite, size_t rows, size_t columns, double lo, double hi,
               struct centre_result *ret, struct err *err)
{
    bool ok = false;
    if (rows == 0 || columns < COLUMNS_MIN) {
        return err_set(err, ERR_FORMAT, "views of %zu rows and %zu columns are too small to find their axis", rows, columns);
    }
    struct views v = {zero, opposite, rows, columns, fft_good_size(2 * columns), (rows + ROWS_MAX - 1) / ROWS_MAX};
    struct spectrum s = {.count = v.length / 2 + 1};
    struct peak peak[PEAKS];
    double last = (double)columns - 1;
    double *curve = mem_array(v.length, sizeof *curve, err);
    s.re = mem_array(s.count, sizeof *s.re, err);
    s.im = mem_array(s.count, sizeof *s.im, err);
    if (!curve || !s.re || !s.im || !cross_spectrum(&v, &s, err)) {
        goto out;
    }
    lo = lo < hi ? fmax(lo, 0) : 0;
    hi = lo < hi ? fmin(hi, last) : last;
    *ret = (struct centre_result){(lo + hi) / 2, 0};
    if (whiten(&s, v.length)) {
        if (!correlation_curve(&s, v.length, curve, err)) {
            goto out;
        }
        size_t peaks = find_peaks(curve, v.length, (long)ceil(2 * lo - last), (long)floor(2 * hi - last), peak);
        size_t winner = 0;
        for (size_t p = 0; p < peaks; p++) {
            peak[p].match = match_at(&v, peak[p].shift);
            winner = peak[p].match > peak[winner].match ? p : winner;
        }
        if (peaks > 0) {
            double shift = refine(&s, v.length, peak[winner].shift);
            *ret = (struct centre_result){(last + shift) / 2, judge(peak, peaks, winner)};
        }
    }
    ok = true;
out:
    mem_free(s.im);
    mem_free(s.re);
    mem_free(curve);
    return ok;
}
