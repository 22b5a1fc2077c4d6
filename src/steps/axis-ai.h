/*
 * A model looks for the rotation axis. Two kinds are known, told apart by the card of the model.
 *
 * One that compares (ours, share/models/cor-gantry): a window at a row of centres goes in, a score
 * for each comes out; the search goes from binned columns to whole ones and between the centres.
 * Its card has no `slices`.
 *
 * A classifier of single slices (a site's, TomoGUI's protocol): each try slice is made smaller, cut
 * to 8 bit, and `slices` windows of it are judged; the best slice wins. Its settings `downsample`,
 * `bits` and `seed` default to 2, 8 and 10.
 *
 * Order of calls: axis_ai_open, axis_ai_search or axis_ai_judge as the kind is, axis_ai_close.
 */
#ifndef GANTRY_STEPS_AXIS_AI_H
#define GANTRY_STEPS_AXIS_AI_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "math/centre.h"
#include "math/recon.h"
#include "steps/job.h"

struct axis_ai;

/* `model` is a folder (when it has a '/'), else a name in <home>/models or among those that ship.
 * ERR_NOTHING when there is no ONNX Runtime, with what to do. The job must outlive it. */
struct axis_ai *axis_ai_open(struct job *job, const char *model, struct err *err) CHECK_RESULT;
void axis_ai_close(struct axis_ai *ai);

/* Does it judge single slices? */
bool axis_ai_classifies(const struct axis_ai *ai);

/* A sinogram [angles][columns] in the order of theta_rad, as for a reconstruction. */
struct axis_ai_scan {
    const float *sino;
    const double *theta_rad;
    size_t angles, columns;
    enum recon_algorithm algorithm;
    enum filter_kind filter;
    unsigned threads;
};

/* Compare lo..hi (columns; lo >= hi = the middle half). `ret_curve` is of the first, coarse row:
 * best = lowest. ERR_FORMAT: fewer columns than a window. */
bool axis_ai_search(struct axis_ai *ai, const struct axis_ai_scan *scan, double lo, double hi,
                    struct centre_result *ret, struct centre_curve *ret_curve,
                    struct err *err) CHECK_RESULT;

/* Judge slices about lo..hi in steps of `step`. The curve is 1 - score of each. */
bool axis_ai_judge(struct axis_ai *ai, const struct axis_ai_scan *scan, double lo, double hi,
                   double step, struct centre_result *ret, struct centre_curve *ret_curve,
                   struct err *err) CHECK_RESULT;

/* The same for the try slices of that number in a folder, all of them; centres are those of their
 * names. *ret_any is false, and nothing else is told, when there are fewer than two. */
bool axis_ai_judge_files(struct axis_ai *ai, const char *dir, size_t slice, bool *ret_any,
                         struct centre_result *ret, struct centre_curve *ret_curve,
                         struct err *err) CHECK_RESULT;

/* The score 0..1 of one slice of n x n. */
bool axis_ai_score(struct axis_ai *ai, const float *slice, size_t n, double *ret_score,
                   struct err *err) CHECK_RESULT;
/* The best of scores that ascend in centre, the last of equal ones; `confidence` is how far it
 * stands above all that are more than two pixels away. */
void axis_ai_best(const double *centre, const double *score, size_t count,
                  struct centre_result *ret);

#endif
