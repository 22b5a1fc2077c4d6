/*
 * Lines through the filter, two at a time as real and imaginary part.
 *
 * 1. A line of N samples is filtered at length L >= 2N, so that the convolution with the ramp does
 * not wrap around.
 * 2. A line that does not end in air (the specimen is wider than the detector) would show a step at
 * its end, and the slice a bright rim. Such a line is continued by its end value, falling to 0 as a
 * cosine over EXTEND * N samples. That continuation has a fixed shape, so what it adds to the
 * filtered line is  end value * fixed curve: the curve is computed once, at a length where nothing
 * wraps, and closing a line costs two products a sample.
 * 3. The window about the centre is cut out. Off the detector the line's own tail is true for a
 * quarter of N and is faded to 0 until half of N; further out there is nothing.
 */
#include "math/recon-plan.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/fft.h"

/* How far lines are continued, in columns: longer changes the level in the slice, shorter leaves a
 * rim. */
#define EXTEND 0.5

/* End values are means over a few samples, so that one noisy pixel does not colour its whole line.
 */
#define EDGE_SHARE 128
#define EDGE_MAX 8

/* The transform of the continued end at a length that holds line, continuation and the kernel's
 * reach. */
static bool right_curve(struct recon *r, enum filter_kind kind, struct err *err)
{
    bool ok = false;
    size_t reach = (size_t)ceil(EXTEND * (double)r->columns);
    size_t length = fft_good_size(4 * r->columns + 2 * reach);
    double *response = mem_array(length / 2 + 1, sizeof *response, err);
    float *line = mem_big(2 * length, sizeof *line, err);
    fftwf_plan forward = fft_plan_line(length, FFT_FORWARD, err);
    fftwf_plan backward = forward ? fft_plan_line(length, FFT_BACKWARD, err) : NULL;
    if (!response || !line || !forward || !backward ||
        !filter_response(kind, length, response, err)) {
        goto out;
    }
    memset(line, 0, 2 * length * sizeof *line);
    for (size_t i = 0; i < reach; i++) {
        line[2 * (r->columns + i)] =
            (float)(0.5 + 0.5 * cos(M_PI * (double)(i + 1) / (double)(reach + 1)));
    }
    fftwf_execute_dft(forward, (fftwf_complex *)line, (fftwf_complex *)line);
    for (size_t k = 0; k < length; k++) {
        float h = (float)(response[k <= length / 2 ? k : length - k] / (double)length);
        line[2 * k] *= h;
        line[2 * k + 1] *= h;
    }
    fftwf_execute_dft(backward, (fftwf_complex *)line, (fftwf_complex *)line);
    long n = (long)r->columns, far = n / 2;
    for (long i = -far; i < n + far; i++) {
        size_t here = (size_t)(i < 0 ? i + (long)length : i),
               at = (size_t)(i < 0 ? i + (long)r->length : i);
        long mirror = n - 1 - i;
        r->right_curve[at] = line[2 * here];
        r->left_curve[mirror < 0 ? mirror + (long)r->length : mirror] = line[2 * here];
    }
    ok = true;
out:
    fft_plan_free(backward);
    fft_plan_free(forward);
    mem_free(line);
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
    r->left_curve = mem_array(r->length, sizeof *r->left_curve, err);
    r->right_curve = mem_array(r->length, sizeof *r->right_curve, err);
    if (!response || !r->response || !r->left_curve || !r->right_curve) {
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
    ok = !r->extend || right_curve(r, kind, err);
out:
    mem_free(response);
    return ok;
}

void recon_filter_fini(struct recon *r)
{
    fft_plan_free(r->backward);
    fft_plan_free(r->forward);
    mem_free(r->right_curve);
    mem_free(r->left_curve);
    mem_free(r->response);
}

/* Mean of the first and of the last samples of slice `part` (0, 1) of the packed line. */
static void line_ends(const struct recon *r, const float *pairs, size_t part, float end[4])
{
    float left = 0, right = 0;
    for (size_t i = 0; i < r->edge; i++) {
        left += pairs[2 * i + part];
        right += pairs[2 * (r->columns - 1 - i) + part];
    }
    end[part] = left / (float)r->edge;
    end[2 + part] = right / (float)r->edge;
}

void recon_filter_pair(const struct recon *r, struct work *w, const float *a, const float *b,
                       float ret_end[4])
{
    fftwf_complex *line = (fftwf_complex *)w->line;
    r->kernels->pack(a, b, r->columns, w->line);
    memset(w->line + 2 * r->columns, 0, 2 * (r->length - r->columns) * sizeof *w->line);
    memset(ret_end, 0, 4 * sizeof *ret_end);
    if (r->extend) {
        line_ends(r, w->line, 0, ret_end);
        line_ends(r, w->line, 1, ret_end);
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
static void cut_apart(const struct recon *r, const struct work *w, const float end[4],
                      const long start[2], float *const fade[2], size_t count, float *pairs)
{
    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < count; i++) {
            size_t at = place_of(r, start[part] + (long)i);
            float v = 0;
            if (at < r->length) {
                v = fade[part][i] *
                    (w->line[2 * at + part] + end[part] * r->left_curve[at] +
                     end[2 + part] * r->right_curve[at]);
            }
            pairs[2 * i + part] = v;
        }
    }
}

void recon_cut(const struct recon *r, const struct work *w, const float end[4], const long start[2],
               float *const fade[2], size_t count, float *ret_pairs)
{
    if (start[0] != start[1]) {
        cut_apart(r, w, end, start, fade, count, ret_pairs);
        return;
    }
    long n = (long)r->columns, far = n / 2;
    long stop = start[0] + (long)count;
    long from = start[0] < -far ? -far : start[0], to = stop > n + far ? n + far : stop;
    from = from > to ? to : from;
    long cuts[3] = {from, from < 0 ? (to < 0 ? to : 0) : from,
                    to}; /* left of the detector's start, then the rest */
    if (from > start[0]) {
        long none = (from < stop ? from : stop) - start[0];
        memset(ret_pairs, 0, (size_t)none * 2 * sizeof *ret_pairs);
    }
    for (int part = 0; part < 2; part++) {
        if (cuts[part + 1] > cuts[part]) {
            size_t at = place_of(r, cuts[part]), i = (size_t)(cuts[part] - start[0]);
            struct window_job job = {.pairs = w->line + 2 * at,
                                     .left_curve = r->left_curve + at,
                                     .right_curve = r->right_curve + at,
                                     .left = {end[0], end[1]},
                                     .right = {end[2], end[3]},
                                     .weight = fade[0] + i,
                                     .count = (size_t)(cuts[part + 1] - cuts[part])};
            r->kernels->window(&job, ret_pairs + 2 * i);
        }
    }
    if (stop > to) {
        long i = to > start[0] ? to - start[0] : 0;
        memset(ret_pairs + 2 * i, 0, (count - (size_t)i) * 2 * sizeof *ret_pairs);
    }
}
