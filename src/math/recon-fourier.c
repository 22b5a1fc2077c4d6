/*
 * fourierrec: from filtered lines to slices by a non-uniform Fourier transform (Fourier slice
 * theorem; gridding after Barnett, Magland & af Klinteberg 2019).
 *
 * For a pair of slices, a as real part and b as imaginary part:
 * 1. Each line is filtered and the window of `radial` samples about the centre is transformed to
 * radial frequencies.
 * 2. The line is turned to its exact centre by a phase per frequency. With two different centres
 * the two spectra are taken apart by their symmetry on the way. The unpaired Nyquist frequency is
 * left out: it would carry a into b.
 * 3. Every frequency is spread over 6 x 6 cells of the Fourier plane with the kernel exp(beta
 * (sqrt(1 - z^2) - 1)).
 * 4. Guard cells are folded back, the grid is turned by half a pixel (even widths: pixel centres
 * lie between the transform's own), and transformed: all rows, then only the columns that are
 * wanted.
 * 5. The pixels are divided by the kernel's transform and written inside the circle.
 *
 * Work goes by blocks of angles so that lines stay in the cache; within a block the spreading goes
 * ring by ring.
 */
#include "math/recon-plan.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "math/fft.h"

/* Radial samples and grid cells per pixel. The window's surplus holds the fade; 1.25 cells a pixel
 * with 6 cells of kernel is the cheapest pair that stays over 100 dB inside 0.95 of the radius. */
#define RADIAL_SURPLUS 1.125
#define GRID_SURPLUS 1.25

/* Added to both below 256 pixels, so that a slice of a few pixels has room too (and sizes come as
 * multiples of COLUMN_BLOCK). */
#define SMALL_SURPLUS 32

/* beta = SHAPE pi w (1 - 1 / (2 sigma)), the kernel's sharpness; SHAPE is Barnett's 0.976 tuned for
 * low sigma. */
#define SHAPE 0.97

/* Rows above the grid proper, and below it: half a kernel. */
enum { GUARD_ROWS = SPREAD_WIDTH / 2 };

static double spread_kernel(double cells, double beta)
{
    double z = 2 * cells / SPREAD_WIDTH;
    return fabs(z) >= 1 ? 0 : exp(beta * (sqrt(1 - z * z) - 1));
}

static void fill_table(float *table, double beta)
{
    for (int step = 0; step <= SPREAD_STEPS; step++) {
        for (int i = 0; i < SPREAD_WIDTH; i++) {
            double cell = i - (SPREAD_WIDTH / 2 - 1);
            double here = spread_kernel(cell - (double)step / SPREAD_STEPS, beta);
            double next = spread_kernel(cell - (double)(step + 1) / SPREAD_STEPS, beta);
            table[step * SPREAD_ROW + i] = (float)here;
            table[step * SPREAD_ROW + 8 + i] = (float)(next - here);
        }
    }
}

/* 1 / transform of the kernel at each pixel. The kernel in use is the table's, linear between its
 * steps: its transform is the sum over the steps times sinc^2 of a step. */
static void fill_crop(struct recon *r, double beta)
{
    int side = SPREAD_WIDTH / 2 * SPREAD_STEPS;
    for (size_t x = 0; x < r->width; x++) {
        double frequency = ((double)x - ((double)r->width - 1) / 2) / (double)r->cells;
        double step = 2 * M_PI * frequency / SPREAD_STEPS;
        double sum = 1;
        for (int i = 1; i < side; i++) {
            sum += 2 * spread_kernel((double)i / SPREAD_STEPS, beta) * cos(step * i);
        }
        double sinc = fabs(step) > 1e-12 ? sin(step / 2) / (step / 2) : 1;
        double sign =
            ((x + r->width / 2) & 1) ? -1 : 1; /* frequency 0 stands in the grid's middle */
        r->crop[x] = (float)(sign * SPREAD_STEPS / (sum * sinc * sinc));
    }
}

/* 1 where pixels look (radius width / 2 and a little), falling to 0 at both ends so that the window
 * closes on itself. */
static void fill_window(struct recon *r)
{
    double middle = (double)(r->radial / 2), inner = (double)r->width / 2 + 2,
           outer = (double)(r->radial / 2);
    for (size_t i = 0; i < r->radial; i++) {
        double off = fabs((double)i - middle);
        double flat = inner + (outer - inner) / 2;
        double z = (off - flat) / (outer - flat);
        r->window[i] = (float)(z <= 0 ? 1 : z >= 1 ? 0 : 0.5 + 0.5 * cos(M_PI * z));
    }
}

