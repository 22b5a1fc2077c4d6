/*
 * linerec: plain filtered back-projection with linear interpolation between samples, the reference
 * that fourierrec is measured against.
 *
 * Eight slices about one centre go together, one in each lane of a vector, so that an interpolation
 * is two loads and needs no gathering. Lines are filtered in blocks of angles and added to all
 * pixels before the next block, which keeps them in the cache. Threads share the rows of the image;
 * every pixel is summed in the order of the angles.
 */
#include "math/recon-plan.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"

/* Angles filtered at a time: 32 lines of 1024 x 8 lanes are 1 MB. */
enum { LINE_BLOCK = 32 };

/* Samples beyond the circle on either side: interpolation reads one, rounding may ask for another.
 */
enum { LINE_MARGIN = 3 };

struct line_state {
    size_t length;  /* samples of a line's window */
    long start;     /* its first sample on the detector */
    double centre;  /* in the window */
    float *fade;    /* [length] */
    float *closing; /* [LINE_LANES][2][line length]: recon_closing()'s, a lane each */
    float *lines;   /* [LINE_BLOCK][length][LINE_LANES] */
    float *pairs;   /* [threads][2 length] */
    float *sum;     /* [width * width][LINE_LANES] */
};

/* Filter angles first .. first + count - 1 of up to 8 sinograms into the lanes. */
static void filter_block(const struct recon *r, const struct line_state *s, const float *sino,
                         size_t slices, size_t first, size_t count)
{
    size_t one = r->angles * r->columns;
    long jobs = (long)(count * (LINE_LANES / 2));
#pragma omp parallel for schedule(static) num_threads(r->threads)
    for (long job = 0; job < jobs; job++) {
        struct work *w = &r->work[omp_get_thread_num()];
        float *pairs = s->pairs + (size_t)omp_get_thread_num() * 2 * s->length;
        size_t i = (size_t)job / (LINE_LANES / 2), lane = (size_t)job % (LINE_LANES / 2) * 2;
        float *line = s->lines + i * s->length * LINE_LANES + lane, end[2][2];
        if (lane >= slices) {
            for (size_t k = 0; k < s->length; k++) {
                line[k * LINE_LANES] = line[k * LINE_LANES + 1] = 0;
            }
            continue;
        }
        const float *a = sino + lane * one + (first + i) * r->columns,
                    *b = lane + 1 < slices ? a + one : NULL;
        recon_filter_pair(r, w, a, b, end);
        const float *closing = s->closing + lane * 2 * r->length;
        struct cut cut = {.start = {s->start, s->start},
                          .fade = {s->fade, s->fade},
                          .count = s->length,
                          .closing = {closing, closing + 2 * r->length}};
        recon_cut(r, w, end, &cut, pairs);
        for (size_t k = 0; k < s->length; k++) {
            line[k * LINE_LANES] = pairs[2 * k] * r->weight[first + i];
            line[k * LINE_LANES + 1] = pairs[2 * k + 1] * r->weight[first + i];
        }
    }
}

static void add_block(const struct recon *r, const struct line_state *s, size_t first, size_t count)
{
    double middle = ((double)r->width - 1) / 2, radius = (double)r->width / 2;
#pragma omp parallel for schedule(dynamic, 8) num_threads(r->threads)
    for (long row = 0; row < (long)r->width; row++) {
        double y = (double)row - middle, half = sqrt(fmax(0, radius * radius - y * y));
        double from = fmax(0, ceil(middle - half)),
               to = fmin((double)r->width, floor(middle + half) + 1);
        double start[LINE_BLOCK];
        for (size_t i = 0; i < count; i++) {
            start[i] = s->centre + (from - middle) * r->cosine[first + i] + y * r->sine[first + i];
        }
        struct line_job job = {.lines = s->lines,
                               .length = s->length,
                               .angles = count,
                               .start = start,
                               .step = r->cosine + first,
                               .pixels = to > from ? (size_t)(to - from) : 0,
                               .sum =
                                   s->sum + ((size_t)row * r->width + (size_t)from) * LINE_LANES};
        r->kernels->line_add(&job);
    }
}

/* Up to 8 slices about one centre. */
static void line_group(const struct recon *r, struct line_state *s, const float *sino,
                       size_t slices, double centre, float *ret)
{
    size_t pixels = r->width * r->width;
    s->start = recon_window_start(centre, s->length);
    s->centre = centre - (double)s->start;
    recon_fade(r, s->start, s->length, NULL, s->fade);
    for (size_t lane = 0; lane < LINE_LANES; lane++) {
        recon_closing(r, lane < slices ? sino + lane * r->angles * r->columns : NULL,
                      s->closing + lane * 2 * r->length);
    }
    memset(s->sum, 0, pixels * LINE_LANES * sizeof *s->sum);
    for (size_t first = 0; first < r->angles; first += LINE_BLOCK) {
        size_t count = r->angles - first < LINE_BLOCK ? r->angles - first : LINE_BLOCK;
        filter_block(r, s, sino, slices, first, count);
        add_block(r, s, first, count);
    }
    for (size_t lane = 0; lane < slices; lane++) {
        for (size_t i = 0; i < pixels; i++) {
            ret[lane * pixels + i] = s->sum[i * LINE_LANES + lane];
        }
    }
}

bool recon_line_slices(const struct recon *r, const float *sino, size_t slices,
                       const double *centre, float *ret, struct err *err)
{
    struct line_state s = {.length = r->width + 2 * LINE_MARGIN};
    size_t pixels = r->width * r->width;
    s.fade = mem_array(s.length, sizeof *s.fade, err);
    s.lines = mem_big(LINE_BLOCK * s.length * LINE_LANES, sizeof *s.lines, err);
    s.pairs = mem_big(r->threads * 2 * s.length, sizeof *s.pairs, err);
    s.sum = mem_big(pixels * LINE_LANES, sizeof *s.sum, err);
    s.closing = mem_array(LINE_LANES * 2 * r->length, sizeof *s.closing, err);
    bool ok = s.fade && s.closing && s.lines && s.pairs && s.sum;
    for (size_t done = 0; ok && done < slices;) {
        size_t end = done + 1;
        while (end < slices && end - done < LINE_LANES && centre[end] == centre[done]) {
            end++;
        }
        line_group(r, &s, sino + done * r->angles * r->columns, end - done, centre[done],
                   ret + done * pixels);
        done = end;
    }
    mem_free(s.sum);
    mem_free(s.pairs);
    mem_free(s.lines);
    mem_free(s.closing);
    mem_free(s.fade);
    return ok;
}
