/*
 * Boxes that a detector finds in a volume: how much two overlap, and one of several that mean the
 * same thing (non-maximum suppression).
 */
#ifndef GANTRY_MATH_BOX_H
#define GANTRY_MATH_BOX_H

#include <stddef.h>

struct box {
    double low[3], high[3]; /* edges, column, row, slice; high > low */
    double score;
};

/* Volume in common over volume of both together, 0..1; 0 when either is empty. */
double box_iou(const struct box *a, const struct box *b);

/* Keep the best of every group of boxes that overlap it by more than `iou_max`: the kept ones come
 * to the front, the best score first (of equal ones in their order); returns how many. Boxes whose
 * score is NaN are dropped. */
size_t box_suppress(struct box *box, size_t count, double iou_max);

/* The smallest box around all of them, with the best score; `count` >= 1. */
void box_around(const struct box *box, size_t count, struct box *ret);

#endif
