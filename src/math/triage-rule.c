/* The table of settings, the vote, the decision. Comparisons are those of DESIGN 10, in its order.
 */
#include "math/triage-rule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Four strong signs would add up to more. */
#define CONFIDENCE_MAX 1.0

#define IN(field) offsetof(struct triage_rule, field)
#define HU_LOW (-1100.0)
#define HU_HIGH 3100.0

/* clang-format off */
const struct triage_setting triage_setting_table[] = {
    /* a slice */
    {"air_hu", IN(zprofile.air_hu), HU_LOW, HU_HIGH, "air and lung lie below this HU"},
    {"close_radius_px", IN(zprofile.close_radius_px), 0, MORPH_RADIUS_MAX, "disk that closes the lung mask"},
    {"min_object_px", IN(zprofile.min_object_px), 0, 1e9, "smaller parts are no lung"},
    {"min_hole_px", IN(zprofile.min_hole_px), 0, 1e9, "smaller holes are filled"},
    {"dense_500_hu", IN(zprofile.dense_500_hu), HU_LOW, HU_HIGH, "frac_dense_m500 counts what is above"},
    {"dense_300_hu", IN(zprofile.dense_300_hu), HU_LOW, HU_HIGH, "frac_dense_m300 counts what is above"},
    {"emph_950_hu", IN(zprofile.emph_950_hu), HU_LOW, HU_HIGH, "frac_emph_m950 counts what is below"},
    {"high_dense_above", IN(zprofile.high_dense_above), 0, 1, "a slice with more frac_dense_m500 is abnormal"},
    {"low_hu_below", IN(zprofile.low_hu_below), HU_LOW, HU_HIGH, "a slice with a lower mean_lung_HU is abnormal"},
    {"high_emph_above", IN(zprofile.high_emph_above), 0, 1, "a slice with more frac_emph_m950 is abnormal"},
    /* the score */
    {"dense_from", IN(zprofile.dense_from), -1, 1, "sign dense = (avg_dense_500 - from) / span"},
    {"dense_span", IN(zprofile.dense_span), 1e-6, 10, "its span"},
    {"hu_from", IN(zprofile.hu_from), HU_LOW, HU_HIGH, "sign hu = (from - avg_hu) / span"},
    {"hu_span", IN(zprofile.hu_span), 1e-6, 5000, "its span"},
    {"emph_span", IN(zprofile.emph_span), 1e-6, 10, "sign emph = avg_emph_950 / span"},
    {"asym_from", IN(zprofile.asym_from), -1, 1, "sign asym = (avg_asymmetry - from) / span"},
    {"asym_span", IN(zprofile.asym_span), 1e-6, 10, "its span"},
    {"weight_dense", IN(zprofile.weight_dense), 0, 1, "weight of the sign in the score"},
    {"weight_hu", IN(zprofile.weight_hu), 0, 1, "weight of the sign in the score"},
    {"weight_emph", IN(zprofile.weight_emph), 0, 1, "weight of the sign in the score"},
    {"weight_asym", IN(zprofile.weight_asym), 0, 1, "weight of the sign in the score"},
    {"weight_abnormal", IN(zprofile.weight_abnormal), 0, 1, "weight of the share of abnormal slices in the score"},
    /* is it a chest CT */
    {"chest_slices_min", IN(chest.slices_min), 1, 10000, "fewer slices are an incomplete study"},
    {"chest_unreadable_max", IN(chest.unreadable_max), 0, 1, "a greater share of unreadable slices is corrupted data"},
    {"chest_not_finite_max", IN(chest.not_finite_max), 0, 1, "a greater share of samples that are no numbers is corrupted data"},
    {"chest_lung_ml_said", IN(chest.lung_ml_said), 0, 20000, "least lung when the headers say chest"},
    {"chest_lung_ml_unsaid", IN(chest.lung_ml_unsaid), 0, 20000, "least lung when the headers say nothing"},
    {"chest_lung_ml_sure", IN(chest.lung_ml_sure), 0, 20000, "least lung when the headers say another part of the body"},
    {"chest_two_sided_min", IN(chest.two_sided_min), 0, 1, "lungs on both sides in a smaller share of the slices with lungs are no chest, unless the headers say so"},
    {"chest_lung_mm_min", IN(chest.lung_mm_min), 0, 2000, "lungs over less height are an incomplete study"},
    {"chest_cut_max", IN(chest.cut_max), 0, 1, "lungs of a greater share of their largest area in the first or last slice are cut off"},
    {"chest_missing_max", IN(chest.missing_max), 0, 1, "a greater share of missing slices is an incomplete study"},
    {"chest_equal_max", IN(chest.equal_max), 0, 1, "a greater share of slices that are copies is a suspicious modification"},
    {"chest_jump_min", IN(chest.jump_min), 0, 10, "a slice whose body differs by this share from both neighbours, which agree, does not belong there"},
    {"chest_high_hu_min", IN(chest.high_hu_min), HU_LOW, HU_HIGH, "a chest without anything denser was cut off at the top"},
    /* the vote */
    {"normal_z_max", IN(normal_z_max), 0, 1, "normal sign: z up to this"},
    {"normal_dense_max", IN(normal_dense_max), 0, 1, "normal sign: avg_dense_500 up to this"},
    {"normal_hu_min", IN(normal_hu_min), HU_LOW, HU_HIGH, "normal sign: avg_hu from this on"},
    {"normal_emph_max", IN(normal_emph_max), 0, 1, "normal sign: avg_emph_950 up to this"},
    {"strong_z_min", IN(strong_z_min), 0, 1, "strong sign: z from this on"},
    {"strong_dense_min", IN(strong_dense_min), 0, 1, "strong sign: avg_dense_500 from this on"},
    {"strong_hu_max", IN(strong_hu_max), HU_LOW, HU_HIGH, "strong sign: avg_hu up to this"},
    {"strong_emph_min", IN(strong_emph_min), 0, 1, "strong sign: avg_emph_950 from this on"},
    {"normal_signs_min", IN(normal_signs_min), 0, 5, "so many normal signs vote 0"},
    {"strong_signs_min", IN(strong_signs_min), 0, 5, "else so many strong signs vote 1"},
    {"weak_signs_min", IN(weak_signs_min), 0, 5, "else so many normal signs without a strong one vote 0; else 1"},
    {"normal_confidence", IN(normal_confidence), 0, 1, "confidence of a normal vote, and sign_confidence for each sign over normal_signs_min"},
    {"strong_confidence", IN(strong_confidence), 0, 1, "confidence of a strong vote, and sign_confidence for each sign"},
    {"sign_confidence", IN(sign_confidence), 0, 1, "what one sign adds"},
    {"weak_confidence", IN(weak_confidence), 0, 1, "confidence of a weak normal vote"},
    {"rest_confidence", IN(rest_confidence), 0, 1, "confidence of the vote that is left"},
    /* the decision */
    {"lift_below", IN(lift_below), 0, 1, "p' = p + lift_by when p is below this"},
    {"lift_by", IN(lift_by), 0, 1, "what p is lifted by"},
    {"calm_above", IN(calm_above), 0, 1, "z' = calm_to when z is above this and p below calm_below"},
    {"calm_below", IN(calm_below), 0, 1, "the limit of p"},
    {"calm_to", IN(calm_to), 0, 1, "what z is calmed to"},
    {"weight_z", IN(weight_z), 0, 1, "weight of z' in the probability"},
    {"weight_p", IN(weight_p), 0, 1, "weight of p' in the probability"},
    {"vote_p_above", IN(vote_p_above), 0, 1, "1: vote 1 and p' above this"},
    {"nodules_min", IN(nodules_min), 0, 1e6, "2: vote 1 and so many nodules"},
    {"both_p_above", IN(both_p_above), 0, 1, "3: p' above this and z' above both_z_above"},
    {"both_z_above", IN(both_z_above), 0, 1, "the limit of z'"},
    {"z_above", IN(z_above), 0, 1, "4: z' above this"},
    {"probability_above", IN(probability_above), 0, 1, "5: probability above this"},
    {"confidence_factor", IN(confidence_factor), 0, 1, "confidence = this times the greater of the vote's confidence and p'"},
};
/* clang-format on */
const size_t triage_setting_count = sizeof triage_setting_table / sizeof *triage_setting_table;

