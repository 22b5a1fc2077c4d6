/*
 * The centre of rotation of a row (REQUIREMENTS C): which value counts, and where a search starts.
 * Values are full-detector, 0-based pixel centres; NaN = none. NaN and infinities are never CORs.
 */
#ifndef GANTRY_CATALOG_COR_H
#define GANTRY_CATALOG_COR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

enum cor_from {
    COR_FROM_NONE,
    COR_FROM_ROW,    /* the row's own */
    COR_FROM_SERIES, /* mean of the series' existing CORs over the whole table (seeds only) */
    COR_FROM_TOP_BAR /* --cor */
};

/* C1: the row's own if finite, else the top bar's if finite, else COR_FROM_NONE and NaN. */
double cor_effective(double row, double top_bar, enum cor_from *ret_from);
/* C8: where a search starts: row, else series' mean, else top bar, else none (then the tool
 * searches everywhere). */
double cor_seed(double row, double series_mean, double top_bar, enum cor_from *ret_from);
/* A finite decimal number. "nan" and "inf" are none. */
bool cor_parse(const char *text, double *ret);
/* Two decimals, as everywhere a person looks. `out` holds at least 32 bytes. */
void cor_show(double cor, char *out, size_t size);
/* As cor_show with its origin: "1024.30 (top bar)", "1024.30 (series mean)", "none". At least 64
 * bytes. */
void cor_show_from(double cor, enum cor_from from, char *out, size_t size);

/* Mean of the existing CORs of one series over the whole table (forgotten, vanished and skipped
 * rows do not count); NaN without a donor. */
bool cor_series_mean(struct store *s, int64_t project, const char *series, double *ret_mean,
                     int64_t *ret_donors, struct err *err) CHECK_RESULT;

/* Set (NaN: clear) a row's COR inside an operation and keep the old value in the event table.
 * `source` is one of manual, vo, pc, entropy, ai, auto, outlier-fixed, series-mean, file;
 * `confidence` NaN = unknown; `why` (may be NULL) goes into the event. */
bool cor_write(struct store *s, int64_t item, double cor, const char *source, double confidence,
               int64_t run, int64_t task, const char *why, struct err *err) CHECK_RESULT;

#endif
