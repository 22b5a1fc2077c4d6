/*
 * The detector of CT triage: a model of its own in a folder of the classifier's, which says of each
 * patch of the study whether there is a finding (DESIGN 10). Order: triage_detector_find, then
 * triage_detector_run for studies, triage_detector_fini always.
 */
#ifndef GANTRY_STEPS_TRIAGE_DETECTOR_H
#define GANTRY_STEPS_TRIAGE_DETECTOR_H

#include "image/volume.h"
#include "math/box.h"
#include "model/model-card.h"
#include "steps/job.h"

struct triage_detector {
    char *folder; /* NULL: the classifier has none */
    struct model_card card;
    size_t stride; /* voxels of the model's space, from patch to patch */
    double iou_max;
    size_t box_of; /* so many of the best make the box of the study */
};

/* What was found, the best first, in voxels of the study: edges, so that the first column is from 0
 * to 1. */
struct triage_findings {
    struct box *box;
    size_t n;
    size_t best; /* so many of them, at most n, make the box of the study */
};

/* The detector that the card in `folder` names. ERR_NOTHING when it is not there, ERR_FORMAT when
 * it is no detector of patches of CT. */
bool triage_detector_find(const char *folder, const struct model_card *classifier,
                          struct triage_detector *ret, struct err *err) CHECK_RESULT;
/* Load it (or take the one that the job's process has kept) and look at every patch; progress from
 * `from` to `to`. */
bool triage_detector_run(const struct triage_detector *d, const struct volume *ct, struct job *job,
                         double from, double to, struct triage_findings *ret,
                         struct err *err) CHECK_RESULT;
void triage_findings_fini(struct triage_findings *found);
void triage_detector_fini(struct triage_detector *d);

/* "x_min,x_max,y_min,y_max,z_min,z_max" of the box around the best of them: column, row and slice
 * from 0, the upper ends not included; "N/A" when nothing was found. */
void triage_findings_words(const struct triage_findings *found, char *out, size_t size);

#endif
