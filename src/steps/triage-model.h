/*
 * The classifier of CT triage: which model is meant, is it usable, and its probability for a study.
 * Order: triage_model_find, then triage_model_load and triage_model_run for studies,
 * triage_model_fini always.
 */
#ifndef GANTRY_STEPS_TRIAGE_MODEL_H
#define GANTRY_STEPS_TRIAGE_MODEL_H

#include "image/volume.h"
#include "infer/keep.h"
#include "math/triage-rule.h"
#include "model/model-card.h"
#include "steps/job.h"
#include "steps/triage-detector.h"

struct triage_model {
    bool none;    /* the z-profile alone */
    char *folder; /* of the model */
    struct model_card card;
    struct triage_rule rule; /* the default's numbers, and the card's own over them */
    struct keep *keep;       /* of the job */
    struct keep_model kept;  /* .infer NULL: not loaded */
};

/* `word`: none, a registered name, a folder; "" = the first CT classifier that is registered, a
 * site's own before the one that ships. ERR_NOTHING says what to do when there is none; ERR_FORMAT
 * when it is no classifier of slices. `home` may be NULL. */
bool triage_model_find(const char *home, const char *word, struct triage_model *ret,
                       struct err *err) CHECK_RESULT;
/* Open the runtime and the model, or take the one that the job's process has kept. ERR_NOTHING says
 * what to install. The job must outlive it. */
bool triage_model_load(struct triage_model *m, struct job *job, struct err *err) CHECK_RESULT;
/* Probability of pathology. */
bool triage_model_run(struct triage_model *m, const struct volume *ct, unsigned threads,
                      double *ret_p, struct err *err) CHECK_RESULT;
void triage_model_fini(struct triage_model *m);

/* {"classifier": {name, label, file, architecture, auc, demonstration, version, checksum} or null,
 * "detector": the same or null, "model": folder or none, "checksum"}. New reference. */
json_t *triage_model_facts(const struct triage_model *m, const struct triage_detector *d,
                           struct err *err) CHECK_RESULT;

#endif