_Static_assert(sizeof triage_setting_table / sizeof *triage_setting_table ==
                   sizeof(struct triage_rule) / sizeof(double),
               "every number of the rule has its setting");

void triage_rule_defaults(struct triage_rule *ret)
{
    *ret = (struct triage_rule){
        .zprofile = zprofile_rule_default,
        .chest = chest_rule_default,
        .normal_z_max = 0.35,
        .normal_dense_max = 0.025,
        .normal_hu_min = -850,
        .normal_emph_max = 0.05,
        .strong_z_min = 0.6,
        .strong_dense_min = 0.045,
        .strong_hu_max = -880,
        .strong_emph_min = 0.2,
        .normal_signs_min = 3,
        .strong_signs_min = 2,
        .weak_signs_min = 2,
        .normal_confidence = 0.8,
        .strong_confidence = 0.7,
        .sign_confidence = 0.1,
        .weak_confidence = 0.6,
        .rest_confidence = 0.5,
        .lift_below = 0.35,
        .lift_by = 0.10,
        .calm_above = 0.55,
        .calm_below = 0.25,
        .calm_to = 0.45,
        .weight_z = 0.6,
        .weight_p = 0.4,
        .vote_p_above = 0.40,
        .nodules_min = 3,
        .both_p_above = 0.40,
        .both_z_above = 0.20,
        .z_above = 0.47,
        .probability_above = 0.32,
        .confidence_factor = 0.9,
    };
}

