/*
 * A white page in memory to draw on with cairo, written as PNG at the end. Part of this room: other
 * rooms use sheet.h and curve.h.
 */
#ifndef GANTRY_DRAW_CANVAS_H
#define GANTRY_DRAW_CANVAS_H

#include <cairo.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct canvas {
    cairo_surface_t *surface;
    cairo_t *cr;
    int columns, rows;
};

bool canvas_new(int columns, int rows, struct canvas *ret_canvas, struct err *err) CHECK_RESULT;
void canvas_free(struct canvas *canvas);
/* Write as RGB PNG. */
bool canvas_save(struct canvas *canvas, const char *path, struct err *err) CHECK_RESULT;

/* A grey image of columns x rows bytes, scaled to fit the box, middle aligned, smooth. */
bool canvas_grey(struct canvas *canvas, const uint8_t *grey, size_t columns, size_t rows, double x,
                 double y, double width, double height, struct err *err) CHECK_RESULT;

/* Text with its baseline at y, cut with "..." at `width`; bytes that are not UTF-8 become '?'. Grey
 * 0 = black. */
void canvas_text(struct canvas *canvas, double x, double y, double width, double size, double grey,
                 const char *text);

#endif
