/*
 * Contact sheets: one thumbnail a scan, with two lines of text under it, in rows on a white page.
 * Order of calls: sheet_new, sheet_add for each tile, sheet_save, sheet_free.
 */
#ifndef GANTRY_DRAW_SHEET_H
#define GANTRY_DRAW_SHEET_H

#include <stddef.h>
#include "base/err.h"

struct sheet;

/* `title` may be NULL. `across` = tiles in a row, 0 = as looks best. */
struct sheet *sheet_new(const char *title, size_t across, struct err *err) CHECK_RESULT;
void sheet_free(struct sheet *sheet);

/* A tile: the image [rows][columns] is shown from `low` (black) to `high` (white) and copied small.
 * `image` NULL = an empty tile with only its texts. */
bool sheet_add(struct sheet *sheet, const float *image, size_t columns, size_t rows, float low,
               float high, const char *title, const char *subtitle, struct err *err) CHECK_RESULT;

/* Write the PNG. ERR_NOTHING when there are no tiles. */
bool sheet_save(struct sheet *sheet, const char *path, struct err *err) CHECK_RESULT;

#endif
