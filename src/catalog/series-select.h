/*
 * Selectors for image series, as `gantry predict --series` and the page's Select Series take them:
 * a name (of the series, its file or folder, or its folder among results), a shell glob over those,
 * id:17, patient:P01, modality:CT, date:2024*, uid:1.2.3 (globs too, in either letter case).
 */
#ifndef GANTRY_CATALOG_SERIES_SELECT_H
#define GANTRY_CATALOG_SERIES_SELECT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

/* What a selector may be held against; "" where the catalog does not know. */
struct series_names {
    int64_t id;
    const char *name, *path, *stem, *patient, *modality, *date, *uid;
};

/* Can the word be read? ERR_USAGE for id: without a number, or a prefix with nothing behind it. */
bool series_word_check(const char *word, struct err *err) CHECK_RESULT;
bool series_word_matches(const char *word, const struct series_names *s);

#endif
