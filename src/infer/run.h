/*
 * A model at work on plain arrays. Order of calls: infer_open, infer_bag / infer_sliding /
 * infer_once as often as wanted, infer_close. Preparing the array (reading, turning to the card's
 * orientation, resampling to its spacing, cutting) is the caller's; infer_scale does the card's
 * window and normalisation in place.
 *
 * Arrays are [channels][slices][rows][columns], columns together; sizes are given as columns, rows,
 * slices.
 */
#ifndef GANTRY_INFER_RUN_H
#define GANTRY_INFER_RUN_H

#include "infer/ort.h"
#include "model/model-card.h"

struct infer {
    struct model_card card;
    struct ort_session *session;
    struct ort_port in; /* of the session; borrowed */
    size_t n_out;
};

/* Card and model out of a model's folder; the model's sum is checked on the very bytes that are
 * loaded. A task that was given a GPU tries it (ort_fallback). `ort` must outlive it. */
struct infer *infer_open(struct ort *ort, const char *folder, const struct ort_options *options,
                         struct err *err) CHECK_RESULT;
void infer_close(struct infer *m);

/* The shape of the model's input: what the file leaves open is filled from the card (`patch`,
 * `slices`, `channels`) with a batch of one. ERR_FORMAT when file and card contradict each other.
 */
bool infer_shape(const struct infer *m, struct ort_tensor *ret, struct err *err) CHECK_RESULT;
/* One run on zeros of that shape: does the model load and compute, and do its outputs fit the card?
 * *ret_seconds is how long it took, *ret_out the shape of the first output. */
bool infer_try(struct infer *m, struct ort_tensor *ret_out, double *ret_seconds,
               struct err *err) CHECK_RESULT;

/* The card's window and normalisation. A constant array becomes zeros under "unit" and "zscore". */
void infer_scale(const struct model_card *card, float *values, size_t n);
/* The card's activation over `n` classes, in place. */
void infer_activate(const struct model_card *card, float *values, size_t n);

#define INFER_MAX_CLASSES MODEL_MAX_LABELS

struct infer_bag_result {
    size_t classes;
    float logits[INFER_MAX_CLASSES];
    float scores[INFER_MAX_CLASSES]; /* after the card's activation */
    bool attention;                  /* the model gave one weight a slice */
};
/* One bag of card.slices slices, [slices][channels][rows][columns]. `ret_attention` (card.slices
 * values, or NULL) is filled when the model has a second output of that many values. */
bool infer_bag(struct infer *m, const float *bag, struct infer_bag_result *ret,
               float *ret_attention, struct err *err) CHECK_RESULT;

/* Any one tensor through the model: first output only, borrowed until the next run. */
bool infer_once(struct infer *m, const struct ort_tensor *in, struct ort_tensor *ret_out,
                struct err *err) CHECK_RESULT;

struct infer_sliding {
    double overlap; /* of neighbouring patches, 0 to 0.9; usual: 0.5 */
    size_t batch;   /* patches a run, where the model takes any number of them; 0 = 1 */
    /* Patch numbers (columns vary fastest, then rows, slices) in the order in which they are run;
     * NULL: as they are numbered, which needs the least memory. */
    const size_t *order;
    /* The scores of each slice once they are complete, in the order of slices: [classes][rows]
     * [columns], borrowed. Called in a thread beside the caller's; false with `err` filled ends the
     * work. */
    bool (*slice)(void *arg, size_t z, const float *scores, size_t classes, struct err *err);
    void *slice_arg;
    /* Called with what is done (0..1), in the caller's thread; may be NULL. */
    bool (*progress)(void *arg, double fraction, struct err *err);
    void *arg;
};
struct infer_sliding_done {
    size_t patches, classes;
    double seconds_model; /* in the model alone */
};
/* Segment a volume patch by patch. `volume` is [channels][n[2]][n[1]][n[0]]; of a model of slices
 * (a patch of two sizes) each slice is a patch or several. Patches overlap and are blended with a
 * Gaussian weight (deviation 1/8 of the patch), so that what a patch knows little of, its edge,
 * counts little. A volume smaller than a patch is continued with its nearest voxels. Scores are
 * those after activation; raw ones are kept within -128 and 128. The sums are whole numbers: the
 * result is the same, bit for bit, in whatever order patches are run. ERR_FAILED when a score is no
 * number. */
bool infer_sliding(struct infer *m, const float *volume, const size_t n[3],
                   const struct infer_sliding *how, struct infer_sliding_done *ret,
                   struct err *err) CHECK_RESULT;

struct infer_patch {
    size_t at[3];          /* its first voxel: column, row, slice */
    double score;          /* after activation */
    size_t label, classes; /* which of how many scores */
};
struct infer_patches {
    size_t stride;    /* from patch to patch; the last ones lie at the volume's end */
    double least;     /* smaller scores are left out */
    bool all_classes; /* each class but the background; else the last score alone counts */
    bool (*progress)(void *arg, double fraction, struct err *err); /* as above */
    void *arg;
};
/* What a detector says of each patch of a volume (as for infer_sliding). *ret is the caller's
 * (mem_free), also when *ret_n is 0. ERR_FORMAT when there are not 1 to INFER_MAX_CLASSES scores a
 * patch, ERR_FAILED when one is no number. */
bool infer_patches(struct infer *m, const float *volume, const size_t n[3],
                   const struct infer_patches *how, struct infer_patch **ret, size_t *ret_n,
                   struct err *err) CHECK_RESULT;

#endif
