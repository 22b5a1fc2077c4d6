/* A launch as it would be: the plan task by task, or its sum. Nothing is written. */
#ifndef GANTRY_ENGINE_PREVIEW_H
#define GANTRY_ENGINE_PREVIEW_H

#include "engine/select.h"

/* A run that is not in the store, for binding; its parts are borrowed but for what preview_fini
 * frees. */
bool preview_run(struct store *s, const json_t *args, json_t *batch, json_t *params,
                 json_t *options, struct active *ret, struct err *err) CHECK_RESULT;
void preview_fini(struct active *run);

/* answer "plan": every task with its command, inputs, outputs, bytes, memory. */
bool preview_plan(struct engine *e, struct store *s, struct active *run,
                  const struct selection *sel, json_t *answer, struct err *err) CHECK_RESULT;
/* What a person confirms before a launch (B14): how many rows, which phases, which slots. */
bool preview_sum(struct engine *e, struct store *s, struct active *run, const struct selection *sel,
                 json_t *answer, struct err *err) CHECK_RESULT;

#endif
