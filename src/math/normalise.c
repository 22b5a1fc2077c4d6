/*
 * From raw projections to sinograms, one row of one projection at a time: convert to float, repair
 * samples that are not numbers and dead pixels along the row, then (raw - dark) * gain and minus
 * log in one vector loop (kernels.c). Rows are independent, so threads take whole projections and
 * each counts for itself.
 */
#include "math/normalise.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "math/kernels.h"

struct normalise {
    size_t rows, columns;
    bool minus_log;
    unsigned threads;
    const struct kernels *kernels;
    float *dark; /* [rows][columns] */
    float *gain; /* [rows][columns]: 1 / (flat - dark), 0 where dead */
    size_t *dead_in_row;
    float *line; /* [threads][columns]: one row as floats */
    struct normalise_stats stats;
};

static float sample(enum normalise_type type, const void *data, size_t at)
{
    switch (type) {
    case NORMALISE_U8:
        return (float)((const uint8_t *)data)[at];
    case NORMALISE_U16:
        return (float)((const uint16_t *)data)[at];
    default:
        return ((const float *)data)[at];
    }
}

bool normalise_mean(enum normalise_type type, const void *data, size_t frames, size_t pixels,
                    float *ret_mean, struct err *err)
{
    if (frames == 0) {
        return err_set(err, ERR_FORMAT, "there are no frames to average");
    }
    for (size_t p = 0; p < pixels; p++) {
        double sum = 0;
        size_t n = 0;
        for (size_t f = 0; f < frames; f++) {
            float v = sample(type, data, f * pixels + p);
            if (isfinite(v)) {
                sum += (double)v;
                n++;
            }
        }
        ret_mean[p] = n ? (float)(sum / (double)n) : NAN;
    }
    return true;
}

/* Why no pixel is usable, in the words of somebody who looks at the file. */
static bool refuse_flats(const float *flat, const float *dark, size_t pixels, struct err *err)
{
    size_t zero = 0, nan = 0, dark_nan = 0;
    for (size_t p = 0; p < pixels; p++) {
        zero += flat && flat[p] == 0;
        nan += flat && !isfinite(flat[p]);
        dark_nan += dark && !isfinite(dark[p]);
    }
    if (zero == pixels) {
        return err_set(
            err, ERR_FORMAT,
            "every flat-field pixel is 0: the flat fields (data_white) are empty, so the "
            "projections cannot be normalised");
    }
    if (nan == pixels || dark_nan == pixels) {
        return err_set(err, ERR_FORMAT, "every %s pixel is not a number",
                       nan == pixels ? "flat-field" : "dark-field");
    }
    return err_set(
        err, ERR_FORMAT,
        "no flat-field pixel is brighter than its dark field: data_white and data_dark may be "
        "swapped or empty");
}

/* Gains, and how many pixels are dead in each row. */
static void fill_gain(struct normalise *n, const float *flat, const float *dark)
{
    for (size_t row = 0; row < n->rows; row++) {
        for (size_t c = 0; c < n->columns; c++) {
            size_t p = row * n->columns + c;
            float d = dark ? dark[p] : 0, gain = flat ? 1 / (flat[p] - d) : 1;
            bool good = isfinite(d) && isfinite(gain) &&
                gain > 0; /* flat = dark gives infinity, NaN stays NaN */
            n->dark[p] = good ? d : 0;
            n->gain[p] = good ? gain : 0;
            n->dead_in_row[row] += !good;
        }
        n->stats.dead_pixels += n->dead_in_row[row];
        n->stats.dead_rows += n->dead_in_row[row] == n->columns;
    }
}

struct normalise *normalise_new(size_t rows, size_t columns, const float *flat, const float *dark,
                                bool minus_log, unsigned threads, struct err *err)
{
    struct normalise *n = mem_zero(sizeof *n, err);
    if (!n) {
        return NULL;
    }
    n->rows = rows;
    n->columns = columns;
    n->minus_log = minus_log;
    n->threads = threads ? threads : (unsigned)omp_get_max_threads();
    n->kernels = kernels_here();
    n->dark = mem_array(rows * columns, sizeof *n->dark, err);
    n->gain = mem_array(rows * columns, sizeof *n->gain, err);
    n->dead_in_row = mem_array(rows, sizeof *n->dead_in_row, err);
    n->line = mem_array(n->threads * columns, sizeof *n->line, err);
    if (!n->dark || !n->gain || !n->dead_in_row || !n->line) {
        normalise_free(n);
        return NULL;
    }
    fill_gain(n, flat, dark);
    if (n->stats.dead_pixels == rows * columns) {
        (void)refuse_flats(flat, dark, rows * columns, err);
        normalise_free(n);
        return NULL;
    }
    return n;
}

void normalise_free(struct normalise *n)
{
    if (n) {
        mem_free(n->line);
        mem_free(n->dead_in_row);
        mem_free(n->gain);
        mem_free(n->dark);
        mem_free(n);
    }
}

