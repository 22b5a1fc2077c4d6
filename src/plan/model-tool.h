/* Which tool computes a model: a step of ours by its task, or the tool that its card names. */
#ifndef GANTRY_PLAN_MODEL_TOOL_H
#define GANTRY_PLAN_MODEL_TOOL_H

#include "base/err.h"
#include "model/model-card.h"
#include "plan/tool.h"

/* NULL and ERR_USAGE when there is none, or it lacks an input that a model's tool must have: image,
 * and where its result goes (mask, values or boxes by the model's task). */
const struct tool *model_tool(const struct tools *tools, const struct model_card *card,
                              struct err *err) CHECK_RESULT;

#endif
