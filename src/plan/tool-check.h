/*
 * Is a descriptor what Boutiques 0.5 asks for, and will Gantry be able to use it? Not only its
 * shape: also that names lead somewhere, and that values fit what is said about them.
 */
#ifndef GANTRY_PLAN_TOOL_CHECK_H
#define GANTRY_PLAN_TOOL_CHECK_H

#include "base/err.h"
#include "codec/json.h"

/* One text for each thing that is wrong; an empty array when all is well. NULL without memory. */
json_t *tool_check(const json_t *doc, struct err *err) CHECK_RESULT;

#endif
