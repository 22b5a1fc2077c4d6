/* What differs between two JSON values, one line for each leaf. */
#ifndef GANTRY_ENGINE_DIFFERENCE_H
#define GANTRY_ENGINE_DIFFERENCE_H

#include "base/err.h"
#include "codec/json.h"

/* Append {"key": "args.f1.FILE", "old"?, "new"?} to `changes`; `at` is the path so far, "" at the
 * top. */
void difference(json_t *changes, const char *at, const json_t *was, const json_t *is);

#endif
