/*
 * The questions are asked in the order of chest_check(), the first that has an answer gives the
 * verdict: is it CT, can its data be trusted, is it a chest, was it tampered with, is it whole.
 * Limits are lenient: a study that is refused gets no result at all. How much lung is enough
 * depends on what the headers say, because bowel gas, airways and hollow phantoms look like it.
 */
#include "math/chest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* Neighbours whose bodies differ by less agree about what belongs between them. */
#define NEIGHBOURS_AGREE 0.1
/* Air around a patient is -1000 HU; a study without anything near it is not in HU. */
#define AIR_SURELY (-200.0)
/* Lungs of this share of their largest area at an end of the series lower the confidence. */
#define CUT_SEEN 0.3

const struct chest_rule chest_rule_default = {
    .slices_min = 10,
    .unreadable_max = 0.1,
    .not_finite_max = 0.01,
    .lung_ml_said = 150,
    .lung_ml_unsaid = 500,
    .lung_ml_sure = 1500,
    .two_sided_min = 0.2,
    .lung_mm_min = 50,
    .cut_max = 0.6,
    .missing_max = 0.05,
    .equal_max = 0.01,
    .jump_min = 0.5,
    .high_hu_min = 100,
};

static const struct {
    const char *name, *words;
} status_table[CHEST_STATUS_COUNT] = {
    [CHEST_VALID] = {"valid_chest_ct", "Valid chest CT"},
    [CHEST_MODALITY] = {"invalid_modality", "Not a CT"},
    [CHEST_ANATOMY] = {"invalid_anatomy", "Not a chest"},
    [CHEST_CORRUPTED] = {"corrupted_data", "Corrupted data"},
    [CHEST_SUSPICIOUS] = {"suspicious_modification", "Suspicious modification"},
    [CHEST_INCOMPLETE] = {"incomplete_study", "Incomplete study"},
};

/* Beginnings of words, in lower case, with е for ё. */
static const char *const chest_words[] = {
    "chest", "thorax", "thorac", "lung",  "pulm",  "hrct", "mediast", "грудн",
    "груди", "грудь",  "легк",   "легоч", "торак", "огк",  NULL,
};
static const char *const other_words[] = {
    "head",  "brain", "skull",  "neck",   "face",   "facial", "sinus", "orbit",  "abdom", "pelv",
    "spine", "lumb",  "cervic", "knee",   "foot",   "hand",   "leg",   "arm",    "hip",   "ankle",
    "wrist", "elbow", "dental", "jaw",    "colon",  "extrem", "голов", "мозг",   "череп", "шея",
    "шеи",   "лиц",   "пазух",  "орбит",  "брюш",   "живот",  "таз",   "позвон", "пояс",  "колен",
    "стоп",  "кист",  "бедр",   "конечн", "челюст", "зуб",    "почек", "печен",  NULL,
};

const char *chest_status_name(enum chest_status status)
{
    return status < CHEST_STATUS_COUNT ? status_table[status].name : "unknown";
}

const char *chest_status_words(enum chest_status status)
{
    return status < CHEST_STATUS_COUNT ? status_table[status].words : "Unknown";
}

/* ---- words of the header ---- */

/* Lower case of ASCII and Russian letters in UTF-8 (U+0410..U+042F are 0x20 below their lower case;
 * their two bytes start with D0 up to U+043F, then with D1). */
static void fold(const char *text, char *ret, size_t room)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 2 < room; p++) {
        unsigned next = *p == 0xD0 || *p == 0xD1 ? p[1] : 0;
        if (next < 0x80 || next > 0xBF) {
            ret[n++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 0x20 : *p);
            continue;
        }
        unsigned letter = (*p & 0x1Fu) << 6 | (next & 0x3Fu);
        letter += letter >= 0x410 && letter <= 0x42F ? 0x20 : 0;
        letter = letter == 0x401 || letter == 0x451 ? 0x435 : letter; /* Ё, ё -> е */
        ret[n++] = (char)(0xC0 | letter >> 6);
        ret[n++] = (char)(0x80 | (letter & 0x3F));
        p++;
    }
    ret[n] = 0;
}

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || c >= 0x80;
}

/* Does any of the words begin in the text? */
static bool says(const char *folded, const char *const *words)
{
    for (; *words; words++) {
        for (const char *p = folded; (p = strstr(p, *words)) != NULL; p++) {
            if (p == folded || !is_letter((unsigned char)p[-1])) {
                return true;
            }
        }
    }
    return false;
}

/* ---- what the slices say together ---- */

struct seen {
    bool says_chest, says_other;
    size_t lung_slices, two_sided, blank, copies, not_finite;
    size_t foreign; /* index of a slice that does not belong; 0 = none */
    double low, high;
    double cut; /* lung area at the worse end, as a share of the largest */
    bool cut_first;
};