static void to_float(enum normalise_type type, const void *raw, size_t at, size_t count,
                     float *restrict line)
{
    if (type == NORMALISE_U16) {
        const uint16_t *in = (const uint16_t *)raw + at;
        for (size_t i = 0; i < count; i++) {
            line[i] = (float)in[i];
        }
    } else if (type == NORMALISE_U8) {
        const uint8_t *in = (const uint8_t *)raw + at;
        for (size_t i = 0; i < count; i++) {
            line[i] = (float)in[i];
        }
    } else {
        memcpy(line, (const float *)raw + at, count * sizeof *line);
    }
}

static size_t count_not_finite(const float *line, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &line[i], sizeof bits);
        n += (bits & 0x7f800000u) == 0x7f800000u;
    }
    return n;
}

/* Replace marked values by the line between the nearest unmarked ones; all of them by `none` when
 * all are marked. A value is marked by not being finite. */
static void fill_gaps(float *line, size_t count, float none)
{
    size_t good = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(line[i])) {
            continue;
        }
        size_t first = good == SIZE_MAX ? 0 : good + 1;
        for (size_t g = first; g < i; g++) {
            float part = good == SIZE_MAX ? 1 : (float)(g - good) / (float)(i - good);
            line[g] = good == SIZE_MAX ? line[i] : line[good] + part * (line[i] - line[good]);
        }
        good = i;
    }
    for (size_t g = good == SIZE_MAX ? 0 : good + 1; g < count; g++) {
        line[g] = good == SIZE_MAX ? none : line[good];
    }
}

/* The slow way, for a row with something to repair: transmissions, gaps filled, then the log.
 * Returns transmissions <= 0, and how many were not even a number. */
static size_t repaired_row(const struct normalise *n, size_t row, const float *raw, float *out,
                           size_t *ret_gaps)
{
    const float *dark = n->dark + row * n->columns, *gain = n->gain + row * n->columns;
    size_t negative = 0;
    *ret_gaps = 0;
    for (size_t c = 0; c < n->columns; c++) {
        float t = gain[c] > 0 ? (raw[c] - dark[c]) * gain[c] : NAN;
        negative += t <= 0;
        *ret_gaps += !isfinite(t);
        out[c] = t;
    }
    fill_gaps(out, n->columns, 1);
    for (size_t c = 0; n->minus_log && c < n->columns; c++) {
        out[c] = -logf(out[c] < NORMALISE_FLOOR ? NORMALISE_FLOOR : out[c]);
    }
    return negative;
}

static size_t plain_row(const float *raw, const float *dark, const float *gain, size_t count,
                        float *out)
{
    size_t negative = 0;
    for (size_t c = 0; c < count; c++) {
        out[c] = (raw[c] - dark[c]) * gain[c];
        negative += out[c] <= 0;
    }
    return negative;
}

static void one_row(const struct normalise *n, const struct normalise_block *b, size_t angle,
                    size_t row, float *line, float *out, struct normalise_stats *stats)
{
    size_t at = (b->row_first + row) * n->columns;
    to_float(b->type, b->raw, (angle * b->rows + row) * n->columns, n->columns, line);
    size_t nan = b->type == NORMALISE_F32 ? count_not_finite(line, n->columns) : 0;
    size_t negative, gaps = 0;
    if (nan || n->dead_in_row[b->row_first + row]) {
        negative = repaired_row(n, b->row_first + row, line, out, &gaps);
    } else if (n->minus_log) {
        negative = n->kernels->minus_log(line, n->dark + at, n->gain + at, n->columns,
                                         NORMALISE_FLOOR, out);
    } else {
        negative = plain_row(line, n->dark + at, n->gain + at, n->columns, out);
    }
    stats->nan_samples += nan;
    stats->negative_samples += negative;
    stats->unusable_samples += gaps + (n->minus_log ? negative : 0);
}

bool normalise_block(struct normalise *n, const struct normalise_block *b, float *ret_sino,
                     struct err *err)
{
    if (b->row_first + b->rows > n->rows || b->angle_first + b->angles > b->angles_total) {
        return err_bug(err, "a block outside the sinograms");
    }
    size_t nan = 0, negative = 0, unusable = 0;
#pragma omp parallel for schedule(static) num_threads(n->threads)                                   \
    reduction(+ : nan, negative, unusable)
    for (long a = 0; a < (long)b->angles; a++) {
        struct normalise_stats mine = {0};
        float *line = n->line + (size_t)omp_get_thread_num() * n->columns;
        for (size_t row = 0; row < b->rows; row++) {
            float *out =
                ret_sino + (row * b->angles_total + b->angle_first + (size_t)a) * n->columns;
            one_row(n, b, (size_t)a, row, line, out, &mine);
        }
        nan += mine.nan_samples;
        negative += mine.negative_samples;
        unusable += mine.unusable_samples;
    }
    n->stats.nan_samples += nan;
    n->stats.negative_samples += negative;
    n->stats.unusable_samples += unusable;
    n->stats.samples += b->angles * b->rows * n->columns;
    return true;
}

void normalise_stats(const struct normalise *n, struct normalise_stats *ret_stats)
{
    *ret_stats = n->stats;
}
