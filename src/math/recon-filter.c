/*
 * Lines through the filter, two at a time as real and imaginary part.
 *
 * 1. A line of N samples is filtered at length L >= 2N, so that the convolution with the ramp does
 * not wrap around.
 * 2. A line that does not end in air (the specimen is wider than the detector) would show a step at
 * its end, and the slice a bright rim. Such a line is continued as a round body would: as sqrt(1 -
 * (t / R)^2), scaled to the end value of the line (Hsieh et al., Med. Phys. 31, 2385, 2004). R, in
 * half widths of the detector, is told by how high the lines end, on average and on either side,
 * against their middle: q = sqrt(1 - 1 / R^2). A continuation of fixed R has a fixed shape, so what
 * it adds to a filtered line is  end value * fixed curve: curves for a few R are made once, at a
 * length where nothing wraps, each sinogram blends two of them, and closing a line costs two
 * products a sample.
 * 3. The window about the centre is cut out. Off the detector the line's own tail is true for a
 * quarter of N and is faded to 0 until half of N; further out there is nothing.
 */
#include "math/recon-plan.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/fft.h"

/* Radii of round bodies that curves are made for, in half widths of the detector. The first stands
 * in for smaller ones, scaled down; a body beyond the last cannot be told from it. A fixed
 * continuation of N/2 instead leaves a disk of R = 1.2 39 % too low at its rim, none at all 71 %
 * too high. */
static const double radius[] = {1.02, 1.05, 1.1, 1.2, 1.4, 1.8, 2.5, 4, 7};
enum { ENDS = sizeof radius / sizeof radius[0] };

/* End values are means over a few samples, so that one noisy pixel does not colour its whole line.
 */
#define EDGE_SHARE 128
#define EDGE_MAX 8

/* The middle of lines is averaged over every so many columns. */
enum { MIDDLE_STEP = 4 };

/* A right end of value 1 continued as by a body of radius R, from column `columns` on. */
static void continue_end(size_t columns, double R, size_t length, float *pairs)
{
    double end = sqrt(1 - 1 / (R * R));
    memset(pairs, 0, 2 * length * sizeof *pairs);
    for (size_t i = columns; i < length - columns; i++) {
        double t = (2.0 * (double)i + 1 - (double)columns) /
            (double)columns; /* 1 at the end of the last pixel */
        double square = 1 - t * t / (R * R);
        pairs[2 * i] = square > 0 ? (float)(sqrt(square) / end) : 0;
    }
}

/* One curve of the bank from the filtered continuation. */
static void store_curve(const struct recon *r, const float *pairs, size_t length, float *curve)
{
    long n = (long)r->columns, far = n / 2;
    memset(curve, 0, r->length * sizeof *curve);
    for (long i = -far; i < n + far; i++) {
        curve[i < 0 ? i + (long)r->length : i] = pairs[2 * (i < 0 ? i + (long)length : i)];
    }
}

static bool fill_bank(struct recon *r, enum filter_kind kind, struct err *err)
{
    bool ok = false;
    size_t length = fft_good_size((size_t)ceil((radius[ENDS - 1] + 4) * (double)r->columns));
    double *response = mem_array(length / 2 + 1, sizeof *response, err);
    float *pairs = mem_big(2 * length, sizeof *pairs, err);
    fftwf_plan forward = fft_plan_line(length, FFT_FORWARD, err);
    fftwf_plan backward = forward ? fft_plan_line(length, FFT_BACKWARD, err) : NULL;
    if (!response || !pairs || !backward || !filter_response(kind, length, response, err)) {
        goto out;
    }
    for (size_t e = 0; e < ENDS; e++) {
        continue_end(r->columns, radius[e], length, pairs);
        fftwf_execute_dft(forward, (fftwf_complex *)pairs, (fftwf_complex *)pairs);
        for (size_t k = 0; k < length; k++) {
            float h = (float)(response[k <= length / 2 ? k : length - k] / (double)length);
            pairs[2 * k] *= h;
            pairs[2 * k + 1] *= h;
        }
        fftwf_execute_dft(backward, (fftwf_complex *)pairs, (fftwf_complex *)pairs);
        store_curve(r, pairs, length, r->bank + e * r->length);
    }
    ok = true;
out:
    fft_plan_free(backward);
    fft_plan_free(forward);
    mem_free(pairs);
    mem_free(response);
    return ok;
}

