/*
 * What people expect of a mask: of a label its largest part alone, or no crumbs. Parts are of
 * voxels that touch by face, edge or corner.
 */
#ifndef GANTRY_MATH_LABEL_FILTER_H
#define GANTRY_MATH_LABEL_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* Parts of `label` with fewer than `least` voxels become 0, and when `largest` all but the largest
 * part too (of equal ones the one that comes first stays). */
bool label_filter(uint8_t *labels, const size_t n[3], uint8_t label, size_t least, bool largest,
                  struct err *err) CHECK_RESULT;

#endif