const struct triage_setting *triage_setting_find(const char *name)
{
    for (size_t i = 0; i < triage_setting_count; i++) {
        if (strcmp(triage_setting_table[i].name, name) == 0) {
            return &triage_setting_table[i];
        }
    }
    return NULL;
}

double triage_setting_get(const struct triage_rule *rule, const struct triage_setting *setting)
{
    double value;
    memcpy(&value, (const char *)rule + setting->offset, sizeof value);
    return value;
}

bool triage_rule_set(struct triage_rule *rule, const char *name, double value, struct err *err)
{
    const struct triage_setting *setting = triage_setting_find(name);
    if (!setting) {
        return err_set(err, ERR_USAGE, "the triage rule has no number named '%s'", name);
    }
    if (!(value >= setting->low && value <= setting->high)) {
        return err_set(err, ERR_USAGE, "%s is %g; it must lie between %g and %g", name, value,
                       setting->low, setting->high);
    }
    memcpy((char *)rule + setting->offset, &value, sizeof value);
    return true;
}

void triage_vote(const struct zstudy *s, const struct triage_rule *rule, struct triage_vote *ret)
{
    unsigned normal = (unsigned)(s->z <= rule->normal_z_max) +
        (unsigned)(s->avg_dense_500 <= rule->normal_dense_max) +
        (unsigned)(s->avg_hu >= rule->normal_hu_min) +
        (unsigned)(s->avg_emph_950 <= rule->normal_emph_max);
    unsigned strong = (unsigned)(s->z >= rule->strong_z_min) +
        (unsigned)(s->avg_dense_500 >= rule->strong_dense_min) +
        (unsigned)(s->avg_hu <= rule->strong_hu_max) +
        (unsigned)(s->avg_emph_950 >= rule->strong_emph_min);
    struct triage_vote vote = {1, normal, strong, rule->rest_confidence};

    if (normal >= rule->normal_signs_min) {
        vote.pathology = 0;
        vote.confidence = rule->normal_confidence +
            rule->sign_confidence * ((double)normal - rule->normal_signs_min);
    } else if (strong >= rule->strong_signs_min) {
        vote.confidence = rule->strong_confidence + rule->sign_confidence * (double)strong;
    } else if (normal >= rule->weak_signs_min && strong == 0) {
        vote.pathology = 0;
        vote.confidence = rule->weak_confidence;
    }
    vote.confidence = fmin(vote.confidence, CONFIDENCE_MAX);
    *ret = vote;
}

