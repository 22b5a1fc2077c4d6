/* What pattern-files.c and pattern-narrow.c share: nobody else includes it. */
#ifndef GANTRY_CATALOG_PATTERN_FILES_H
#define GANTRY_CATALOG_PATTERN_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "catalog/pattern-terms.h"
#include "store/store.h"

/* A file that ABS: names. */
struct path_hit {
    int64_t study, id;
};
/* The rows behind ABS: (ret has TERMS_MAX places); what the catalog does not know is left out. */
bool pattern_paths(struct store *s, int64_t project, const struct terms *terms,
                   struct path_hit *ret, size_t *ret_n, struct err *err) CHECK_RESULT;

/* Which of these studies can hold a match of another kind than ABS:, one bool each; *ret stays NULL
 * where looking for it does not pay. Caller frees. */
bool pattern_narrow(struct store *s, const struct terms *terms, const int64_t *studies, size_t n,
                    bool **ret, struct err *err) CHECK_RESULT;

#endif
