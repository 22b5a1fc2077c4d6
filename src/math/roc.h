/*
 * How well classes and scores agree with the truth. Pure arithmetic; what cannot be known (a share
 * of none, an interval from one case) is NaN, never a number that looks like one.
 *
 * Intervals hold 95 %. Shares: Wilson, Probable inference (JASA 22, 1927), without continuity
 * correction. AUC: DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988) by midranks, as Sun and
 * Xu (IEEE Signal Processing Letters 21, 2014) count them; cut off at 0 and 1.
 */
#ifndef GANTRY_MATH_ROC_H
#define GANTRY_MATH_ROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct roc_share {
    double value, low, high;
};

/* `hits` of `n`. */
void roc_wilson(size_t hits, size_t n, struct roc_share *ret);

/* Of the four kinds of case. */
struct roc_rates {
    size_t true_positive, false_positive, true_negative, false_negative;
    struct roc_share accuracy, sensitivity, specificity, ppv, npv;
};
/* The counts are given, the shares are put in. */
void roc_rates(struct roc_rates *r);

/* Area under the curve: the chance that a positive case has the greater score than a negative one,
 * ties counting half. NaN without both kinds; low and high are NaN when either kind has one case
 * only. */
bool roc_auc(const double *score, const uint8_t *positive, size_t n, struct roc_share *ret,
             struct err *err) CHECK_RESULT;

/* The curve's corners, from (0, 0) to (1, 1), one for each different score: at `score` and above a
 * case is called positive (the first is infinity). n + 1 at most; mem_free the list. Cases of both
 * kinds are needed, else the list is empty. */
struct roc_point {
    double score, false_rate, true_rate;
};
bool roc_curve(const double *score, const uint8_t *positive, size_t n, struct roc_point **ret,
               size_t *ret_n, struct err *err) CHECK_RESULT;

/* Calibration: cases by their probability in equal bins of [0, 1] (the last one closed). */
#define ROC_BINS 10
struct roc_bin {
    size_t n;
    double probability, share; /* mean of what was said, and what was true; NaN when empty */
};
struct roc_calibration {
    struct roc_bin bin[ROC_BINS];
    double brier; /* mean square of probability - truth (Brier 1950, one outcome) */
    double ece;   /* mean of |share - probability| over bins, by their cases (Naeini 2015) */
};
/* False when a probability is not within 0 to 1, or there is none. */
bool roc_calibrate(const double *probability, const uint8_t *right, size_t n,
                   struct roc_calibration *ret);

#endif
