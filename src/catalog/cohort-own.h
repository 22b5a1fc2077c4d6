/* What the files of a cohort's catalog (cohort*.c) share. */
#ifndef GANTRY_CATALOG_COHORT_OWN_H
#define GANTRY_CATALOG_COHORT_OWN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "catalog/project.h"
#include "store/store.h"

/* Where a file lies: its study, and the parts of its path. Texts point into `path`. */
struct cohort_place {
    char *path; /* relative to the root, cut into place, (study's folder,) sub and name */
    const char *place, *sub, *name;
    int64_t study; /* 0 = in none */
};
/* `path` is absolute. Free ret->path. */
bool cohort_place_of(struct store *s, const struct project *project, const char *path,
                     struct cohort_place *ret, struct err *err) CHECK_RESULT;

/* study.files, after rows of its files have changed. */
bool cohort_count(struct store *s, int64_t study, struct err *err) CHECK_RESULT;
/* Words parted by commas or blanks are added to a file's tags. */
bool cohort_add_tags(struct store *s, int64_t file, const char *tags, struct err *err) CHECK_RESULT;

#endif
