/*
 * Frames are read in the file's own type and made floats here (HDF5's own conversion is ten times
 * slower). Means of flats and darks are taken frame by frame and come out as normalise_mean()'s, so
 * that what is shown is what is reconstructed.
 */
#include "steps/look-scan.h"
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "math/normalise.h"
#include "os/proc.h"
#include "steps/look-request.h"

/* A sinogram of a compressed scan touches whole frames: at most this much of them is read. */
#define SINOGRAM_BYTES ((size_t)1 << 30)

struct look_scan {
    char *path, *stamp;
    struct hdf5_scan *scan;
    float *flat, *dark; /* means of whole frames; NULL: not read yet, or there are none */
    bool means;         /* they were read */
    struct normalise *normalise;
    int64_t shift; /* of the flat field in `normalise` */
};

struct look_scan *look_scan_new(struct err *err)
{
    return mem_zero(sizeof(struct look_scan), err);
}

void look_scan_close(struct look_scan *s)
{
    normalise_free(s->normalise);
    hdf5_scan_close(s->scan);
    mem_free(s->flat);
    mem_free(s->dark);
    mem_free(s->path);
    mem_free(s->stamp);
    *s = (struct look_scan){0};
}

void look_scan_free(struct look_scan *s)
{
    if (s != NULL) {
        look_scan_close(s);
        mem_free(s);
    }
}

bool look_scan_open(struct look_scan *s, const char *path, const char *stamp, hdf5_beside_fn *may,
                    void *arg, struct err *err)
{
    if (s->scan != NULL && strcmp(s->path, path) == 0 && strcmp(s->stamp, stamp) == 0) {
        return true;
    }
    look_scan_close(s);
    s->path = mem_strdup(path, err);
    s->stamp = s->path == NULL ? NULL : mem_strdup(stamp, err);
    s->scan = s->stamp == NULL ? NULL : hdf5_scan_open(path, err);
    if (s->scan == NULL || !hdf5_beside(s->scan, may, arg, err)) {
        look_scan_close(s);
        return false;
    }
    return true;
}

const struct hdf5_scan_info *look_scan_info(const struct look_scan *s)
{
    return hdf5_scan_info(s->scan);
}

/* ---- frames as floats ---- */

static enum scan_pixel memory_pixel(const struct hdf5_scan_info *info)
{
    return info->pixel == SCAN_PIXEL_OTHER ? SCAN_PIXEL_F32 : info->pixel;
}

static enum normalise_type type_of(enum scan_pixel pixel)
{
    return pixel == SCAN_PIXEL_U8 ? NORMALISE_U8
        : pixel == SCAN_PIXEL_U16 ? NORMALISE_U16
                                  : NORMALISE_F32;
}

static void to_floats(enum scan_pixel pixel, const void *raw, size_t count, float *restrict ret)
{
    if (pixel == SCAN_PIXEL_U8) {
        const uint8_t *in = raw;

        for (size_t i = 0; i < count; i++) {
            ret[i] = (float)in[i];
        }
    } else if (pixel == SCAN_PIXEL_U16) {
        const uint16_t *in = raw;

        for (size_t i = 0; i < count; i++) {
            ret[i] = (float)in[i];
        }
    } else {
        memcpy(ret, raw, count * sizeof(float));
    }
}

/* Sums over frames: of integers exactly in 32 bits (65,536 frames of 16 bits fit), of floats in
 * double precision over the finite ones. */
struct sums {
    uint32_t *whole; /* sums of integers, or numbers of finite floats */
    double *real;    /* NULL for integers */
};

static void add_frame(const struct sums *s, enum scan_pixel pixel, const void *raw, size_t count)
{
    uint32_t *restrict whole = s->whole;
    double *restrict real = s->real;

    if (pixel == SCAN_PIXEL_U8) {
        const uint8_t *in = raw;

        for (size_t i = 0; i < count; i++) {
            whole[i] += in[i];
        }
    } else if (pixel == SCAN_PIXEL_U16) {
        const uint16_t *in = raw;

        for (size_t i = 0; i < count; i++) {
            whole[i] += in[i];
        }
    } else if (real != NULL) {
        const float *in = raw;

        for (size_t i = 0; i < count; i++) {
            bool finite = __builtin_fabsf(in[i]) <= 3.402823466e38f;

            real[i] += finite ? (double)in[i] : 0;
            whole[i] += finite;
        }
    }
}

static void divide(const struct sums *s, size_t frames, size_t count, float *restrict mean)
{
    for (size_t i = 0; i < count; i++) {
        double n = s->real == NULL ? (double)frames : (double)s->whole[i];
        double sum = s->real == NULL ? (double)s->whole[i] : s->real[i];

        mean[i] = n > 0 ? (float)(sum / n) : NAN;
    }
}

