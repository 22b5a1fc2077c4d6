/* Queues (Q8): a job's own, else its batch's, else the option default_queue. The option `queues`
 * has the names, each with the number of tasks that may run in it at once here ("default, night:2";
 * no number = no limit of its own). */
#ifndef GANTRY_ENGINE_QUEUES_H
#define GANTRY_ENGINE_QUEUES_H

#include "engine/engine.h"

/* *ret points into the job, the batch or the options. ERR_USAGE names an unknown queue and those
 * there are; ERR_UNSUPPORTED: a cluster's (slurm, sge, ssh). */
bool queue_of(const struct engine *e, const json_t *batch, const json_t *job, const char **ret,
              struct err *err) CHECK_RESULT;
/* Every job's queue is known. */
bool queues_check(const struct engine *e, const json_t *batch, struct err *err) CHECK_RESULT;
/* Most tasks at once; 0 = no limit. */
int queue_limit(const struct engine *e, const char *queue);

#endif
