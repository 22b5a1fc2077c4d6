/*
 * Figures of validations as JSON. Infinity, which JSON has not, is the text "inf" (so that no mask
 * at all is not taken for a large distance), and what cannot be known is null.
 */
#ifndef GANTRY_STEPS_FIGURES_H
#define GANTRY_STEPS_FIGURES_H

#include "codec/json.h"
#include "math/overlap.h"
#include "math/roc.h"

json_t *figures_number(double value);
/* The other way: NaN for null and for what is missing. */
double figures_value(const json_t *number);

/* {dice, iou, hd95, surface_dice, volume_ml, ...} */
json_t *figures_overlap(const struct overlap *o, struct err *err) CHECK_RESULT;
/* {value, low, high} */
json_t *figures_share(const struct roc_share *share);
/* {tp, fp, tn, fn, accuracy: {...}, ...} */
json_t *figures_rates(const struct roc_rates *rates, struct err *err) CHECK_RESULT;
/* auc, roc, calibration (null when the scores are no probabilities) into `object`. */
bool figures_scores(json_t *object, const double *score, const uint8_t *positive, size_t n,
                    struct err *err) CHECK_RESULT;

/* {n, infinite, mean, sd, min, q1, median, q3, max} of what is not NaN, which gets sorted; mean and
 * sd are of what is finite. Quartiles are linear between neighbours, as numpy.percentile. */
json_t *figures_summary(double *values, size_t n, struct err *err) CHECK_RESULT;

#endif
