/*
 * Is a study a chest CT that the triage may judge (DESIGN 10, validation)? From what its headers
 * say and from what the slices show. chest_check() gives one of six verdicts, a confidence and the
 * reason in words.
 */
#ifndef GANTRY_MATH_CHEST_H
#define GANTRY_MATH_CHEST_H

#include <stdbool.h>
#include <stddef.h>
#include "math/zprofile.h"

enum chest_status {
    CHEST_VALID,
    CHEST_MODALITY,
    CHEST_ANATOMY,
    CHEST_CORRUPTED,
    CHEST_SUSPICIOUS,
    CHEST_INCOMPLETE,
    CHEST_STATUS_COUNT
};
/* "valid_chest_ct", "invalid_modality", ... */
const char *chest_status_name(enum chest_status status);
/* For people: "Valid chest CT", "Not a CT", ... */
const char *chest_status_words(enum chest_status status);

/* Every limit of the check; doubles, so that they can be set by name (triage-rule.h). */
struct chest_rule {
    double slices_min, unreadable_max, not_finite_max;
    double lung_ml_said, lung_ml_unsaid, lung_ml_sure; /* see chest.c */
    double two_sided_min;
    double lung_mm_min, cut_max, missing_max;
    double equal_max, jump_min, high_hu_min;
};
extern const struct chest_rule chest_rule_default;

struct chest_facts {
    bool ct;              /* SOP class or modality say CT */
    const char *modality; /* what the header says; NULL = nothing */
    /* Body part, protocol, series and study description: English or Russian; entries may be NULL.
     */
    const char *words[4];
    size_t unreadable; /* slices of the series that could not be read */
    size_t missing;    /* gaps between positions, in slices */
    size_t duplicates; /* further slices at a position that was taken already */
    bool not_axial;
    double spacing_mm; /* between slices; 0 = unknown */
    double px_mm2;
    size_t samples;             /* of a slice */
    const struct zslice *slice; /* [slices], in the order of their positions */
    size_t slices;              /* that were read */
};

struct chest_verdict {
    enum chest_status status;
    double confidence; /* of the verdict, 0..1 */
    char reason[240];
    double lung_ml;
    double lung_mm;     /* from the first slice with lungs to the last */
    size_t first, last; /* those slices; 0 without lungs */
};
/* `rule` NULL = the default. */
void chest_check(const struct chest_facts *facts, const struct chest_rule *rule,
                 struct chest_verdict *ret);

#endif
