/* What the files of a cohort's catalog (cohort*.c) share. */
#ifndef GANTRY_CATALOG_COHORT_OWN_H
#define GANTRY_CATALOG_COHORT_OWN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

/* study.files, after rows of its files have changed. */
bool cohort_count(struct store *s, int64_t study, struct err *err) CHECK_RESULT;
/* Words parted by commas or blanks are added to a file's tags. */
bool cohort_add_tags(struct store *s, int64_t file, const char *tags, struct err *err) CHECK_RESULT;

#endif
