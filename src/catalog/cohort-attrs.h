/* Attributes of subjects and studies that a table gives (a CSV or TSV that somebody keeps). */
#ifndef GANTRY_CATALOG_COHORT_ATTRS_H
#define GANTRY_CATALOG_COHORT_ATTRS_H

#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

struct cohort_attrs {
    int64_t subjects, studies; /* rows that were taken */
    json_t *unknown;           /* names that nobody has, the first hundred */
    int64_t n_unknown;
};

/* {"project", "rows": [{"subject", "study"?, key: text, number or null...}]}: null takes an
 * attribute away. A subject may be named with sub- or without, a study with ses- or without.
 * Inside an operation. */
bool cohort_attrs_import(struct store *s, const json_t *args, struct cohort_attrs *ret,
                         struct err *err) CHECK_RESULT;
/* Which attributes there are: [{"name", "subjects", "studies", "example"}], by name. */
json_t *cohort_attrs_list(struct store *s, int64_t project, struct err *err) CHECK_RESULT;

#endif