static int by_print(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Slices that equal another one; blank ones do not count. Without memory for it: none. */
static size_t count_copies(const struct chest_facts *f)
{
    uint64_t *print = mem_array(f->slices + 1, sizeof *print, NULL);
    size_t n = 0, copies = 0;
    for (size_t i = 0; print && i < f->slices; i++) {
        if (f->slice[i].high > f->slice[i].low) {
            print[n++] = f->slice[i].print;
        }
    }
    if (print) {
        qsort(print, n, sizeof *print, by_print);
    }
    for (size_t i = 1; i < n; i++) {
        copies += print[i] == print[i - 1];
    }
    mem_free(print);
    return copies;
}

static size_t find_foreign(const struct chest_facts *f, double jump)
{
    for (size_t i = 1; i + 1 < f->slices; i++) {
        double before = (double)f->slice[i - 1].body_px, here = (double)f->slice[i].body_px;
        double behind = (double)f->slice[i + 1].body_px, most = fmax(before, behind);
        if (fabs(before - behind) < NEIGHBOURS_AGREE * most && fabs(here - before) > jump * most &&
            fabs(here - behind) > jump * most) {
            return i;
        }
    }
    return 0;
}

static void look(const struct chest_facts *f, const struct chest_rule *rule, struct seen *s,
                 struct chest_verdict *v)
{
    double largest = 0, area = 0;

    for (size_t i = 0; i < sizeof f->words / sizeof *f->words; i++) {
        char folded[256];
        fold(f->words[i] ? f->words[i] : "", folded, sizeof folded);
        s->says_chest |= says(folded, chest_words);
        s->says_other |= says(folded, other_words);
    }
    for (size_t i = 0; i < f->slices; i++) {
        const struct zslice *z = &f->slice[i];
        s->blank += !(z->high > z->low);
        s->not_finite += z->not_finite;
        s->low = fmin(s->low, z->low);
        s->high = fmax(s->high, z->high);
        if (z->area_px > 0) {
            v->first = s->lung_slices++ ? v->first : i;
            v->last = i;
            s->two_sided += z->left_px > 0 && z->right_px > 0;
            area += (double)z->area_px * f->px_mm2;
            largest = fmax(largest, (double)z->area_px);
        }
    }
    v->lung_ml = area * f->spacing_mm / 1000;
    v->lung_mm = s->lung_slices ? (double)(v->last - v->first + 1) * f->spacing_mm : 0;
    if (s->lung_slices) {
        double head = (double)f->slice[0].area_px / largest;
        double tail = (double)f->slice[f->slices - 1].area_px / largest;
        s->cut = fmax(head, tail);
        s->cut_first = head >= tail;
    }
    s->copies = count_copies(f);
    s->foreign = find_foreign(f, rule->jump_min);
}

/* ---- the questions; each true when it has answered ---- */

static bool answer(struct chest_verdict *v, enum chest_status status, double confidence)
{
    v->status = status;
    v->confidence = confidence;
    return true;
}

#define SAY(v, ...) snprintf((v)->reason, sizeof(v)->reason, __VA_ARGS__)

static bool is_corrupted(const struct chest_facts *f, const struct chest_rule *rule,
                         const struct seen *s, struct chest_verdict *v)
{
    double all = (double)(f->slices + f->unreadable),
           samples = (double)f->slices * (double)f->samples;
    if (f->slices == 0) {
        SAY(v, "none of %zu slices could be read", f->unreadable);
        return answer(v, CHEST_CORRUPTED, 1);
    }
    if ((double)f->unreadable > rule->unreadable_max * all) {
        SAY(v, "%zu of %.0f slices could not be read", f->unreadable, all);
        return answer(v, CHEST_CORRUPTED, 0.95);
    }
    if ((double)s->blank > rule->unreadable_max * all) {
        SAY(v, "%zu of %.0f slices have the same value everywhere", s->blank, all);
        return answer(v, CHEST_CORRUPTED, 0.95);
    }
    if ((double)s->not_finite > rule->not_finite_max * samples) {
        SAY(v, "%.1f %% of the samples are not numbers", 100 * (double)s->not_finite / samples);
        return answer(v, CHEST_CORRUPTED, 0.9);
    }
    if (s->low > AIR_SURELY) {
        SAY(v, "the lowest value is %.0f HU, but air around a patient is -1000: these are not HU",
            s->low);
        return answer(v, CHEST_CORRUPTED, 0.8);
    }
    return false;
}

/* Headers that name another part need much lung to be overruled. */
static bool is_elsewhere(const struct chest_facts *f, const struct chest_rule *rule,
                         const struct seen *s, struct chest_verdict *v)
{
    bool elsewhere = s->says_other && !s->says_chest;
    double need = s->says_chest ? rule->lung_ml_said
        : elsewhere             ? rule->lung_ml_sure
                                : rule->lung_ml_unsaid;
    const char *header = elsewhere ? ", and the header names another part of the body"
        : s->says_chest            ? ", though the header says chest"
                                   : "";
    if (s->lung_slices == 0) {
        SAY(v, "no lungs in any of %zu slices%s", f->slices, header);
        return answer(v, CHEST_ANATOMY, elsewhere ? 1 : s->says_chest ? 0.8 : 0.95);
    }
    if (f->spacing_mm > 0 && v->lung_ml < need) {
        SAY(v, "only %.0f ml of what may be lung in %zu slices%s; a chest has at least %.0f",
            v->lung_ml, s->lung_slices, header, need);
        return answer(v, CHEST_ANATOMY, elsewhere ? 0.95 : 0.8);
    }
    /* A cavity full of air; a person with one lung has headers that say chest. */
    if (!s->says_chest && (double)s->two_sided < rule->two_sided_min * (double)s->lung_slices) {
        SAY(v, "air on both sides in only %zu of %zu slices: not a pair of lungs%s", s->two_sided,
            s->lung_slices, header);
        return answer(v, CHEST_ANATOMY, elsewhere ? 0.9 : 0.7);
    }
    return false;
}

static bool is_suspicious(const struct chest_facts *f, const struct chest_rule *rule,
                          const struct seen *s, struct chest_verdict *v)
{
    if ((double)s->copies > rule->equal_max * (double)f->slices) {
        SAY(v, "%zu of %zu slices are exact copies of others", s->copies, f->slices);
        return answer(v, CHEST_SUSPICIOUS, 0.9);
    }
    if (s->foreign) {
        SAY(v,
            "slice %zu does not belong between its neighbours: its body has %zu pixels, theirs "
            "%zu and %zu",
            s->foreign, f->slice[s->foreign].body_px, f->slice[s->foreign - 1].body_px,
            f->slice[s->foreign + 1].body_px);
        return answer(v, CHEST_SUSPICIOUS, 0.8);
    }
    if (s->high < rule->high_hu_min) {
        SAY(v, "nothing is denser than %.0f HU: bone is missing, values were cut off", s->high);
        return answer(v, CHEST_SUSPICIOUS, 0.7);
    }
    return false;
}

static bool is_incomplete(const struct chest_facts *f, const struct chest_rule *rule,
                          const struct seen *s, struct chest_verdict *v)
{
    double all = (double)(f->slices + f->missing);
    if ((double)f->missing > rule->missing_max * all) {
        SAY(v, "%zu of %.0f slices are missing", f->missing, all);
        return answer(v, CHEST_INCOMPLETE, 0.95);
    }
    if (s->cut > rule->cut_max) {
        SAY(v, "the lungs are cut off: in the %s slice they have %.0f %% of their largest area",
            s->cut_first ? "first" : "last", 100 * s->cut);
        return answer(v, CHEST_INCOMPLETE, 0.85);
    }
    if (f->spacing_mm > 0 && v->lung_mm < rule->lung_mm_min) {
        SAY(v, "lungs over %.0f mm only; a chest has at least %.0f", v->lung_mm, rule->lung_mm_min);
        return answer(v, CHEST_INCOMPLETE, 0.8);
    }
    return false;
}

static bool is_too_short(const struct chest_facts *f, const struct chest_rule *rule,
                         struct chest_verdict *v)
{
    if (f->not_axial) {
        SAY(v, "the slices are not axial");
        return answer(v, CHEST_INCOMPLETE, 0.9);
    }
    if ((double)f->slices < rule->slices_min) {
        SAY(v, "%zu slice%s; a chest needs at least %.0f", f->slices, f->slices == 1 ? "" : "s",
            rule->slices_min);
        return answer(v, CHEST_INCOMPLETE, 0.95);
    }
    return false;
}

static void accept(const struct chest_facts *f, const struct chest_rule *rule, const struct seen *s,
                   struct chest_verdict *v)
{
    double doubt = 0;
    const char *header = "the header says chest";

    if (!s->says_chest) {
        doubt += s->says_other ? 0.3 : 0.1;
        header = s->says_other ? "though the header names another part of the body"
                               : "the header names no part of the body";
    }
    doubt += f->unreadable || f->missing || s->blank ? 0.1 : 0;
    doubt += f->duplicates || s->copies ? 0.05 : 0;
    doubt += s->cut > CUT_SEEN ? 0.1 : 0;
    doubt += f->spacing_mm > 0 && v->lung_ml < rule->lung_ml_sure ? 0.1 : 0;
    SAY(v, "%.1f litres of lung over %.0f mm in %zu of %zu slices; %s", v->lung_ml / 1000,
        v->lung_mm, s->lung_slices, f->slices, header);
    answer(v, CHEST_VALID, 1 - doubt);
}

void chest_check(const struct chest_facts *facts, const struct chest_rule *rule,
                 struct chest_verdict *ret)
{
    struct chest_verdict v = {.status = CHEST_VALID};
    struct seen seen = {.low = INFINITY, .high = -INFINITY};

    rule = rule ? rule : &chest_rule_default;
    look(facts, rule, &seen, &v);
    if (!facts->ct) {
        SAY(&v, "the modality is %s, not CT",
            facts->modality && *facts->modality ? facts->modality : "not given");
        answer(&v, CHEST_MODALITY, 1);
    } else if (!is_corrupted(facts, rule, &seen, &v) && !is_too_short(facts, rule, &v) &&
               !is_elsewhere(facts, rule, &seen, &v) && !is_suspicious(facts, rule, &seen, &v) &&
               !is_incomplete(facts, rule, &seen, &v)) {
        accept(facts, rule, &seen, &v);
    }
    *ret = v;
}
