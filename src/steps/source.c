/*
 * Projections are read in blocks of views (a few tens of MB), binned, and normalised straight into
 * the sinograms, so that the raw data of a slab is never in memory as a whole. Flat and dark fields
 * are averaged over the frames for the selected rows only.
 */
#include "steps/source.h"
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "image/hdf5-scan.h"
#include "math/metrics.h"

/* Raw bytes read at once: large enough for the disk, small enough to stay out of the way. */
#define BLOCK_BYTES ((size_t)32 << 20)

struct source {
    char *path;
    struct hdf5_scan *scan;
    struct source_grid grid;
    unsigned binning;
    bool minus_log;
    unsigned threads;
    size_t row_first, column_first, columns_full; /* crop, on the full detector */
    size_t *view;                                 /* [grid.angles]: projections used */
    double *theta_rad;
    struct normalise *normalise;
    size_t selected_first, selected;
    struct normalise_stats stats; /* of earlier selections */
    double unusable;              /* share, of `judged` samples */
    size_t judged;
};

/* ---- opening ---- */

/* [start, end) within 0..total, end -1 = total. */
static bool check_range(const char *what, int64_t start, int64_t end, size_t total,
                        size_t *ret_first, size_t *ret_count, struct err *err)
{
    int64_t stop = end < 0 ? (int64_t)total : end;

    if (stop > (int64_t)total || start >= stop) {
        return err_set(err, ERR_USAGE, "start_%s %lld, end_%s %lld: the scan has %zu", what,
                       (long long)start, what, (long long)end, total);
    }
    *ret_first = (size_t)start;
    *ret_count = (size_t)(stop - start);
    return true;
}

static bool blocked(const struct recon_params *p, double theta_rad)
{
    for (size_t i = 0; i < p->blocked; i++) {
        if (theta_rad >= p->blocked_rad[i][0] && theta_rad < p->blocked_rad[i][1]) {
            return true;
        }
    }
    return false;
}

static bool choose_views(struct source *s, const struct recon_params *p, struct err *err)
{
    size_t frames = hdf5_scan_info(s->scan)->frames;
    size_t first = 0;
    size_t count = 0;

    if (!check_range("proj", p->start_proj, p->end_proj, frames, &first, &count, err)) {
        return false;
    }
    s->view = mem_array(count, sizeof(*s->view), err);
    s->theta_rad = s->view == NULL ? NULL : mem_array(frames, sizeof(double), err);
    if (s->theta_rad == NULL) {
        return false;
    }
    hdf5_scan_theta(s->scan, s->theta_rad);
    for (size_t i = first; i < first + count; i++) {
        double theta = s->theta_rad[i] * M_PI / 180.0;

        if (!blocked(p, theta)) {
            s->theta_rad[s->grid.angles] = theta; /* never ahead of i */
            s->view[s->grid.angles++] = i;
        }
    }
    s->grid.theta_rad = s->theta_rad;
    return s->grid.angles > 0 ? true
                              : err_set(err, ERR_USAGE, "blocked_views leaves no view of the scan");
}

static bool choose_pixels(struct source *s, const struct recon_params *p, struct err *err)
{
    const struct hdf5_scan_info *info = hdf5_scan_info(s->scan);
    struct source_grid *g = &s->grid;
    size_t rows = 0;

    if (!check_range("row", p->start_row, p->end_row, info->rows, &s->row_first, &rows, err) ||
        !check_range("column", p->start_column, p->end_column, info->columns, &s->column_first,
                     &s->columns_full, err)) {
        return false;
    }
    g->slice_first = s->row_first >> p->binning;
    g->slices = rows >> p->binning;
    g->columns = s->columns_full >> p->binning;
    if (g->slices == 0 || g->columns == 0) {
        return err_set(err, ERR_USAGE, "binning %u leaves nothing of %zu rows x %zu columns",
                       p->binning, rows, s->columns_full);
    }
    g->full_rows = info->rows;
    g->full_columns = info->columns;
    g->raw_row_bytes = s->columns_full * info->pixel_bytes;
    g->whole_frames = info->filtered;
    g->chunk_slices = info->chunk[1] >> p->binning;
    return true;
}