/* Mean of `frames` frames of `kind` over rows [row, row + rows); of the first 65,536 at most. */
static float *mean_of(struct look_scan *s, enum scan_frames kind, size_t frames, size_t row,
                      size_t rows, struct err *err)
{
    const struct hdf5_scan_info *info = hdf5_scan_info(s->scan);
    enum scan_pixel pixel = memory_pixel(info);
    size_t count = rows * info->columns;
    struct sums sums = {mem_array(count, sizeof(uint32_t), err), NULL};
    void *raw = sums.whole == NULL ? NULL : mem_big(count, scan_pixel_bytes(pixel), err);
    float *mean = raw == NULL ? NULL : mem_big(count, sizeof(float), err);
    bool good = mean != NULL;

    if (good && pixel == SCAN_PIXEL_F32) {
        sums.real = mem_array(count, sizeof(double), err);
        good = sums.real != NULL;
    }
    frames = frames > 65536 ? 65536 : frames;
    for (size_t f = 0; good && f < frames; f++) {
        struct scan_block block = {kind, f, 1, row, rows, 0, info->columns};

        good = hdf5_scan_read(s->scan, &block, pixel, raw, err);
        if (good) {
            add_frame(&sums, pixel, raw, count);
        }
    }
    if (good) {
        divide(&sums, frames, count, mean);
    }
    mem_free(sums.real);
    mem_free(sums.whole);
    mem_free(raw);
    if (!good) {
        mem_free(mean);
        mean = NULL;
    }
    return mean;
}

/* ---- the flat field ---- */

/* What the flat would be had the beam been `shift` columns further right: dark stays with its
 * pixels, flat - dark moves, its last column is repeated at the edge it leaves. */
static void shift_rows(const float *flat, const float *dark, size_t rows, size_t columns,
                       int64_t shift, float *ret)
{
    for (size_t y = 0; y < rows; y++) {
        const float *f = flat + y * columns;
        const float *d = dark == NULL ? NULL : dark + y * columns;

        for (size_t x = 0; x < columns; x++) {
            int64_t from = (int64_t)x - shift;
            size_t at = from < 0 ? 0 : from >= (int64_t)columns ? columns - 1 : (size_t)from;

            ret[y * columns + x] = d == NULL ? f[at] : f[at] - d[at] + d[x];
        }
    }
}

/* A few: others compute on this machine too. */
static unsigned threads(void)
{
    int cores = proc_cpu_count();

    return cores < 1 ? 1 : cores > 4 ? 4 : (unsigned)cores;
}

static struct normalise *normalise_for(const float *flat, const float *dark, size_t rows,
                                       size_t columns, int64_t shift, struct err *err)
{
    float *moved = NULL;
    struct normalise *n = NULL;

    if (shift != 0) {
        moved = mem_big(rows * columns, sizeof(float), err);
        if (moved == NULL) {
            return NULL;
        }
        shift_rows(flat, dark, rows, columns, shift, moved);
    }
    n = normalise_new(rows, columns, moved != NULL ? moved : flat, dark, false, threads(), err);
    mem_free(moved);
    return n;
}

static bool need_flats(const struct look_scan *s, struct err *err)
{
    return hdf5_scan_info(s->scan)->n_white > 0
        ? true
        : err_set(err, ERR_FORMAT,
                  "%s: has no flat fields: it can only be shown without flat correction", s->path);
}

/* The normalisation of whole frames, made when the shift changed. */
static bool prepare_frames(struct look_scan *s, int64_t shift, struct err *err)
{
    const struct hdf5_scan_info *info = hdf5_scan_info(s->scan);

    if (!need_flats(s, err)) {
        return false;
    }
    if (!s->means) {
        s->flat = mean_of(s, SCAN_WHITE, info->n_white, 0, info->rows, err);
        if (s->flat == NULL) {
            return false;
        }
        if (info->n_dark > 0) {
            s->dark = mean_of(s, SCAN_DARK, info->n_dark, 0, info->rows, err);
            if (s->dark == NULL) {
                mem_free(s->flat);
                s->flat = NULL;
                return false;
            }
        }
        s->means = true;
    }
    if (s->normalise == NULL || s->shift != shift) {
        normalise_free(s->normalise);
        s->normalise = normalise_for(s->flat, s->dark, info->rows, info->columns, shift, err);
        s->shift = shift;
    }
    return s->normalise != NULL || err_wrap(err, "%s", s->path);
}

/* ---- pictures ---- */

static bool check_index(const struct look_scan *s, const char *what, size_t count, int64_t *index,
                        struct err *err)
{
    const struct hdf5_scan_info *info = hdf5_scan_info(s->scan);

