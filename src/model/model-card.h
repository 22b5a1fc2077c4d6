/*
 * A model's card: model.json beside model.onnx in the model's folder (docs/formats/
 * model.schema.json; model_patchwork.json is understood as a name too). A model whose engine is a
 * tool has no model.onnx. It says what goes in, what
 * comes out and what a user may change. Both programs read it: the lean one to list models and to
 * check settings before anything is queued, the imaging one to prepare what the model is fed with.
 *
 * Sizes, spacings and directions stand in the order columns, rows, slices (columns vary fastest in
 * memory): a tensor of the model has them the other way round, slices x rows x columns.
 */
#ifndef GANTRY_MODEL_MODEL_CARD_H
#define GANTRY_MODEL_MODEL_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "codec/json.h"

#define MODEL_MAX_LABELS 256
#define MODEL_MAX_NAME 64

enum model_task { MODEL_CLASSIFICATION, MODEL_SEGMENTATION, MODEL_COR, MODEL_DETECTION };
enum model_scaling {
    MODEL_AS_IS,  /* "none" */
    MODEL_UNIT,   /* 0 to 1 over the window, without one over least and greatest */
    MODEL_ZSCORE, /* mean 0, deviation 1 */
    MODEL_WINDOW  /* the window's ends 0 and 1, clipped to it */
};
enum model_activation { MODEL_RAW, MODEL_SIGMOID, MODEL_SOFTMAX };

struct model_card {
    json_t *root;     /* all text below points into it */
    char *file;       /* the card's path */
    char *onnx;       /* model.onnx beside it; NULL: a tool computes */
    const char *tool; /* "engine": "tool:NAME": its name; NULL: ONNX Runtime computes model.onnx */
    const char *name;
    char version[64];
    const char *description, *architecture; /* "" when not said */
    bool demonstration;                     /* not made for patients' data, named so in outputs */
    enum model_task task;
    const char *modality;
    const char *orientation; /* "LPS": where columns, rows, slices grow; NULL: any */
    double spacing_mm[3];
    size_t n_spacing; /* 0: the image's own */
    bool windowed;
    double window[2];
    enum model_scaling scaling;
    size_t patch[3];
    size_t n_patch;    /* 0: whatever model.onnx says */
    size_t slices;     /* of a bag; 0: no bag */
    size_t slices_min; /* a series with fewer does not fit; 0: any will do */
    size_t channels;
    const char *labels[MODEL_MAX_LABELS];
    size_t n_labels;
    const char *colours[MODEL_MAX_LABELS]; /* "#rrggbb"; NULL where none is said */
    size_t min_voxels;                     /* smaller parts of a mask go; 0: none do */
    const json_t *largest_only; /* true, or labels: only their largest part stays; NULL: not said */
    double threshold;
    enum model_activation activation;
    const char *detector;   /* folder in the model's folder with a model of its own; NULL: none */
    const json_t *settings; /* object, NULL when there are none */
    const json_t *scores;   /* object of numbers: how good it was, NULL when not said */
    const char *licence, *source;
    const char *checksum; /* SHA-256 of model.onnx, 64 hexadecimal digits; "" of a tool */
};

/* Read the card in `folder`. ERR_NOTHING when there is none; ERR_FORMAT names file and key. */
bool model_card_read(const char *folder, struct model_card *ret, struct err *err) CHECK_RESULT;
/* The same from a value (a reference is taken); `file` names it in messages. */
bool model_card_parse(json_t *root, const char *file, struct model_card *ret,
                      struct err *err) CHECK_RESULT;
void model_card_fini(struct model_card *card);
/* Is model.onnx the one that the card was written for? ERR_FORMAT with both sums when not. */
bool model_card_verify(const struct model_card *card, struct err *err) CHECK_RESULT;
/* The same for bytes in memory. */
bool model_card_verify_bytes(const struct model_card *card, const void *bytes, size_t n,
                             struct err *err) CHECK_RESULT;

/* "classification" and so on. */
const char *model_task_word(enum model_task task);
/* Letters, digits and . _ - only, not beginning with a dot. */
bool model_name_check(const char *name, struct err *err) CHECK_RESULT;

/* All settings with their values: what was given (NULL: nothing), checked against type, range and
 * choices, over the defaults; slice_first does not lie behind slice_last. ERR_USAGE names the
 * setting. New reference. */
json_t *model_settings(const struct model_card *card, const json_t *given,
                       struct err *err) CHECK_RESULT;
/* A number among such values (or `fallback`). */
double model_setting(const json_t *settings, const char *name, double fallback);

#endif
