/* A file is missing: which of those that are there was meant? Names are compared by the pairs of
 * letters that they share, which is cheap and forgives what people get wrong: a digit, a case, an
 * ending, an infix. */
#ifndef GANTRY_ENGINE_NEAREST_H
#define GANTRY_ENGINE_NEAREST_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

/* "nearest: t1_mpr/s003.nii, t1_mpr/s003.json", or "no file at all", "" = nothing is near. For
 * patterns of tags: "tags there: a, b". Caller frees. */
char *nearest_files(struct store *s, const int64_t *studies, size_t n, const char *patterns,
                    struct err *err) CHECK_RESULT;
/* How near, 0 to 1. */
double nearest_score(const char *pattern, const char *name);

#endif
