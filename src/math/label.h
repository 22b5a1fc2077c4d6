/*
 * Connected components, of slices (neighbours by edge: 4, or also by corner: 8) and of volumes (by
 * face: 6, or also by edge and corner: 26). A picture is cut into runs of set pixels along its
 * rows; runs that touch are united. Parts are numbered in the order of their first voxel (columns
 * fastest, then rows, then slices), as scikit-image and SciPy number them.
 *
 * `struct labels l = {0};`, labels_bitmap() or labels_mask() as often as needed (memory is kept
 * between calls), labels_fini().
 */
#ifndef GANTRY_MATH_LABEL_H
#define GANTRY_MATH_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "math/bitmap.h"

struct label_run {
    uint32_t first, end; /* columns first..end-1 */
    uint32_t row;        /* slice * rows + row */
    uint32_t part;       /* 0-based */
};

struct label_part {
    size_t voxels;
    size_t low[3], high[3]; /* column, row, slice of the box, both ends inside it */
    double centre[3];       /* mean column, row, slice */
    bool border;            /* touches the outermost voxels (of a slice: its four sides) */
};

struct labels {
    size_t n[3]; /* columns, rows, slices */
    struct label_run *run;
    size_t runs, run_room;
    struct label_part *part;
    size_t parts, part_room;
    size_t *row; /* runs of row r are row[r]..row[r + 1] - 1 */
    size_t row_room;
    uint32_t *parent;
    size_t parent_room;
};

bool labels_bitmap(struct labels *l, const struct bitmap *b, bool corners,
                   struct err *err) CHECK_RESULT;
/* Voxels that are not 0 of n[0] x n[1] x n[2]; n[2] = 1 is a slice. */
bool labels_mask(struct labels *l, const uint8_t *mask, const size_t n[3], bool corners,
                 struct err *err) CHECK_RESULT;
void labels_fini(struct labels *l);

/* Part numbers from 1 on, 0 where the mask was 0. */
void labels_paint(const struct labels *l, uint32_t *ret);
/* The largest parts, the largest first, of equal ones the one with the lower number; returns how
 * many there are, at most `most`. */
size_t labels_largest(const struct labels *l, size_t most, size_t *ret_part);

#endif