/* The first condition that holds, 1..5; 0 when none does. */
static unsigned decide(const struct triage_decision *d, const struct triage_rule *rule)
{
    int vote = d->vote.pathology;
    if (vote == 1 && d->p_lifted > rule->vote_p_above) {
        return 1;
    }
    if (vote == 1 && (double)d->nodules >= rule->nodules_min) {
        return 2;
    }
    if (d->p_lifted > rule->both_p_above && d->z_calmed > rule->both_z_above) {
        return 3;
    }
    if (d->z_calmed > rule->z_above) {
        return 4;
    }
    return d->probability > rule->probability_above ? 5 : 0;
}

static void explain(const struct triage_rule *rule, struct triage_decision *d)
{
    char *to = d->reason;
    size_t room = sizeof d->reason;

    switch (d->decided_by) {
    case 1:
        snprintf(
            to, room,
            "the z-profile votes 1 (%u of 4 strong signs, %u of 4 normal) and the classifier's "
            "p' %.4f is above %.2f",
            d->vote.strong, d->vote.normal, d->p_lifted, rule->vote_p_above);
        break;
    case 2:
        snprintf(to, room,
                 "the z-profile votes 1 (%u of 4 strong signs, %u of 4 normal) and there are %zu "
                 "nodules, %.0f or more",
                 d->vote.strong, d->vote.normal, d->nodules, rule->nodules_min);
        break;
    case 3:
        snprintf(to, room,
                 "the classifier's p' %.4f is above %.2f and the z-profile's z' %.4f above %.2f",
                 d->p_lifted, rule->both_p_above, d->z_calmed, rule->both_z_above);
        break;
    case 4:
        snprintf(to, room, "the z-profile's z' %.4f is above %.2f", d->z_calmed, rule->z_above);
        break;
    case 5:
        snprintf(to, room, "the probability %.4f (%.2g z' %.4f + %.2g p' %.4f) is above %.2f",
                 d->probability, rule->weight_z, d->z_calmed, rule->weight_p, d->p_lifted,
                 rule->probability_above);
        break;
    default:
        snprintf(to, room,
                 "no sign of pathology is strong enough: the z-profile votes %d (%u of 4 normal "
                 "signs), p' %.4f, z' %.4f (limit %.2f), probability %.4f (limit %.2f)",
                 d->vote.pathology, d->vote.normal, d->p_lifted, d->z_calmed, rule->z_above,
                 d->probability, rule->probability_above);
    }
}

bool triage_decide(double p, size_t nodules, const struct zstudy *study,
                   const struct triage_rule *rule, struct triage_decision *ret, struct err *err)
{
    struct triage_rule usual;
    struct triage_decision d = {.p = p, .p_lifted = p, .z = study->z, .z_calmed = study->z};

    if (!(p >= 0 && p <= 1)) {
        return err_set(err, ERR_FORMAT, "the classifier's probability is %g, not one of 0 to 1", p);
    }
    if (!rule) {
        triage_rule_defaults(&usual);
        rule = &usual;
    }
    d.nodules = nodules;
    triage_vote(study, rule, &d.vote);
    if (p < rule->lift_below) {
        d.p_lifted = p + rule->lift_by;
    }
    if (study->z > rule->calm_above && p < rule->calm_below) {
        d.z_calmed = rule->calm_to;
    }
    d.probability = rule->weight_z * d.z_calmed + rule->weight_p * d.p_lifted;
    d.decided_by = decide(&d, rule);
    d.pathology = d.decided_by != 0;
    d.confidence = rule->confidence_factor * fmax(d.vote.confidence, d.p_lifted);
    explain(rule, &d);
    *ret = d;
    return true;
}
