/* `gantry predict --dataset D --model M`: a Batch Prediction, the same run that the page's form
 * makes. */
#ifndef GANTRY_CLI_PREDICT_DATASET_H
#define GANTRY_CLI_PREDICT_DATASET_H

#include "cli/command.h"

bool predict_dataset(struct cli *c, struct err *err) CHECK_RESULT;
/* Options that say nothing without --dataset. */
bool predict_dataset_words(struct cli *c, struct err *err) CHECK_RESULT;

#endif