static void fill_circle(struct recon *r)
{
    double radius = (double)r->width / 2, middle = ((double)r->width - 1) / 2;
    for (size_t y = 0; y < r->width; y++) {
        double dy = (double)y - middle, half = sqrt(fmax(0, radius * radius - dy * dy));
        double from = fmax(0, ceil(middle - half)),
               to = fmin((double)r->width, floor(middle + half) + 1);
        r->circle[y] = (struct span){(uint32_t)from, (uint32_t)fmax(from, to)};
    }
}

static void fill_half_pixel(struct recon *r)
{
    for (size_t i = 0; i < 2 * r->cells; i++) {
        double angle = M_PI * ((double)i - (double)r->cells) / (double)r->cells;
        r->half_re[2 * i] = r->half_re[2 * i + 1] = (float)cos(angle);
        r->half_im[2 * i] = (float)-sin(angle);
        r->half_im[2 * i + 1] = (float)sin(angle);
    }
}

static bool fourier_plans(struct recon *r, struct err *err)
{
    struct fft_many columns = {.length = r->cells,
                               .count = COLUMN_BLOCK,
                               .stride = r->stride,
                               .distance = 1,
                               .direction = FFT_BACKWARD};
    r->radial_forward = fft_plan_line(r->radial, FFT_FORWARD, err);
    r->row_backward = r->radial_forward ? fft_plan_line(r->cells, FFT_BACKWARD, err) : NULL;
    r->columns_backward = r->row_backward ? fft_plan_many(&columns, err) : NULL;
    return r->columns_backward != NULL;
}

bool recon_fourier_init(struct recon *r, struct err *err)
{
    r->radial = fft_good_size((size_t)ceil(RADIAL_SURPLUS * (double)r->width) +
                              (r->width < 256 ? SMALL_SURPLUS : 0));
    r->cells = fft_good_size((size_t)ceil(GRID_SURPLUS * (double)r->width) +
                             (r->width < 256 ? SMALL_SURPLUS : 0));
    r->stride = r->cells + 2 * SPREAD_GUARD;
    r->stride += r->stride % 256 == 0 ? 8 : 0; /* rows 2 KB apart fall into one cache set */
    r->grid_rows = r->cells + 2 * GUARD_ROWS;
    r->window = mem_array(r->radial, sizeof *r->window, err);
    r->table = mem_big((SPREAD_STEPS + 1) * SPREAD_ROW, sizeof *r->table, err);
    r->crop = mem_array(r->width, sizeof *r->crop, err);
    r->circle = mem_array(r->width, sizeof *r->circle, err);
    r->cos_step = mem_array(r->angles, sizeof *r->cos_step, err);
    r->sin_step = mem_array(r->angles, sizeof *r->sin_step, err);
    if (!r->window || !r->table || !r->crop || !r->circle || !r->cos_step || !r->sin_step) {
        return false;
    }
    if (r->width % 2 == 0) {
        r->half_re = mem_array(4 * r->cells, sizeof *r->half_re, err);
        r->half_im = mem_array(4 * r->cells, sizeof *r->half_im, err);
        if (!r->half_re || !r->half_im) {
            return false;
        }
        fill_half_pixel(r);
    }
    double sigma = (double)r->cells / (double)r->width;
    double beta = SHAPE * M_PI * SPREAD_WIDTH * (1 - 1 / (2 * (sigma > 2 ? 2 : sigma)));
    memset(r->table, 0, (SPREAD_STEPS + 1) * SPREAD_ROW * sizeof *r->table);
    fill_table(r->table, beta);
    fill_crop(r, beta);
    fill_window(r);
    fill_circle(r);
    for (size_t i = 0; i < r->angles; i++) {
        r->cos_step[i] = (float)(r->cosine[i] * (double)r->cells / (double)r->radial);
        r->sin_step[i] = (float)(r->sine[i] * (double)r->cells / (double)r->radial);
    }
    return fourier_plans(r, err);
}

void recon_fourier_fini(struct recon *r)
{
    fft_plan_free(r->columns_backward);
    fft_plan_free(r->row_backward);
    fft_plan_free(r->radial_forward);
    mem_free(r->half_im);
    mem_free(r->half_re);
    mem_free(r->sin_step);
    mem_free(r->cos_step);
    mem_free(r->circle);
    mem_free(r->crop);
    mem_free(r->table);
    mem_free(r->window);
}

/* ---- steps 1 and 2 ---- */

/* Turns to the two centres, which lie at local[0], local[1] of their windows. Equal: one factor a
 * frequency in (re, im). Different: Q' = Q S + conj(Q mirrored) D with S and D half the sum and
 * half the difference of the two turns; S stands in (re, im) as pairs in re, D as pairs in im. */