bool recon_filter_init(struct recon *r, enum filter_kind kind, struct err *err)
{
    bool ok = false;
    double *response = NULL;
    r->length = fft_good_size(2 * r->columns);
    r->edge = r->columns / EDGE_SHARE;
    r->edge = r->edge < 1 ? 1 : r->edge > EDGE_MAX ? EDGE_MAX : r->edge;
    r->extend = r->extend && kind != FILTER_NONE;
    response = mem_array(r->length / 2 + 1, sizeof *response, err);
    r->response = mem_big(2 * r->length, sizeof *r->response, err);
    r->bank = r->extend ? mem_array(ENDS * r->length, sizeof *r->bank, err) : NULL;
    if (!response || !r->response || (r->extend && !r->bank)) {
        goto out;
    }
    r->forward = fft_plan_line(r->length, FFT_FORWARD, err);
    r->backward = r->forward ? fft_plan_line(r->length, FFT_BACKWARD, err) : NULL;
    if (!r->backward || !filter_response(kind, r->length, response, err)) {
        goto out;
    }
    for (size_t k = 0; k < r->length; k++) {
        float h = (float)(response[k <= r->length / 2 ? k : r->length - k] / (double)r->length);
        r->response[2 * k] = h;
        r->response[2 * k + 1] = h;
    }
    ok = !r->extend || fill_bank(r, kind, err);
out:
    mem_free(response);
    return ok;
}

void recon_filter_fini(struct recon *r)
{
    fft_plan_free(r->backward);
    fft_plan_free(r->forward);
    mem_free(r->bank);
    mem_free(r->response);
}

/* Height of the lines' ends (left, right) against their middle third, on average over the views. */
static void end_shares(const struct recon *r, const float *sino, double ret_share[2])
{
    double end[2] = {0, 0}, middle = 0, used = 0;
    for (size_t a = 0; a < r->angles; a++) {
        const float *line = sino + a * r->columns;
        for (size_t i = 0; i < r->edge; i++) {
            end[0] += isfinite(line[i]) ? (double)line[i] : 0;
            end[1] += isfinite(line[r->columns - 1 - i]) ? (double)line[r->columns - 1 - i] : 0;
        }
        for (size_t i = r->columns / 3; i < r->columns - r->columns / 3; i += MIDDLE_STEP) {
            middle += isfinite(line[i]) ? (double)line[i] : 0;
            used++;
        }
    }
    for (int side = 0; side < 2; side++) {
        double value = end[side] / (double)(r->edge * r->angles),
               whole = used > 0 ? middle / used : 0;
        ret_share[side] = whole > 0 && value > 0 ? value / whole : 0;
    }
}

/* The curve of a body that ends lines at `share` of their middle, to the right. */
static void blend(const struct recon *r, double share, float *ret_curve)
{
    double q = fmin(share, 0.9999), R = 1 / sqrt(1 - q * q);
    size_t e = 0;
    while (e + 1 < ENDS && radius[e + 1] <= R) {
        e++;
    }
    double part = e + 1 < ENDS ? (R - radius[e]) / (radius[e + 1] - radius[e]) : 0;
    const float *low = r->bank + e * r->length, *high = e + 1 < ENDS ? low + r->length : low;
    float a = (float)(1 - part), b = (float)part;
    if (R < radius[0]) {
        a = (float)((R - 1) / (radius[0] - 1)); /* less and less of the smallest */
        b = 0;
    }
    for (size_t i = 0; i < r->length; i++) {
        ret_curve[i] = a * low[i] + b * high[i];
    }
}

void recon_closing(const struct recon *r, const float *sino, float *ret_curve)
{
    double share[2];
    float *left = ret_curve, *right = ret_curve + r->length;
    if (!r->extend || !sino) {
        memset(ret_curve, 0, 2 * r->length * sizeof *ret_curve);
        return;
    }
    end_shares(r, sino, share);
    blend(r, share[0], right); /* to be mirrored */
    long n = (long)r->columns, far = n / 2;
    memset(left, 0, r->length * sizeof *left);
    for (long i = -far; i < n + far; i++) {
        long mirror = n - 1 - i;
        left[mirror < 0 ? mirror + (long)r->length : mirror] =
            right[i < 0 ? i + (long)r->length : i];
    }
    blend(r, share[1], right);
}

/* Means of the first and of the last samples of slice `part` (0, 1) of the packed line. */
static void line_ends(const struct recon *r, const float *pairs, size_t part, float end[2])
{
    float left = 0, right = 0;
    for (size_t i = 0; i < r->edge; i++) {
        left += pairs[2 * i + part];
        right += pairs[2 * (r->columns - 1 - i) + part];
    }
    end[0] = left / (float)r->edge;
    end[1] = right / (float)r->edge;
}

