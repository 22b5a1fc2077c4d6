/* Do the arguments of a batch's job fit its tool: before anything runs, by what the descriptor says
 * of them together (needed ones, groups, what requires or excludes what). */
#ifndef GANTRY_PLAN_TOOL_ARGS_H
#define GANTRY_PLAN_TOOL_ARGS_H

#include "plan/tool.h"

/* For jobs of commands and steps at level study or subject; others pass. The message names the
 * argument and says what to do. */
bool tool_check_args(const struct tool *t, const json_t *args, struct err *err) CHECK_RESULT;

#endif