    if (info->layout == SCAN_NONE || info->rows == 0 || info->columns == 0 || count == 0) {
        return err_set(err, ERR_FORMAT, "%s: %s", s->path,
                       info->reason[0] != '\0' ? info->reason : "has no projections");
    }
    *index = *index == LOOK_ANY ? (int64_t)(count / 2) : *index;
    return *index < (int64_t)count
        ? true
        : err_set(err, ERR_NOTHING, "%s: %s %lld is not there (0 to %zu are)", s->path, what,
                  (long long)*index, count - 1);
}

/* Read a block and put it into `ret` as floats, divided by the flat field when there is one. */
static bool read_block(struct look_scan *s, const struct scan_block *block, struct normalise *n,
                       float *ret, struct err *err)
{
    enum scan_pixel pixel = memory_pixel(hdf5_scan_info(s->scan));
    size_t count = block->count * block->rows * block->columns;
    void *raw = mem_big(count, scan_pixel_bytes(pixel), err);
    bool good = raw != NULL && hdf5_scan_read(s->scan, block, pixel, raw, err);

    if (good && n == NULL) {
        to_floats(pixel, raw, count, ret);
    } else if (good) {
        /* One projection of all rows, or projections of one row: both are laid out as they come. */
        struct normalise_block nb = {.type = type_of(pixel),
                                     .raw = raw,
                                     .angles = block->count,
                                     .rows = block->rows,
                                     .angles_total = block->count};

        good = normalise_block(n, &nb, ret, err);
    }
    mem_free(raw);
    return good;
}

struct look_slice *look_scan_projection(struct look_scan *s, struct look_cache *c, int64_t index,
                                        bool flat, int64_t shift, struct err *err)
{
    const struct hdf5_scan_info *info = hdf5_scan_info(s->scan);
    struct look_slice *slice;

    if (!check_index(s, "projection", info->frames, &index, err) ||
        (flat && !prepare_frames(s, shift, err))) {
        return NULL;
    }
    slice = look_cache_room(c, info->columns, info->rows, err);
    if (slice == NULL) {
        return NULL;
    }
    struct scan_block block = {SCAN_PROJECTIONS, (size_t)index, 1, 0, info->rows, 0, info->columns};
    slice->index = index;
    if (!read_block(s, &block, flat ? s->normalise : NULL, slice->pixels.bytes, err)) {
        look_slice_free(slice);
        slice = NULL;
    }
    return slice;
}

/* The normalisation of one detector row. */
static struct normalise *prepare_row(struct look_scan *s, size_t row, int64_t shift,
                                     struct err *err)
{
    const struct hdf5_scan_info *info = hdf5_scan_info(s->scan);
    float *flat = need_flats(s, err) ? mean_of(s, SCAN_WHITE, info->n_white, row, 1, err) : NULL;
    float *dark = NULL;
    struct normalise *n = NULL;

    if (flat != NULL && info->n_dark > 0) {
        dark = mean_of(s, SCAN_DARK, info->n_dark, row, 1, err);
    }
    if (flat != NULL && (dark != NULL || info->n_dark == 0)) {
        n = normalise_for(flat, dark, 1, info->columns, shift, err);
    }
    mem_free(dark);
    mem_free(flat);
    return n;
}

/* Every how manieth projection is read. */
static size_t sinogram_step(const struct hdf5_scan_info *info)
{
    size_t frame = info->rows * info->columns * info->pixel_bytes;
    size_t most = info->filtered && frame > 0 ? SINOGRAM_BYTES / frame + 1 : info->frames;

    return most >= info->frames ? 1 : (info->frames + most - 1) / most;
}

struct look_slice *look_scan_sinogram(struct look_scan *s, struct look_cache *c, int64_t index,
                                      bool flat, int64_t shift, struct err *err)
{
    const struct hdf5_scan_info *info = hdf5_scan_info(s->scan);
    size_t step = sinogram_step(info);
    size_t views = (info->frames + step - 1) / step;
    struct normalise *n = NULL;
    struct look_slice *slice;
    bool good = true;

    if (!check_index(s, "row", info->frames > 0 ? info->rows : 0, &index, err)) {
        return NULL;
    }
    if (flat) {
        n = prepare_row(s, (size_t)index, shift, err);
        if (n == NULL) {
            return NULL;
        }
    }
    slice = look_cache_room(c, info->columns, views, err);
    for (size_t i = 0; good && slice != NULL && i < (step == 1 ? 1 : views); i++) {
        struct scan_block block = {
            SCAN_PROJECTIONS, i * step, step == 1 ? views : 1, (size_t)index, 1, 0, info->columns};

        good = read_block(s, &block, n, (float *)slice->pixels.bytes + i * info->columns, err);
    }
    normalise_free(n);
    if (slice != NULL && !good) {
        look_slice_free(slice);
        slice = NULL;
    }
    if (slice != NULL) {
        slice->index = index;
        slice->step = step;
    }
    return slice;
}
