/* The decision of DESIGN 10 to the digit, and the six verdicts about a study (REQUIREMENTS T3, T9c,
 * X20). Every expectation is worked out by hand. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "math/triage-rule.h"

#define assert_near(value, wanted) assert_true(fabs((value) - (wanted)) < 1e-9)

static struct zstudy study(double z, double dense, double hu, double emph)
{
    return (struct zstudy){.slices = 300,
                           .lung_slices = 200,
                           .avg_dense_500 = dense,
                           .avg_hu = hu,
                           .avg_emph_950 = emph,
                           .z = z};
}

static void assert_vote(struct zstudy s, int pathology, unsigned normal, unsigned strong,
                        double confidence)
{
    struct triage_rule rule;
    struct triage_vote vote;
    triage_rule_defaults(&rule);
    triage_vote(&s, &rule, &vote);
    assert_int_equal(vote.pathology, pathology);
    assert_int_equal(vote.normal, normal);
    assert_int_equal(vote.strong, strong);
    assert_near(vote.confidence, confidence);
}

static void votes(void **state)
{
    (void)state;
    assert_vote(study(0.35, 0.025, -850, 0.05), 0, 4, 0, 0.9); /* limits count */
    assert_vote(study(0.36, 0.025, -850, 0.05), 0, 3, 0, 0.8);
    assert_vote(study(0.36, 0.026, -850, 0.05), 0, 2, 0, 0.6);
    assert_vote(study(0.36, 0.026, -850, 0.06), 1, 1, 0, 0.5);
    assert_vote(study(0.36, 0.045, -850, 0.05), 1, 2, 1,
                0.5); /* a strong sign: not weakly normal */
    assert_vote(study(0.60, 0.045, -850, 0.05), 1, 2, 2, 0.9);
    assert_vote(study(0.60, 0.045, -880, 0.05), 1, 1, 3, 1.0);
    assert_vote(study(0.60, 0.045, -880, 0.20), 1, 0, 4, 1.0); /* 0.7 + 4 x 0.1, at most 1 */
    assert_vote(study(0.599, 0.0449, -879, 0.199), 1, 0, 0, 0.5);
    assert_vote(study(0.60, 0.01, -800, 0.01), 0, 3, 1, 0.8); /* three normal signs win */
}

static struct triage_decision decide(double p, size_t nodules, struct zstudy s)
{
    struct err err = {ERR_NONE, ""};
    struct triage_decision d;
    assert_ok(triage_decide(p, nodules, &s, NULL, &d, &err), err);
    return d;
}

/* X20: the guide's own p and z give 0.2715 by this rule. */
static void guide_numbers(void **state)
{
    (void)state;
    struct triage_decision d = decide(0.2431, 0, study(0.2237, 0.02, -820, 0.01));
    assert_near(d.p_lifted, 0.3431);
    assert_near(d.z_calmed, 0.2237);
    assert_near(d.probability, 0.27146);
    assert_int_equal(d.pathology, 0);
    assert_int_equal(d.decided_by, 0);
    assert_near(d.confidence, 0.9 * 0.9);
    assert_string_equal(d.reason,
                        "no sign of pathology is strong enough: the z-profile votes 0 (4 of 4 "
                        "normal signs), p' 0.3431, z' 0.2237 (limit 0.47), probability 0.2715 "
                        "(limit 0.32)");
}

static void five_conditions(void **state)
{
    (void)state;
    struct zstudy ill = study(0.40, 0.03, -840, 0.06);     /* one normal sign: vote 1 */
    struct zstudy healthy = study(0.10, 0.01, -800, 0.01); /* vote 0 */
    struct triage_decision d;

    d = decide(0.41, 0, ill);
    assert_int_equal(d.decided_by, 1);
    assert_true(d.pathology == 1 && strstr(d.reason, "p' 0.4100 is above 0.40"));
    d = decide(0.40, 3, ill); /* not lifted, not above 0.40 */
    assert_int_equal(d.decided_by, 2);
    assert_true(strstr(d.reason, "3 nodules") != NULL);
    d = decide(0.40, 2, ill);
    assert_int_equal(d.decided_by, 5); /* 0.6 x 0.40 + 0.4 x 0.40 = 0.40 */
    assert_near(d.probability, 0.40);

    healthy.z = 0.21;
    d = decide(0.41, 0, healthy);
    assert_int_equal(d.decided_by, 3);
    healthy.z = 0.20;
    d = decide(0.41, 0, healthy); /* 0.12 + 0.164 */
    assert_int_equal(d.decided_by, 0);
    assert_near(d.probability, 0.284);
    d = decide(0.51, 9, healthy); /* 0.12 + 0.204: nodules do not count without the vote */
    assert_int_equal(d.decided_by, 5);
    assert_near(d.probability, 0.324);
    assert_true(strstr(d.reason, "0.3240 (0.6 z' 0.2000 + 0.4 p' 0.5100) is above 0.32") != NULL);
    d = decide(0.50, 0, healthy); /* 0.12 + 0.2 = 0.32, not above */
    assert_int_equal(d.pathology, 0);
    healthy.z = 0.48;
    healthy.avg_dense_500 = 0.01;
    d = decide(0.1, 0, healthy);
    assert_int_equal(d.decided_by, 4);
    assert_true(strstr(d.reason, "z' 0.4800 is above 0.47") != NULL);
}

