/*
 * A study as CT triage sees it: a ZIP (file, folder) of DICOM, its longest axial CT series, that
 * series as a volume, and the figures of its slices. Order: triage_study_open, triage_study_read,
 * triage_study_measure, triage_study_fini always.
 */
#ifndef GANTRY_STEPS_TRIAGE_STUDY_H
#define GANTRY_STEPS_TRIAGE_STUDY_H

#include "image/dicom-series.h"
#include "math/triage-rule.h"
#include "steps/job.h"

struct triage_study {
    struct dicom_set *set;
    const struct dicom_series *series; /* the chosen one; never NULL once opened */
    size_t index;
    bool ct;        /* the chosen one is CT */
    char note[160]; /* "2 studies, took the longer"; "" when there was no choice */
    struct volume volume;
    struct zslice *slice; /* [series->slices] */
};

/* Read the headers and choose. Without any CT the longest series of another kind is chosen, so that
 * it can be said what it is. */
bool triage_study_open(const char *path, struct triage_study *ret, struct err *err) CHECK_RESULT;
/* ERR_FORMAT with the first complaint when no volume can be made of it. */
bool triage_study_read(struct triage_study *study, struct job *job, struct err *err) CHECK_RESULT;
bool triage_study_measure(struct triage_study *study, const struct zprofile_rule *rule,
                          unsigned threads, struct err *err) CHECK_RESULT;
void triage_study_fini(struct triage_study *study);

#endif
