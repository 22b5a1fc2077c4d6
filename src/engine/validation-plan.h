/*
 * What a validation will compare: the series of a prediction, and to each its mask or label of the
 * truth, or why it has none. validation_plan_open(), then the series are read and matched;
 * validation_plan_write() when the run has its number; validation_plan_close().
 *
 * The plan is a file in the validation's folder, which the report reads:
 *   {"gantry", "run", "of", "kind", "model", "version", "dataset", "truth", "predictions",
 *    "tolerance", "positive",
 *    "series": [{"item", "name", "stem", "state": "found", "no truth" or "no
 *    prediction", "truth": path or label, "reason": why there is none}]}
 */
#ifndef GANTRY_ENGINE_VALIDATION_PLAN_H
#define GANTRY_ENGINE_VALIDATION_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

#define VALIDATION_PLAN "plan.json"

struct validation_plan {
    int64_t of, project; /* the prediction */
    char *model, *version, *dataset, *task, *predictions, *root, *rec;
    char *own_rec; /* of the run, when it has one of its own */
    char *truth;   /* absolute */
    char *shown;   /* how people are told of it */
    bool table;    /* labels, not masks */
    double tolerance;
    char *positive; /* "" = as the model has it */
    json_t *series; /* as in the file */
    json_t *items;  /* ids of those with a truth */
};

/* {"run", "truth", "truth_name"? (instead of the path of a table that was sent), "tolerance"?,
 * "positive"?}. ERR_USAGE: no such prediction, it still runs, or the
 * truth is of the wrong kind; ERR_NOTHING: none of its series has a truth there. */
bool validation_plan_open(struct store *s, const json_t *args, struct validation_plan *ret,
                          struct err *err) CHECK_RESULT;
/* Into `folder`, which is made. */
bool validation_plan_write(const struct validation_plan *p, int64_t run, const char *folder,
                           struct err *err) CHECK_RESULT;
void validation_plan_close(struct validation_plan *p);

#endif