/* p is lifted below 0.35 only; z is calmed above 0.55 when p (not p') is below 0.25. */
static void lifted_and_calmed(void **state)
{
    (void)state;
    struct triage_decision d = decide(0.35, 0, study(0.7, 0.01, -800, 0.01));
    assert_near(d.p_lifted, 0.35);
    assert_near(d.z_calmed, 0.7);
    d = decide(0.3499, 0, study(0.7, 0.01, -800, 0.01));
    assert_near(d.p_lifted, 0.4499);
    d = decide(0.25, 0, study(0.7, 0.01, -800, 0.01));
    assert_near(d.z_calmed, 0.7);
    d = decide(0.2499, 0, study(0.7, 0.01, -800, 0.01));
    assert_near(d.z_calmed, 0.45);
    assert_near(d.probability, 0.6 * 0.45 + 0.4 * 0.3499);
    assert_int_equal(d.decided_by, 5);
    d = decide(0.1, 0, study(0.55, 0.01, -800, 0.01));
    assert_near(d.z_calmed, 0.55);
    d = decide(0.97, 0, study(0.1, 0.01, -800, 0.01));
    assert_near(d.confidence, 0.9 * 0.97);
}

static void bad_probability(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct zstudy s = study(0.2, 0.01, -800, 0.01);
    struct triage_decision d;
    assert_false(triage_decide(NAN, 0, &s, NULL, &d, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_false(triage_decide(1.01, 0, &s, NULL, &d, &err));
}

/* Every number of the rule has a name, a range that holds its default, and help. */
static void settings(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct triage_rule rule, before;
    struct zstudy s = study(0.2, 0.01, -800, 0.01);
    struct triage_decision d;
    triage_rule_defaults(&rule);
    for (size_t i = 0; i < triage_setting_count; i++) {
        const struct triage_setting *at = &triage_setting_table[i];
        double value = triage_setting_get(&rule, at);
        assert_ptr_equal(triage_setting_find(at->name), at);
        assert_int_equal(at->offset, i * sizeof(double)); /* in the struct's order, each once */
        assert_true(value >= at->low && value <= at->high && strlen(at->help) > 5);
        before = rule;
        assert_ok(triage_rule_set(&rule, at->name, at->high, &err), err);
        assert_near(triage_setting_get(&rule, at), at->high);
        rule = before;
    }
    assert_false(triage_rule_set(&rule, "no_such", 1, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_false(triage_rule_set(&rule, "weight_z", 1.5, &err));
    assert_string_equal(err.text, "weight_z is 1.5; it must lie between 0 and 1");
    assert_false(triage_rule_set(&rule, "weight_z", NAN, &err));
    assert_ok(triage_rule_set(&rule, "probability_above", 0.1, &err), err);
    assert_ok(triage_decide(0.1, 0, &s, &rule, &d, &err), err);
    assert_int_equal(d.decided_by, 5);
}

/* ---- verdicts ---- */

enum { SLICES = 100 };

/* 100 slices of 3 mm, lungs in 10..89 growing to 30,000 pixels of 0.5 mm2 and shrinking again. */
struct study_of {
    struct zslice slice[SLICES];
    struct chest_facts facts;
};

static void make(struct study_of *s)
{
    *s = (struct study_of){.facts = {.ct = true,
                                     .modality = "CT",
                                     .words = {"CHEST", NULL, NULL, NULL},
                                     .spacing_mm = 3,
                                     .px_mm2 = 0.5,
                                     .samples = 262144,
                                     .slices = SLICES}};
    s->facts.slice = s->slice;
    for (size_t i = 0; i < SLICES; i++) {
        size_t lung = i < 10 || i >= 90 ? 0 : 30000 - 700 * (size_t)labs((long)i - 50);
        s->slice[i] = (struct zslice){.area_px = lung,
                                      .left_px = lung / 2,
                                      .right_px = lung - lung / 2,
                                      .low = -1024,
                                      .high = 900,
                                      .body_px = 90000 + 10 * i,
                                      .print = 1000 + i};
    }
}

static struct chest_verdict check(const struct study_of *s)
{
    struct chest_verdict v;
    chest_check(&s->facts, NULL, &v);
    assert_true(v.confidence >= 0 && v.confidence <= 1 && strlen(v.reason) > 10);
    return v;
}

#define assert_verdict(s, wanted, part)                                    \
    do {                                                                   \
        struct chest_verdict got = check(s);                               \
        if (got.status != (wanted) || !strstr(got.reason, part)) {         \
            fail_msg("%s: %s", chest_status_name(got.status), got.reason); \
        }                                                                  \
    } while (0)

static void valid(void **state)
{
    (void)state;
    struct study_of s;
    struct chest_verdict v;
    double area = 0;
    make(&s);
    for (size_t i = 0; i < SLICES; i++) {
        area += (double)s.slice[i].area_px * 0.5;
    }
    v = check(&s);
    assert_int_equal(v.status, CHEST_VALID);
    assert_near(v.confidence, 1);
    assert_near(v.lung_ml, area * 3 / 1000);
    assert_near(v.lung_mm, 240);
    assert_true(v.first == 10 && v.last == 89);
    assert_string_equal(
        v.reason, "1.9 litres of lung over 240 mm in 80 of 100 slices; the header says chest");
    s.facts.words[0] = NULL;
    assert_near(check(&s).confidence, 0.9);
    s.facts.words[2] = "abdomen";
    assert_near(check(&s).confidence, 0.7);
    s.facts.words[3] = "ОРГАНЫ ГРУДНОЙ КЛЕТКИ";
    assert_near(check(&s).confidence, 1);
    s.facts.duplicates = 2;
    s.facts.missing = 1;
    assert_near(check(&s).confidence, 0.85);
}

static void modality_and_anatomy(void **state)
{
    (void)state;
    struct study_of s;
    make(&s);
    s.facts.ct = false;
    s.facts.modality = "MR";
    assert_verdict(&s, CHEST_MODALITY, "the modality is MR, not CT");
    s.facts.modality = NULL;
    assert_verdict(&s, CHEST_MODALITY, "not given");

    make(&s);
    for (size_t i = 0; i < SLICES; i++) {
        s.slice[i].area_px /= 8; /* a quarter of a litre */
    }
    assert_verdict(&s, CHEST_VALID, "0.2 litres");
    s.facts.words[0] = "";
    assert_verdict(&s, CHEST_ANATOMY, "a chest has at least 500");
    for (size_t i = 0; i < SLICES; i++) {
        s.slice[i].area_px *= 4;
    }
    assert_verdict(&s, CHEST_VALID, "no part of the body");
    s.facts.words[1] = "КТ Брюшной полости";
    assert_verdict(&s, CHEST_ANATOMY, "names another part");
    for (size_t i = 0; i < SLICES; i++) {
        s.slice[i].area_px = 0;
    }
    assert_verdict(&s, CHEST_ANATOMY, "no lungs in any of 100 slices, and the header names");
    assert_near(check(&s).confidence, 1);
    s.facts.words[0] = "ЛЁГКИЕ";
    assert_verdict(&s, CHEST_ANATOMY, "though the header says chest");
}

/* A hollow head: air enough for lungs, but one cavity in the middle. */
static void one_cavity(void **state)
{
    (void)state;
    struct study_of s;
    make(&s);
    s.facts.words[0] = "";
    for (size_t i = 0; i < SLICES; i++) {
        s.slice[i].left_px = i < 26 ? s.slice[i].left_px : 0; /* 16 of 80 */
    }
    assert_verdict(&s, CHEST_VALID, "");
    s.slice[25].left_px = 0;
    assert_verdict(&s, CHEST_ANATOMY, "in only 15 of 80 slices: not a pair of lungs");
    s.facts.words[0] = "CHEST"; /* with one lung */
    assert_verdict(&s, CHEST_VALID, "");
}

/* Only beginnings of words count: a forearm is no "arm" to be found, "heart" holds "ear". */
static void words_of_headers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double confidence; /* 1 says chest, 0.9 nothing, 0.7 another part */
    } rows[] = {
        {"Thorax^Routine", 1},
        {"LUNG 1.0 B70f", 1},
        {"CHEST ABD PELVIS", 1},
        {"HEAD", 0.7},
        {"Overhead", 0.9},
        {"pharm", 0.9},
        {"ОГК", 1},
        {"Грудная клетка", 1},
        {"Голова", 0.7},
        {"кт легких", 1},
        {"", 0.9},
        {"\xD0", 0.9},
        {"ct_chest_lowdose", 1},
        {"Шея и грудь", 1},
        {"5.0 x 5.0", 0.9},
    };
    struct study_of s;
    make(&s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        s.facts.words[0] = rows[i].text;
        if (fabs(check(&s).confidence - rows[i].confidence) > 1e-9) {
            fail_msg("'%s': %g", rows[i].text, check(&s).confidence);
        }
    }
}

static void corrupted(void **state)
{
    (void)state;
    struct study_of s;
    make(&s);
    s.facts.unreadable = 12; /* of 112: above a tenth */
    assert_verdict(&s, CHEST_CORRUPTED, "12 of 112 slices could not be read");
    s.facts.unreadable = 11;
    assert_verdict(&s, CHEST_VALID, "");
    s.facts.slices = 0;
    assert_verdict(&s, CHEST_CORRUPTED, "none of 11 slices");

    make(&s);
    for (size_t i = 0; i < 11; i++) {
        s.slice[i].high = s.slice[i].low;
    }
    assert_verdict(&s, CHEST_CORRUPTED, "11 of 100 slices have the same value");
    make(&s);
    s.slice[4].not_finite = 262144;
    assert_verdict(&s, CHEST_VALID, "");
    s.slice[5].not_finite = 1;
    assert_verdict(&s, CHEST_CORRUPTED, "not numbers");
    make(&s);
    for (size_t i = 0; i < SLICES; i++) {
        s.slice[i].low = 0;
    }
    assert_verdict(&s, CHEST_CORRUPTED, "these are not HU");
}

static void suspicious(void **state)
{
    (void)state;
    struct study_of s;
    make(&s);
    s.slice[31].print = s.slice[30].print;
    assert_verdict(&s, CHEST_VALID, ""); /* one of 100 may be */
    s.slice[72].print = s.slice[30].print;
    assert_verdict(&s, CHEST_SUSPICIOUS, "2 of 100 slices are exact copies");
    make(&s);
    s.slice[40].body_px = 30000;
    assert_verdict(&s, CHEST_SUSPICIOUS, "slice 40 does not belong");
    make(&s);
    for (size_t i = 0; i < SLICES; i++) {
        s.slice[i].high = 90;
    }
    assert_verdict(&s, CHEST_SUSPICIOUS, "bone is missing");
}

static void incomplete(void **state)
{
    (void)state;
    struct study_of s;
    make(&s);
    s.facts.slices = 9;
    assert_verdict(&s, CHEST_INCOMPLETE, "9 slices; a chest needs at least 10");
    make(&s);
    s.facts.not_axial = true;
    assert_verdict(&s, CHEST_INCOMPLETE, "not axial");
    make(&s);
    s.facts.missing = 6;
    assert_verdict(&s, CHEST_INCOMPLETE, "6 of 106 slices are missing");
    make(&s);
    s.facts.slices = 60; /* ends at 24,000 of 30,000 */
    assert_verdict(&s, CHEST_INCOMPLETE, "in the last slice they have 79 %");
    make(&s);
    s.facts.slice = s.slice + 45;
    s.facts.slices = 55;
    assert_verdict(&s, CHEST_INCOMPLETE, "in the first slice");
    make(&s);
    s.facts.spacing_mm = 0.5;
    assert_verdict(&s, CHEST_INCOMPLETE, "lungs over 40 mm only");
    s.facts.spacing_mm = 0; /* unknown: neither volume nor height is judged */
    assert_verdict(&s, CHEST_VALID, "");
}

static void names(void **state)
{
    (void)state;
    static const char *const wanted[] = {"valid_chest_ct",          "invalid_modality",
                                         "invalid_anatomy",         "corrupted_data",
                                         "suspicious_modification", "incomplete_study"};
    for (int i = 0; i < CHEST_STATUS_COUNT; i++) {
        assert_string_equal(chest_status_name((enum chest_status)i), wanted[i]);
        assert_true(strlen(chest_status_words((enum chest_status)i)) > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(votes),           cmocka_unit_test(guide_numbers),
        cmocka_unit_test(five_conditions), cmocka_unit_test(lifted_and_calmed),
        cmocka_unit_test(bad_probability), cmocka_unit_test(settings),
        cmocka_unit_test(valid),           cmocka_unit_test(modality_and_anatomy),
        cmocka_unit_test(one_cavity),      cmocka_unit_test(words_of_headers),
        cmocka_unit_test(corrupted),       cmocka_unit_test(suspicious),
        cmocka_unit_test(incomplete),      cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