struct source *source_open(const char *path, const struct recon_params *params, unsigned threads,
                           struct err *err)
{
    struct source *s = mem_zero(sizeof(*s), err);
    bool good = false;

    if (s == NULL) {
        return NULL;
    }
    s->binning = params->binning;
    s->minus_log = params->minus_log;
    s->threads = threads;
    s->path = mem_strdup(path, err);
    s->scan = s->path == NULL ? NULL : hdf5_scan_open(path, err);
    if (s->scan == NULL || !hdf5_scan_ready(s->scan, err)) {
        goto out;
    }
    if (!choose_views(s, params, err) || !choose_pixels(s, params, err)) {
        err_wrap(err, "%s", path);
        goto out;
    }
    good = true;
out:
    if (!good) {
        source_close(s);
        s = NULL;
    }
    return s;
}

void source_close(struct source *source)
{
    if (source == NULL) {
        return;
    }
    normalise_free(source->normalise);
    hdf5_scan_close(source->scan);
    mem_free(source->path);
    mem_free(source->view);
    mem_free(source->theta_rad);
    mem_free(source);
}

const struct source_grid *source_grid(const struct source *source)
{
    return &source->grid;
}

size_t source_slice_of(const struct source *source, double nsino)
{
    const struct source_grid *g = &source->grid;
    /* Above 1 it is a row of the full detector; else a place between the first row (0) and the last
     * (1). */
    double row = nsino > 1
        ? floor((nsino - (double)source->row_first) / (double)(1u << source->binning))
        : floor(nsino * (double)(g->slices - 1));

    row = row < 0 ? 0 : row;
    return g->slice_first + (row < (double)g->slices ? (size_t)row : g->slices - 1);
}

double source_axis(const struct source *source, double full)
{
    return metrics_centre_binned(full - (double)source->column_first, source->binning);
}

double source_axis_full(const struct source *source, double local)
{
    return metrics_centre_full(local, source->binning) + (double)source->column_first;
}

/* ---- reading ---- */

/* Views that fit into one block of raw data. */
static size_t block_views(const struct source *s, size_t slices)
{
    size_t view_bytes = (slices << s->binning) * s->grid.raw_row_bytes;
    size_t views = view_bytes > 0 ? BLOCK_BYTES / view_bytes : 1;

    return views < 1 ? 1 : views > s->grid.angles ? s->grid.angles : views;
}

size_t source_bytes(const struct source *source, size_t slices)
{
    size_t views = block_views(source, slices);
    size_t raw = views * (slices << source->binning) * source->grid.raw_row_bytes;
    size_t binned = source->binning > 0 ? views * slices * source->grid.columns * sizeof(float) : 0;

    return raw + binned;
}

static enum normalise_type type_of(enum scan_pixel pixel)
{
    return pixel == SCAN_PIXEL_U8 ? NORMALISE_U8
        : pixel == SCAN_PIXEL_U16 ? NORMALISE_U16
                                  : NORMALISE_F32;
}

/* Mean of the flat or dark fields over slices [slice, slice + count), binned. NULL with err on
 * failure. */
