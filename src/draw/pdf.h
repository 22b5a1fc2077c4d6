/*
 * A report in PDF, A4 upright, in points of 1/72 inch from the upper left corner: text, lines, and
 * the plots of validations. Order: pdf_new, drawing, pdf_next for each further page, pdf_save,
 * pdf_free. Text that is too long is cut with "...".
 */
#ifndef GANTRY_DRAW_PDF_H
#define GANTRY_DRAW_PDF_H

#include <stddef.h>
#include "base/err.h"

#define PDF_WIDTH 595.0
#define PDF_HEIGHT 842.0

struct pdf;

struct pdf *pdf_new(const char *title, struct err *err) CHECK_RESULT;
void pdf_free(struct pdf *pdf);
/* The next page, and how many there are now. */
size_t pdf_next(struct pdf *pdf);
bool pdf_save(struct pdf *pdf, const char *path, struct err *err) CHECK_RESULT;

/* Baseline at y. grey 0 = black. */
void pdf_text(struct pdf *pdf, double x, double y, double width, double size, double grey,
              const char *text);
void pdf_text_right(struct pdf *pdf, double right, double y, double width, double size, double grey,
                    const char *text);
void pdf_line(struct pdf *pdf, double x0, double y0, double x1, double y1, double grey);

struct pdf_box {
    double x, y, width, height;
};

/* Box plots, one a row: whiskers at the least and greatest value, box at the quartiles, a line at
 * the median, a dot at the mean. Values beyond the axis are cut off there. */
struct pdf_five {
    const char *name;
    double low, q1, median, q3, high, mean;
    double red, green, blue;
};
void pdf_boxes(struct pdf *pdf, struct pdf_box at, const char *title, const struct pdf_five *five,
               size_t n, double axis_low, double axis_high);

/* A curve in the unit square with its diagonal; `points`: circles instead of a line, their area by
 * `weight` (0..1). */
void pdf_unit_plot(struct pdf *pdf, struct pdf_box at, const char *title, const char *x_label,
                   const char *y_label, const double *x, const double *y, const double *weight,
                   size_t n);

/* Rows are the truth, columns what was said; `count` [n][n]. */
void pdf_matrix(struct pdf *pdf, struct pdf_box at, const char *title, const char *const *name,
                const size_t *count, size_t n);

#endif
