/* What lies in <folder>_rec already (REQUIREMENTS B6): the status of a scan that Gantry has not
 * worked on. Folders are listed once for as long as the object lives. */
#ifndef GANTRY_CATALOG_OUTPUTS_H
#define GANTRY_CATALOG_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct outputs;

struct outputs *outputs_new(const char *rec, struct err *err) CHECK_RESULT;
void outputs_free(struct outputs *o);
/* "Full 0-63", "Done full", "Done try" or "Ready" for the scan `name` (relative to the project)
 * into `out` of at least 64 bytes. `was` is its status now: a full folder that was read before and
 * is still there is not read again. */
bool outputs_status(struct outputs *o, const char *name, const char *was, char *out, size_t size,
                    struct err *err) CHECK_RESULT;

#endif
