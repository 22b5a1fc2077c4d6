/*
 * What the steps predict.* have in common: their arguments (image, series, model, model_checksum,
 * settings), the series as a volume, the model, and the head of what they write. Order:
 * predict_begin, predict_read and predict_load in any order, the work, predict_end; predict_fini
 * always.
 */
#ifndef GANTRY_STEPS_PREDICT_H
#define GANTRY_STEPS_PREDICT_H

#include "image/volume.h"
#include "infer/keep.h"
#include "model/model-card.h"
#include "steps/job.h"
#include "steps/predict-settings.h"

struct predict {
    struct job *job;
    const char *image; /* the series' file, folder or ZIP */
    char *folder;      /* of the model */
    struct model_card card;
    struct predict_settings settings;
    struct keep_model kept; /* .infer NULL: not loaded */
    struct volume volume;   /* 3-D */
    int place_code;         /* NIFTI_XFORM_* of its affine */
    double seconds_model;   /* in the model alone; the step adds to it */
};

/* Arguments, the model's card, settings: nothing is read or loaded yet. ERR_NOTHING when there is
 * no such model; ERR_FORMAT when it was changed since the run began, or is for another task. */
bool predict_begin(struct predict *p, struct job *job, enum model_task task,
                   struct err *err) CHECK_RESULT;
/* The series, read whole: NIfTI, or DICOM from a file, a folder or a ZIP. ERR_FORMAT when it holds
 * several times, or no series of that UID. */
bool predict_read(struct predict *p, struct err *err) CHECK_RESULT;
/* The model, the one that this process has kept or loaded now. */
bool predict_load(struct predict *p, struct err *err) CHECK_RESULT;
/* {"gantry", "model", "version", "series"} and, of a demonstration, "demonstration". New reference;
 * NULL with `err`. */
json_t *predict_head(const struct predict *p, struct err *err) CHECK_RESULT;
/* `doc` (a reference that is taken, may be NULL after an error) to the place of output `id`. */
bool predict_write(const struct predict *p, const char *id, json_t *doc,
                   struct err *err) CHECK_RESULT;
/* Values "device" and "seconds_model". */
bool predict_end(struct predict *p, struct err *err) CHECK_RESULT;
void predict_fini(struct predict *p);

/* Name of class or label `i` in text of `room`: the card's, or its number. */
#define PREDICT_LABEL 128
const char *predict_label(const struct model_card *card, size_t i, char room[PREDICT_LABEL]);

#endif