static void fill_turns(const struct recon *r, const double local[2], bool same, struct work *w)
{
    for (size_t k = 0; k < r->radial; k++) {
        double f = 2 * M_PI * (k < r->radial / 2 ? (double)k : (double)k - (double)r->radial) /
            (double)r->radial;
        double ca = cos(f * local[0]), sa = sin(f * local[0]), norm = 1 / (double)r->radial;
        if (same) {
            w->re[2 * k] = w->re[2 * k + 1] = (float)(ca * norm);
            w->im[2 * k] = (float)(-sa * norm);
            w->im[2 * k + 1] = (float)(sa * norm);
        } else {
            double cb = cos(f * local[1]), sb = sin(f * local[1]);
            w->re[2 * k] = (float)((ca + cb) / 2 * norm);
            w->re[2 * k + 1] = (float)((sa + sb) / 2 * norm);
            w->im[2 * k] = (float)((ca - cb) / 2 * norm);
            w->im[2 * k + 1] = (float)((sa - sb) / 2 * norm);
        }
    }
}

static void turn_apart(const struct recon *r, const struct work *w, float weight, float *q)
{
    q[0] *= weight * w->re[0];
    q[1] *= weight * w->re[0];
    for (size_t k = 1; k < r->radial / 2; k++) {
        size_t m = r->radial - k;
        float ar = q[2 * k] * weight, ai = q[2 * k + 1] * weight, br = q[2 * m] * weight,
              bi = q[2 * m + 1] * weight;
        float sr = w->re[2 * k], si = w->re[2 * k + 1], dr = w->im[2 * k], di = w->im[2 * k + 1];
        q[2 * k] = ar * sr - ai * si + br * dr + bi * di; /* A S + conj(B) D */
        q[2 * k + 1] = ar * si + ai * sr + br * di - bi * dr;
        q[2 * m] = br * sr + bi * si + ar * dr - ai * di; /* B conj(S) + conj(A) conj(D) */
        q[2 * m + 1] = bi * sr - br * si - ar * di - ai * dr;
    }
}

/* ---- steps 4 and 5 ---- */

static void fold_rows(const struct recon *r, float *grid, float sign)
{
    size_t row = 2 * r->stride;
    for (size_t g = 0; g < GUARD_ROWS; g++) {
        float *above = grid + g * row, *below = grid + (GUARD_ROWS + r->cells + g) * row;
        float *last = grid + (r->cells + g) * row, *first = grid + (GUARD_ROWS + g) * row;
        for (size_t i = 0; i < row; i++) {
            last[i] += sign * above[i];
            first[i] += sign * below[i];
        }
    }
}

/* `row` points at column 0. */
static void fold_columns(const struct recon *r, float *row, float sign)
{
    float *end = row + 2 * r->cells;
    for (int i = 0; i < 2 * SPREAD_GUARD; i++) {
        end[i - 2 * SPREAD_GUARD] += sign * row[i - 2 * SPREAD_GUARD];
        row[i] += sign * end[i];
    }
}

static float *grid_origin(const struct recon *r, const struct work *w)
{
    return w->grid + 2 * (GUARD_ROWS * r->stride + SPREAD_GUARD);
}

/* Columns first .. first + COLUMN_BLOCK - 1 of the transformed grid, as far as they are pixels, to
 * the images. Pixel x is column x - width/2 modulo cells; x0 is the first pixel that may lie in
 * this half, x1 one past the last. */
static void crop_block(const struct recon *r, const float *origin, size_t first, size_t x0,
                       size_t x1, long shift, float *const image[2])
{
    long begin = (long)first + shift, end = begin + COLUMN_BLOCK;
    long lo = begin < (long)x0 ? (long)x0 : begin, hi = end > (long)x1 ? (long)x1 : end;
    size_t half = r->width / 2;
    for (size_t y = 0; y < r->width; y++) {
        size_t row = y < half ? r->cells - half + y : y - half;
        long from = r->circle[y].from, to = r->circle[y].to;
        long a = from > lo ? from : lo, b = to < hi ? to : hi;
        if (a < b) {
            const float *pairs = origin + 2 * (row * r->stride + (size_t)(a - shift));
            size_t at = y * r->width + (size_t)a;
            r->kernels->unpack(pairs, r->crop + a, r->crop[y], (size_t)(b - a), image[0] + at,
                               image[1] ? image[1] + at : NULL);
        }
    }
}

