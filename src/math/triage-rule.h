/*
 * From the z-profile of a study and the classifier's probability to a decision with its reason
 * (DESIGN 10, `hybrid_cnn_ksl`). Every number of it can be set by name, because a model's
 * model.json may bring a site's own (its `settings`), and provenance records them.
 *
 * triage_rule_defaults(), triage_rule_set() for each setting of the model, triage_decide().
 */
#ifndef GANTRY_MATH_TRIAGE_RULE_H
#define GANTRY_MATH_TRIAGE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "math/chest.h"
#include "math/zprofile.h"

struct triage_rule {
    struct zprofile_rule zprofile;
    struct chest_rule chest;
    /* the z-profile's vote */
    double normal_z_max, normal_dense_max, normal_hu_min, normal_emph_max;
    double strong_z_min, strong_dense_min, strong_hu_max, strong_emph_min;
    double normal_signs_min, strong_signs_min, weak_signs_min;
    double normal_confidence, strong_confidence, sign_confidence, weak_confidence, rest_confidence;
    /* the hybrid decision */
    double lift_below, lift_by;             /* p' = p + lift_by if p < lift_below */
    double calm_above, calm_below, calm_to; /* z' = calm_to if z > calm_above and p < calm_below */
    double weight_z, weight_p;
    double vote_p_above, nodules_min, both_p_above, both_z_above, z_above, probability_above;
    double confidence_factor;
};
/* DESIGN 10's numbers. */
void triage_rule_defaults(struct triage_rule *ret);

/* One number of the rule, for help and for tables. */
struct triage_setting {
    const char *name;
    size_t offset; /* of a double in struct triage_rule */
    double low, high;
    const char *help;
};
extern const struct triage_setting triage_setting_table[];
extern const size_t triage_setting_count;
/* NULL when there is none of the name. */
const struct triage_setting *triage_setting_find(const char *name);
double triage_setting_get(const struct triage_rule *rule, const struct triage_setting *setting);
/* ERR_USAGE: no setting of that name, or the value is not in its range. */
bool triage_rule_set(struct triage_rule *rule, const char *name, double value,
                     struct err *err) CHECK_RESULT;

struct triage_vote {
    int pathology;           /* 0 or 1 */
    unsigned normal, strong; /* signs, of 4 each */
    double confidence;
};
void triage_vote(const struct zstudy *study, const struct triage_rule *rule,
                 struct triage_vote *ret);

struct triage_decision {
    struct triage_vote vote;
    double p, p_lifted; /* the classifier's, and p' */
    double z, z_calmed;
    size_t nodules;
    double probability;
    int pathology;       /* 0 or 1 */
    unsigned decided_by; /* which of the five conditions held first; 0 = none, pathology 0 */
    double confidence;
    char reason[320]; /* in words, with the values compared */
};
/* `p` is the classifier's probability, 0..1 (ERR_FORMAT otherwise); `nodules` what a detector
 * found, 0 without one. `rule` NULL = the default. */
bool triage_decide(double p, size_t nodules, const struct zstudy *study,
                   const struct triage_rule *rule, struct triage_decision *ret,
                   struct err *err) CHECK_RESULT;

#endif
