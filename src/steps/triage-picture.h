/* The pictures of a study: three slices with their lungs, profile, decision; and the profile
 * alone. */
#ifndef GANTRY_STEPS_TRIAGE_PICTURE_H
#define GANTRY_STEPS_TRIAGE_PICTURE_H

#include "steps/triage-detector.h"
#include "steps/triage-study.h"

struct triage_words {
    const char *title;
    const char *const *line; /* why; ends at NULL */
    const char *model;       /* named at the foot */
    bool demonstration;
};

/* Write both into their staging places. */
bool triage_pictures(const struct triage_study *study, const struct zprofile_rule *rule,
                     const struct triage_decision *decision, const struct triage_findings *found,
                     const struct triage_words *words, const char *picture, const char *profile,
                     struct err *err) CHECK_RESULT;

#endif
