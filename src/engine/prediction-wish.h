/*
 * What somebody wants predicted: a model, a data set, some of its series, settings; read from the
 * arguments of an operation and checked before anything is queued (W3, W14).
 *
 * Order: prediction_wish_open, prediction_wish_series, then fields are valid until
 * prediction_wish_close (also after a failure).
 */
#ifndef GANTRY_ENGINE_PREDICTION_WISH_H
#define GANTRY_ENGINE_PREDICTION_WISH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "engine/engine.h"
#include "model/model-card.h"
#include "store/store.h"

struct prediction_wish {
    int64_t dataset, project;
    char *dataset_name, *rec;
    struct model_card card;
    const struct tool *tool;
    const char *checksum; /* of model.onnx; of a tool its descriptor's */
    json_t *settings;     /* all of them, with values */
    char *settings_text;  /* the same, keys sorted */
    /* prediction_wish_series */
    int64_t total;   /* series that were asked for */
    json_t *fit;     /* ids of those that fit, by name */
    json_t *misfits; /* [{reason: "2 MR", word: "MR", n, items: [ids]}] */
    double seconds;  /* of all that fit, one after another; below 0: not known */
};

/* args: {"dataset": id or name, "model": name, "settings"?: object}. ERR_USAGE names what is
 * missing or wrong. */
bool prediction_wish_open(struct engine *e, struct store *s, const json_t *args,
                          struct prediction_wish *ret, struct err *err) CHECK_RESULT;
/* args: {"items"?: ids, "series"?: selectors (catalog/series-select.h); both are a union, neither
 * means all of them; "trial"?: true keeps the first that fits}. */
bool prediction_wish_series(struct store *s, const json_t *args, struct prediction_wish *w,
                            struct err *err) CHECK_RESULT;
void prediction_wish_close(struct prediction_wish *w);

/* The batch that does it: one job at level series. New reference. */
json_t *prediction_batch(const struct prediction_wish *w, struct err *err) CHECK_RESULT;
/* <rec>/predictions/<model>-<8 digits of model and settings>. Caller frees. */
char *prediction_folder(const struct prediction_wish *w, struct err *err) CHECK_RESULT;

#endif