static float *read_mean(struct source *s, enum scan_frames kind, size_t frames, size_t slice,
                        size_t count, struct err *err)
{
    size_t bin = (size_t)1 << s->binning;
    size_t row_samples = frames * s->columns_full;
    size_t step = BLOCK_BYTES / (row_samples * sizeof(float) * bin) + 1;
    float *mean = mem_array(count * s->grid.columns, sizeof(float), err);
    float *raw = mem_big(row_samples * bin * (step < count ? step : count), sizeof(float), err);
    float *full =
        mem_big(s->columns_full * bin * (step < count ? step : count), sizeof(float), err);
    bool good = mean != NULL && raw != NULL && full != NULL;

    for (size_t done = 0; good && done < count; done += step) {
        size_t n = count - done < step ? count - done : step;
        size_t row = s->row_first + (slice - s->grid.slice_first + done) * bin;
        struct scan_block block = {kind, 0, frames, row, n * bin, s->column_first, s->columns_full};

        good = hdf5_scan_read(s->scan, &block, SCAN_PIXEL_F32, raw, err) &&
            normalise_mean(NORMALISE_F32, raw, frames, n * bin * s->columns_full, full, err);
        if (good && bin > 1) {
            metrics_bin(NORMALISE_F32, full, 1, n * bin, s->columns_full, s->binning,
                        mean + done * s->grid.columns);
        } else if (good) {
            memcpy(mean + done * s->grid.columns, full, n * s->grid.columns * sizeof(float));
        }
    }
    mem_free(full);
    mem_free(raw);
    if (!good) {
        mem_free(mean);
        mean = NULL;
    }
    return mean;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Selections overlap (a search looks at one slice twice), so their counts are not added up. */
static void keep_worst(struct normalise_stats *worst, const struct normalise_stats *more)
{
    worst->dead_pixels = larger(worst->dead_pixels, more->dead_pixels);
    worst->dead_rows = larger(worst->dead_rows, more->dead_rows);
    worst->nan_samples = larger(worst->nan_samples, more->nan_samples);
    worst->negative_samples = larger(worst->negative_samples, more->negative_samples);
    worst->unusable_samples = larger(worst->unusable_samples, more->unusable_samples);
    worst->samples = larger(worst->samples, more->samples);
}

bool source_select(struct source *source, size_t slice, size_t count, struct err *err)
{
    const struct hdf5_scan_info *info = hdf5_scan_info(source->scan);
    struct normalise_stats before = {0};
    float *flat = NULL;
    float *dark = NULL;

    if (count == 0 || slice < source->grid.slice_first ||
        slice + count > source->grid.slice_first + source->grid.slices) {
        return err_bug(err, "slices outside the scan were selected");
    }
    if (source->normalise != NULL) {
        normalise_stats(source->normalise, &before);
        keep_worst(&source->stats, &before);
        normalise_free(source->normalise);
        source->normalise = NULL;
    }
    flat = read_mean(source, SCAN_WHITE, info->n_white, slice, count, err);
    dark = flat == NULL ? NULL : read_mean(source, SCAN_DARK, info->n_dark, slice, count, err);
    if (dark != NULL) {
        source->normalise = normalise_new(count, source->grid.columns, flat, dark,
                                          source->minus_log, source->threads, err);
        source->selected_first = slice;
        source->selected = count;
    }
    mem_free(flat);
    mem_free(dark);
    return source->normalise != NULL || err_wrap(err, "%s", source->path);
}

/* Views [first, first + count) of the list that are neighbours on disk. */
static size_t run_length(const struct source *s, size_t first, size_t count)
{
    size_t n = 1;

    while (n < count && s->view[first + n] == s->view[first] + n) {
        n++;
    }
    return n;
}

/* Read, bin and normalise views [first, first + count) into sinograms of `total` angles, at place
 * `at`. */
static bool take_views(struct source *s, size_t slice, size_t slices, size_t first, size_t count,
                       size_t at, size_t total, void *raw, float *binned, float *ret_sino,
                       struct err *err)
{
    enum scan_pixel pixel = hdf5_scan_info(s->scan)->pixel;
    size_t rows = slices << s->binning;
    size_t row = s->row_first + ((slice - s->grid.slice_first) << s->binning);
    size_t view_bytes = rows * s->grid.raw_row_bytes;
    struct normalise_block block = {
        type_of(pixel), raw, count, slices, slice - s->selected_first, at, total};

    for (size_t done = 0; done < count;) {
        size_t run = run_length(s, first + done, count - done);
        struct scan_block where = {SCAN_PROJECTIONS, s->view[first + done], run, row, rows,
                                   s->column_first,  s->columns_full};

        if (!hdf5_scan_read(s->scan, &where, pixel, (char *)raw + done * view_bytes, err)) {
            return false;
        }
        done += run;
    }
    if (s->binning > 0) {
        metrics_bin(type_of(pixel), raw, count, rows, s->columns_full, s->binning, binned);
        block.type = NORMALISE_F32;
        block.raw = binned;
    }
    return normalise_block(s->normalise, &block, ret_sino, err);
}

static bool check_selected(const struct source *s, size_t slice, size_t count, struct err *err)
{
    if (s->normalise == NULL || slice < s->selected_first ||
        slice + count > s->selected_first + s->selected) {
        return err_bug(err, "slices that were not selected were asked for");
    }
    return true;
}

bool source_sinograms(struct source *source, size_t slice, size_t count, float *ret_sino,
                      void (*tick)(void *user, double fraction), void *user, struct err *err)
{
    size_t views = block_views(source, count);
    size_t angles = source->grid.angles;
    void *raw = mem_big(views * (count << source->binning), source->grid.raw_row_bytes, err);
    float *binned = NULL;
    bool good = raw != NULL && check_selected(source, slice, count, err);

    if (good && source->binning > 0) {
        binned = mem_big(views * count, source->grid.columns * sizeof(float), err);
        good = binned != NULL;
    }
    for (size_t first = 0; good && first < angles; first += views) {
        size_t n = angles - first < views ? angles - first : views;

        good =
            take_views(source, slice, count, first, n, first, angles, raw, binned, ret_sino, err);
        if (good && tick != NULL) {
            tick(user, (double)(first + n) / (double)angles);
        }
    }
    mem_free(binned);
    mem_free(raw);
    return good;
}

void source_expect(struct source *source, size_t slice, size_t count)
{
    const struct source_grid *g = &source->grid;
    size_t end = g->slice_first + g->slices;
    size_t rows = (slice >= end ? 0 : end - slice < count ? end - slice : count) << source->binning;
    struct scan_block where = {SCAN_PROJECTIONS,    0, 0, 0, rows, source->column_first,
                               source->columns_full};

    if (rows == 0) {
        return;
    }
    where.row = source->row_first + ((slice - g->slice_first) << source->binning);
    where.first = source->view[0];
    where.count = source->view[g->angles - 1] - where.first + 1;
    hdf5_scan_expect(source->scan, &where);
}

bool source_view(struct source *source, size_t slice, size_t count, size_t view, float *ret_view,
                 struct err *err)
{
    void *raw = mem_big(count << source->binning, source->grid.raw_row_bytes, err);
    float *binned = NULL;
    bool good = raw != NULL && check_selected(source, slice, count, err);

    if (good && source->binning > 0) {
        binned = mem_big(count, source->grid.columns * sizeof(float), err);
        good = binned != NULL;
    }
    good = good && take_views(source, slice, count, view, 1, 0, 1, raw, binned, ret_view, err);
    mem_free(binned);
    mem_free(raw);
    return good;
}

bool source_judge(struct source *source, struct err *err)
{
    struct normalise_stats s;

    normalise_stats(source->normalise, &s);
    if (s.samples > 0 && s.unusable_samples == s.samples) {
        return err_set(err, ERR_FORMAT,
                       "%s: bad data: not one of the %zu samples of slices %zu to %zu can be used "
                       "(%zu are not numbers, %zu are zero or negative, %zu detector pixels are "
                       "dead)",
                       source->path, s.samples, source->selected_first,
                       source->selected_first + source->selected - 1, s.nan_samples,
                       s.negative_samples, s.dead_pixels);
    }
    if (s.samples > source->judged) {
        source->judged = s.samples;
        source->unusable = (double)s.unusable_samples / (double)s.samples;
    }
    return true;
}

double source_unusable(const struct source *source)
{
    return source->unusable;
}

void source_stats(const struct source *source, struct normalise_stats *ret_stats)
{
    struct normalise_stats now = {0};

    *ret_stats = source->stats;
    if (source->normalise != NULL) {
        normalise_stats(source->normalise, &now);
        keep_worst(ret_stats, &now);
    }
}