static void grid_to_images(const struct recon *r, struct work *w, float *const image[2])
{
    float *origin = grid_origin(r, w);
    float sign = r->width % 2 ? 1.0f : -1.0f; /* half a pixel makes the frequency plane alternate */
    fold_rows(r, w->grid, sign);
    for (size_t y = 0; y < r->cells; y++) {
        float *row = origin + y * 2 * r->stride;
        fold_columns(r, row, sign);
        if (r->half_re) {
            r->kernels->turn(row, r->half_re + 2 * y, r->half_im + 2 * y, r->cells, 1.0f);
        }
        fftwf_execute_dft(r->row_backward, (fftwf_complex *)row, (fftwf_complex *)row);
    }
    for (size_t part = 0; part < 2; part++) {
        if (image[part]) {
            memset(image[part], 0, r->width * r->width * sizeof *image[part]);
        }
    }
    size_t half = r->width / 2, left = (r->cells - half) / COLUMN_BLOCK * COLUMN_BLOCK;
    for (size_t c = left; c < r->cells; c += COLUMN_BLOCK) { /* pixels 0 .. half - 1 */
        fftwf_complex *block = (fftwf_complex *)(origin + 2 * c);
        fftwf_execute_dft(r->columns_backward, block, block);
        crop_block(r, origin, c, 0, half, (long)half - (long)r->cells, image);
    }
    for (size_t c = 0; c < r->width - half; c += COLUMN_BLOCK) { /* pixels half .. width - 1 */
        fftwf_complex *block = (fftwf_complex *)(origin + 2 * c);
        fftwf_execute_dft(r->columns_backward, block, block);
        crop_block(r, origin, c, half, r->width, (long)half, image);
    }
}

static void spread_block(const struct recon *r, struct work *w, size_t first, size_t count)
{
    struct spread_job job = {.grid = grid_origin(r, w),
                             .stride = r->stride,
                             .cells = r->cells,
                             .table = r->table,
                             .lines = w->lines,
                             .length = r->radial,
                             .angles = count,
                             .cos_step = r->cos_step + first,
                             .sin_step = r->sin_step + first};
    r->kernels->spread(&job);
}

static void clear_grid(const struct recon *r, struct work *w)
{
    memset(w->grid, 0, r->grid_rows * 2 * r->stride * sizeof *w->grid);
}

void recon_fourier_pair(const struct recon *r, struct work *w, const struct pair *p)
{
    long start[2];
    double local[2];
    float *fade[2] = {w->fade, w->fade + r->radial};
    for (int i = 0; i < 2; i++) {
        start[i] = recon_window_start(p->centre[i], r->radial);
        local[i] = p->centre[i] - (double)start[i];
        recon_fade(r, start[i], r->radial, r->window, fade[i]);
    }
    struct cut cut = {.start = {start[0], start[1]},
                      .fade = {fade[0], fade[1]},
                      .count = r->radial,
                      .closing = {w->closing, w->closing + 2 * r->length}};
    recon_closing(r, p->sino[0], w->closing);
    recon_closing(r, p->sino[1], w->closing + 2 * r->length);
    bool same = start[0] == start[1] && local[0] == local[1];
    fill_turns(r, local, same, w);
    clear_grid(r, w);
    for (size_t first = 0; first < r->angles; first += ANGLE_BLOCK) {
        size_t count = r->angles - first < ANGLE_BLOCK ? r->angles - first : ANGLE_BLOCK;
        for (size_t i = 0; i < count; i++) {
            float end[2][2], *q = w->lines + i * 2 * r->radial;
            size_t at = (first + i) * r->columns;
            recon_filter_pair(r, w, p->sino[0] + at, p->sino[1] ? p->sino[1] + at : NULL, end);
            recon_cut(r, w, end, &cut, q);
            fftwf_execute_dft(r->radial_forward, (fftwf_complex *)q, (fftwf_complex *)q);
            if (same) {
                r->kernels->turn(q, w->re, w->im, r->radial, r->weight[first + i]);
            } else {
                turn_apart(r, w, r->weight[first + i], q);
            }
        }
        spread_block(r, w, first, count);
    }
    grid_to_images(r, w, p->image);
}

/* ---- one sinogram, many centres ---- */

/* How far two centres may lie apart and still share a window: its flat part is wider than the
 * circle by this. */
static long shared_span(const struct recon *r)
{
    double spare = ((double)(r->radial / 2) - ((double)r->width / 2 + 2)) / 2;
    return spare < 1 ? 1 : (long)spare;
}

