/*
 * From raw projections to sinograms: (raw - dark) / (flat - dark), then minus log, per pixel and
 * safe. Order of calls: normalise_mean() of the flat frames and of the dark frames, normalise_new()
 * with the two means for all rows of the job, normalise_block() for every block that was read,
 * normalise_stats() at the end.
 *
 * What is repaired and counted, never silently: pixels whose flat is not above their dark or is not
 * a number (dead: filled from the nearest good columns of the same row, linearly), raw samples that
 * are not finite (filled the same way), transmissions that are zero or negative (raised to
 * NORMALISE_FLOOR before the log; without the log they stay). A row without one good pixel becomes
 * transmission 1 (attenuation 0).
 */
#ifndef GANTRY_MATH_NORMALISE_H
#define GANTRY_MATH_NORMALISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum normalise_type { NORMALISE_U8, NORMALISE_U16, NORMALISE_F32 };

/* Transmissions below this are raised to it: 6 counts of a well-lit 16-bit detector,
 * attenuation 9.2. */
#define NORMALISE_FLOOR 1e-4f

struct normalise_stats {
    size_t dead_pixels;      /* detector pixels without a usable flat */
    size_t dead_rows;        /* rows in which every pixel is dead */
    size_t nan_samples;      /* raw samples that were NaN or infinite */
    size_t negative_samples; /* transmissions <= 0 in good pixels */
    size_t unusable_samples; /* of dead pixels, not a number, or negative_samples of a log */
    size_t samples;          /* all samples seen */
};

struct normalise;

/* Mean of `frames` frames of `pixels` samples each ([frames][pixels]); samples that are not finite
 * are left out of the mean, a pixel without one finite sample becomes NaN. frames 0 is ERR_FORMAT.
 */
bool normalise_mean(enum normalise_type type, const void *data, size_t frames, size_t pixels,
                    float *ret_mean, struct err *err) CHECK_RESULT;

/* `flat` and `dark` are [rows][columns] means, copied; `dark` NULL = no darks (0), `flat` NULL = no
 * flats (1: raw is transmission already). ERR_FORMAT when no pixel at all has a flat above its
 * dark: the text names which of the two looks wrong ("every flat-field pixel is 0"). `threads` 0 =
 * OpenMP's default. */
struct normalise *normalise_new(size_t rows, size_t columns, const float *flat, const float *dark,
                                bool minus_log, unsigned threads, struct err *err) CHECK_RESULT;
void normalise_free(struct normalise *n);

/* A block of raw data: `angles` projections of `rows` rows and all columns,
 * [angles][rows][columns], of which row 0 is row `row_first` of normalise_new()'s means. */
struct normalise_block {
    enum normalise_type type;
    const void *raw;
    size_t angles, rows;
    size_t row_first;
    size_t angle_first;  /* where the block's first projection goes in the sinograms */
    size_t angles_total; /* angles of the sinograms */
};

/* Write the block into ret_sino, [block.rows][angles_total][columns], the angles from angle_first
 * on; the other angles of ret_sino are not touched. Results do not depend on threads or on how the
 * angles are cut into blocks. */
bool normalise_block(struct normalise *n, const struct normalise_block *block, float *ret_sino,
                     struct err *err) CHECK_RESULT;

void normalise_stats(const struct normalise *n, struct normalise_stats *ret_stats);

#endif
