/* The operations on runs and tasks, spread over op-run.c, op-task.c and op-look.c. */
#ifndef GANTRY_ENGINE_OP_RUN_H
#define GANTRY_ENGINE_OP_RUN_H

#include "engine/op.h"

op_function op_run_rerun; /* op-rerun.c */
op_function op_run_create, op_run_resume, op_run_interrupt;
op_function op_task_signal, op_task_retry, op_task_clear;
op_function op_item_adopt, op_task_why, op_batch_save, op_batch_remove, op_engine_state,
    op_engine_flush;

op_function op_batch_mark, op_batch_copy, op_verdict_put; /* op-batch.c */

/* A batch by name (saved, or shipped) or as it is; checked. New reference. */
json_t *op_find_batch(struct engine *e, struct store *s, const json_t *wanted,
                      struct err *err) CHECK_RESULT;

#endif