/* Half spectra [angles][radial/2] of all lines in the window `cut`, two angles a transform. */
static void spectra(const struct recon *r, const float *sino, const struct cut *cut,
                    float *ret_half)
{
    long pairs = (long)(r->angles + 1) / 2;
    size_t half = r->radial / 2;
#pragma omp parallel for schedule(static) num_threads(r->threads)
    for (long p = 0; p < pairs; p++) {
        struct work *w = &r->work[omp_get_thread_num()];
        size_t a = 2 * (size_t)p, b = a + 1;
        float end[2][2], *q = w->lines;
        recon_filter_pair(r, w, sino + a * r->columns, b < r->angles ? sino + b * r->columns : NULL,
                          end);
        recon_cut(r, w, end, cut, q);
        fftwf_execute_dft(r->radial_forward, (fftwf_complex *)q, (fftwf_complex *)q);
        for (size_t k = 0; k < half; k++) {
            size_t m = k ? r->radial - k : 0;
            float *fa = ret_half + 2 * (a * half + k), *fb = ret_half + 2 * (b * half + k);
            fa[0] = (q[2 * k] + q[2 * m]) / 2;
            fa[1] = (q[2 * k + 1] - q[2 * m + 1]) / 2;
            if (b < r->angles) {
                fb[0] = (q[2 * k + 1] + q[2 * m + 1]) / 2;
                fb[1] = (q[2 * m] - q[2 * k]) / 2;
            }
        }
    }
}

/* Turn to the centre at `local`, times `scale`, as merge() takes it. */
static void fill_turn(const struct recon *r, double local, double scale, float *ret_turn)
{
    size_t half = r->radial / 2;
    float *re = ret_turn, *im = ret_turn + 2 * half;
    for (size_t k = 0; k < half; k++) {
        double f = 2 * M_PI * (double)k / (double)r->radial, norm = scale / (double)r->radial;
        re[2 * k] = re[2 * k + 1] = (float)(cos(f * local) * norm);
        im[2 * k + 1] = (float)(sin(f * local) * norm);
        im[2 * k] = -im[2 * k + 1];
    }
}

/* Two centres of the same lines: Q[k] = F[k] (turn a + i turn b), and its mirror from conj(F[k]).
 */
static void centre_pair(const struct recon *r, struct work *w, const float *half_spectra,
                        const double local[2], float *const image[2])
{
    size_t half = r->radial / 2;
    float *ta = w->re, *tb = w->im;
    fill_turn(r, local[0], 1, ta);
    fill_turn(r, local[1], image[1] != NULL, tb);
    clear_grid(r, w);
    for (size_t first = 0; first < r->angles; first += ANGLE_BLOCK) {
        size_t count = r->angles - first < ANGLE_BLOCK ? r->angles - first : ANGLE_BLOCK;
        for (size_t i = 0; i < count; i++) {
            const float *spectrum = half_spectra + 2 * (first + i) * half;
            r->kernels->merge(spectrum, ta, tb, half, r->weight[first + i],
                              w->lines + i * 2 * r->radial);
        }
        spread_block(r, w, first, count);
    }
    grid_to_images(r, w, image);
}

bool recon_fourier_centres(const struct recon *r, const float *sino, size_t centres,
                           const double *centre, float *ret, struct err *err)
{
    long span = shared_span(r);
    size_t image = r->width * r->width;
    float *half_spectra = mem_big(r->angles * r->radial, sizeof *half_spectra, err);
    float *fade = mem_array(r->radial, sizeof *fade, err);
    float *closing = mem_array(2 * r->length, sizeof *closing, err);
    bool ok = half_spectra && fade && closing;
    if (ok) {
        recon_closing(r, sino, closing);
    }
    for (size_t done = 0; ok && done < centres;) {
        /* the run of centres that share a window: all within half a span of its place on a lattice
         * of spans */
        long step = (long)floor(centre[done] / (double)span + 0.5);
        size_t end = done;
        while (end < centres && (long)floor(centre[end] / (double)span + 0.5) == step) {
            end++;
        }
        long start = step * span - (long)(r->radial / 2);
        recon_fade(r, start, r->radial, r->window, fade);
        struct cut cut = {{start, start}, {fade, fade}, {closing, closing}, r->radial};
        spectra(r, sino, &cut, half_spectra);
        long pairs = (long)(end - done + 1) / 2;
#pragma omp parallel for schedule(dynamic, 1) num_threads(r->threads)
        for (long p = 0; p < pairs; p++) {
            size_t a = done + 2 * (size_t)p, b = a + 1;
            double local[2] = {centre[a] - (double)start, b < end ? centre[b] - (double)start : 0};
            float *images[2] = {ret + a * image, b < end ? ret + b * image : NULL};
            centre_pair(r, &r->work[omp_get_thread_num()], half_spectra, local, images);
        }
        done = end;
    }
    mem_free(closing);
    mem_free(fade);
    mem_free(half_spectra);
    return ok;
}