void recon_filter_pair(const struct recon *r, struct work *w, const float *a, const float *b,
                       float ret_end[2][2])
{
    fftwf_complex *line = (fftwf_complex *)w->line;
    r->kernels->pack(a, b, r->columns, w->line);
    memset(w->line + 2 * r->columns, 0, 2 * (r->length - r->columns) * sizeof *w->line);
    memset(ret_end, 0, 2 * sizeof ret_end[0]);
    if (r->extend) {
        line_ends(r, w->line, 0, ret_end[0]);
        line_ends(r, w->line, 1, ret_end[1]);
    }
    fftwf_execute_dft(r->forward, line, line);
    r->kernels->scale(w->line, r->response, 2 * r->length);
    fftwf_execute_dft(r->backward, line, line);
}

long recon_window_start(double centre, size_t count)
{
    return (long)floor(centre + 0.5) - (long)(count / 2);
}

void recon_fade(const struct recon *r, long start, size_t count, const float *shape,
                float *ret_fade)
{
    double n = (double)r->columns;
    for (size_t i = 0; i < count; i++) {
        double at = (double)(start + (long)i);
        double off = at < 0 ? -at : at > n - 1 ? at - (n - 1) : 0;
        double share = off <= n / 4 ? 1
            : off >= floor(n / 2)   ? 0
                                    : 0.5 + 0.5 * cos(M_PI * (off - n / 4) / (n / 4));
        ret_fade[i] = (float)share * (shape ? shape[i] : 1.0f);
    }
}

/* Index of a place on the line, which may lie off the detector, in the circular array; length where
 * nothing is. */
static size_t place_of(const struct recon *r, long at)
{
    long n = (long)r->columns, far = n / 2;
    if (at < -far || at >= n + far) {
        return r->length;
    }
    return (size_t)(at < 0 ? at + (long)r->length : at);
}

/* The two slices begin at different places: sample by sample. */
static void cut_apart(const struct recon *r, const struct work *w, const float end[2][2],
                      const struct cut *cut, float *pairs)
{
    for (size_t part = 0; part < 2; part++) {
        const float *left = cut->closing[part], *right = left + r->length;
        for (size_t i = 0; i < cut->count; i++) {
            size_t at = place_of(r, cut->start[part] + (long)i);
            float v = 0;
            if (at < r->length) {
                v = cut->fade[part][i] *
                    (w->line[2 * at + part] + end[part][0] * left[at] + end[part][1] * right[at]);
            }
            pairs[2 * i + part] = v;
        }
    }
}

/* A run of samples from place `from` to `to` of the line, all on one side of its index 0. */
static void cut_run(const struct recon *r, const struct work *w, const float end[2][2],
                    const struct cut *cut, long from, long to, float *pairs)
{
    size_t at = place_of(r, from), i = (size_t)(from - cut->start[0]);
    struct window_job job = {.pairs = w->line + 2 * at, .count = (size_t)(to - from)};
    for (int part = 0; part < 2; part++) {
        job.weight[part] = cut->fade[part] + i;
        for (int side = 0; side < 2; side++) {
            job.curve[part][side] = cut->closing[part] + (size_t)side * r->length + at;
            job.end[part][side] = end[part][side];
        }
    }
    r->kernels->window(&job, pairs + 2 * i);
}

void recon_cut(const struct recon *r, const struct work *w, const float end[2][2],
               const struct cut *cut, float *ret_pairs)
{
    if (cut->start[0] != cut->start[1]) {
        cut_apart(r, w, end, cut, ret_pairs);
        return;
    }
    long n = (long)r->columns, far = n / 2, start = cut->start[0], stop = start + (long)cut->count;
    long from = start < -far ? -far : start, to = stop > n + far ? n + far : stop;
    if (from >= to) { /* wholly off the detector */
        memset(ret_pairs, 0, cut->count * 2 * sizeof *ret_pairs);
        return;
    }
    memset(ret_pairs, 0, (size_t)(from - start) * 2 * sizeof *ret_pairs);
    memset(ret_pairs + 2 * (to - start), 0, (size_t)(stop - to) * 2 * sizeof *ret_pairs);
    if (from < 0) {
        cut_run(r, w, end, cut, from, to < 0 ? to : 0, ret_pairs);
    }
    if (to > 0) {
        cut_run(r, w, end, cut, from < 0 ? 0 : from, to, ret_pairs);
    }
}
