/* Cairo's PDF surface, written into memory, so that a full disk is told from a bad drawing. */
#include "draw/pdf.h"

#include <cairo-pdf.h>
#include <math.h>
#include <stdio.h>
#include "base/mem.h"
#include "base/str.h"
#include "codec/utf8.h"
#include "draw/canvas.h"
#include "os/file.h"

#define SMALL 8.0 /* points: numbers at axes */

struct pdf {
    struct canvas canvas;
    struct str bytes;
    size_t pages;
};

static cairo_status_t take(void *arg, const unsigned char *data, unsigned length)
{
    struct str *bytes = arg;

    str_addn(bytes, (const char *)data, length);
    return bytes->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

struct pdf *pdf_new(const char *title, struct err *err)
{
    struct pdf *pdf = mem_zero(sizeof(*pdf), err);

    if (pdf == NULL) {
        return NULL;
    }
    pdf->pages = 1;
    pdf->canvas.columns = (int)PDF_WIDTH;
    pdf->canvas.rows = (int)PDF_HEIGHT;
    pdf->canvas.surface =
        cairo_pdf_surface_create_for_stream(take, &pdf->bytes, PDF_WIDTH, PDF_HEIGHT);
    pdf->canvas.cr = cairo_create(pdf->canvas.surface);
    if (cairo_status(pdf->canvas.cr) != CAIRO_STATUS_SUCCESS) {
        err_set(err, ERR_NOMEM, "a PDF: %s", cairo_status_to_string(cairo_status(pdf->canvas.cr)));
        pdf_free(pdf);
        return NULL;
    }
    cairo_pdf_surface_set_metadata(pdf->canvas.surface, CAIRO_PDF_METADATA_TITLE,
                                   str_utf8(title) ? title : "");
    cairo_pdf_surface_set_metadata(pdf->canvas.surface, CAIRO_PDF_METADATA_CREATOR,
                                   "Gantry " GANTRY_VERSION);
    return pdf;
}

void pdf_free(struct pdf *pdf)
{
    if (pdf != NULL) {
        canvas_free(&pdf->canvas);
        str_fini(&pdf->bytes);
        mem_free(pdf);
    }
}

size_t pdf_next(struct pdf *pdf)
{
    cairo_show_page(pdf->canvas.cr);
    return ++pdf->pages;
}

bool pdf_save(struct pdf *pdf, const char *path, struct err *err)
{
    cairo_status_t status;

    cairo_show_page(pdf->canvas.cr);
    status = cairo_status(pdf->canvas.cr);
    cairo_surface_finish(pdf->canvas.surface);
    status = status != CAIRO_STATUS_SUCCESS ? status : cairo_surface_status(pdf->canvas.surface);
    if (status != CAIRO_STATUS_SUCCESS) {
        return err_set(err, ERR_FAILED, "drawing the report: %s", cairo_status_to_string(status));
    }
    return str_ok(&pdf->bytes, err) && file_put(path, str_text(&pdf->bytes), pdf->bytes.len, err);
}

void pdf_text(struct pdf *pdf, double x, double y, double width, double size, double grey,
              const char *text)
{
    canvas_text(&pdf->canvas, x, y, width, size, grey, text);
}

/* How wide the text is when nothing cuts it. */
static double width_of(struct pdf *pdf, double size, const char *text)
{
    cairo_text_extents_t extents;
    struct str clean = STR_INIT;

    utf8_clean(&clean, text, 400);
    cairo_select_font_face(pdf->canvas.cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(pdf->canvas.cr, size);
    cairo_text_extents(pdf->canvas.cr, str_text(&clean), &extents);
    str_fini(&clean);
    return extents.x_advance;
}

void pdf_text_right(struct pdf *pdf, double right, double y, double width, double size, double grey,
                    const char *text)
{
    canvas_text(&pdf->canvas, right - fmin(width_of(pdf, size, text), width), y, width, size, grey,
                text);
}

void pdf_line(struct pdf *pdf, double x0, double y0, double x1, double y1, double grey)
{
    cairo_t *cr = pdf->canvas.cr;

    cairo_set_source_rgb(cr, grey, grey, grey);
    cairo_set_line_width(cr, 0.6);
    cairo_move_to(cr, x0, y0);
    cairo_line_to(cr, x1, y1);
    cairo_stroke(cr);
}

static void middle(struct pdf *pdf, double x, double y, double width, double size, double grey,
                   const char *text)
{
    canvas_text(&pdf->canvas, x - fmin(width_of(pdf, size, text), width) / 2, y, width, size, grey,
                text);
}

/* ---- plots ---- */

#define NAME_WIDTH 90.0
#define ROW_MOST 22.0
#define TITLE 16.0
#define FOOT 14.0

static void one_box(struct pdf *pdf, const struct pdf_five *f, struct pdf_box row, double low,
                    double high)
{
    cairo_t *cr = pdf->canvas.cr;
    double scale = row.width / (high - low);
    double at[6];
    const double value[6] = {f->low, f->q1, f->median, f->q3, f->high, f->mean};
    double y = row.y + row.height / 2;
    double half = fmin(row.height * 0.32, 6);

    for (int i = 0; i < 6; i++) {
        at[i] = row.x + scale * (fmin(fmax(value[i], low), high) - low);
    }
    pdf_line(pdf, at[0], y, at[4], y, 0.4);
    pdf_line(pdf, at[0], y - half / 2, at[0], y + half / 2, 0.4);
    pdf_line(pdf, at[4], y - half / 2, at[4], y + half / 2, 0.4);
    cairo_set_source_rgb(cr, f->red, f->green, f->blue);
    cairo_rectangle(cr, at[1], y - half, fmax(at[3] - at[1], 0.6), 2 * half);
    cairo_fill_preserve(cr);
    cairo_set_source_rgb(cr, 0.3, 0.3, 0.3);
    cairo_stroke(cr);
    cairo_set_line_width(cr, 1.4);
    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_move_to(cr, at[2], y - half);
    cairo_line_to(cr, at[2], y + half);
    cairo_stroke(cr);
    if (isfinite(f->mean)) {
        cairo_arc(cr, at[5], y, 1.8, 0, 2 * acos(-1));
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_fill_preserve(cr);
        cairo_set_source_rgb(cr, 0, 0, 0);
        cairo_set_line_width(cr, 0.6);
        cairo_stroke(cr);
    }
}

void pdf_boxes(struct pdf *pdf, struct pdf_box at, const char *title, const struct pdf_five *five,
               size_t n, double axis_low, double axis_high)
{
    double each = n > 0 ? fmin((at.height - TITLE - FOOT) / (double)n, ROW_MOST) : 0;
    double x = at.x + NAME_WIDTH;
    double width = at.width - NAME_WIDTH - 10;
    double foot = at.y + TITLE + each * (double)n;
    char text[32];

    pdf_text(pdf, at.x, at.y + 9, at.width, 10, 0, title);
    for (int i = 0; i <= 4; i++) {
        double tick = x + width * i / 4;
        pdf_line(pdf, tick, at.y + TITLE, tick, foot, 0.85);
        snprintf(text, sizeof(text), "%.3g", axis_low + (axis_high - axis_low) * i / 4);
        middle(pdf, tick, foot + 9, 60, SMALL, 0.3, text);
    }
    for (size_t i = 0; i < n; i++) {
        struct pdf_box row = {x, at.y + TITLE + each * (double)i, width, each};
        pdf_text(pdf, at.x, row.y + each / 2 + 3, NAME_WIDTH - 8, 9, 0.1, five[i].name);
        if (!isnan(five[i].median)) {
            one_box(pdf, &five[i], row, axis_low, axis_high);
        }
    }
}

static void frame(struct pdf *pdf, struct pdf_box in, const char *x_label, const char *y_label)
{
    cairo_t *cr = pdf->canvas.cr;
    char text[16];

    for (int i = 0; i <= 4; i++) {
        double share = i / 4.0;
        pdf_line(pdf, in.x + in.width * share, in.y, in.x + in.width * share, in.y + in.height,
                 0.88);
        pdf_line(pdf, in.x, in.y + in.height * share, in.x + in.width, in.y + in.height * share,
                 0.88);
        snprintf(text, sizeof(text), "%.3g", share);
        middle(pdf, in.x + in.width * share, in.y + in.height + 10, 30, SMALL, 0.3, text);
        pdf_text_right(pdf, in.x - 4, in.y + in.height * (1 - share) + 3, 30, SMALL, 0.3, text);
    }
    pdf_line(pdf, in.x, in.y + in.height, in.x + in.width, in.y, 0.6);
    middle(pdf, in.x + in.width / 2, in.y + in.height + 21, in.width, 9, 0.2, x_label);
    cairo_save(cr);
    cairo_translate(cr, in.x - 24, in.y + in.height / 2);
    cairo_rotate(cr, -acos(-1) / 2);
    middle(pdf, 0, 0, in.height, 9, 0.2, y_label);
    cairo_restore(cr);
}

void pdf_unit_plot(struct pdf *pdf, struct pdf_box at, const char *title, const char *x_label,
                   const char *y_label, const double *x, const double *y, const double *weight,
                   size_t n)
{
    cairo_t *cr = pdf->canvas.cr;
    struct pdf_box in = {at.x + 34, at.y + TITLE, at.width - 44, at.height - TITLE - 26};

    pdf_text(pdf, at.x, at.y + 9, at.width, 10, 0, title);
    frame(pdf, in, x_label, y_label);
    cairo_set_source_rgb(cr, 0.0, 0.45, 0.70);
    cairo_set_line_width(cr, 1.4);
    for (size_t i = 0; i < n; i++) {
        double px = in.x + in.width * x[i];
        double py = in.y + in.height * (1 - y[i]);
        if (weight != NULL) {
            cairo_new_sub_path(cr);
            cairo_arc(cr, px, py, 2 + 7 * sqrt(weight[i]), 0, 2 * acos(-1));
        } else if (i == 0) {
            cairo_move_to(cr, px, py);
        } else {
            cairo_line_to(cr, px, py);
        }
    }
    cairo_stroke(cr);
}

void pdf_matrix(struct pdf *pdf, struct pdf_box at, const char *title, const char *const *name,
                const size_t *count, size_t n)
{
    cairo_t *cr = pdf->canvas.cr;
    double head = 60;
    double each = fmin((at.width - head) / (double)n, (at.height - TITLE - 34) / (double)n);
    double x = at.x + head;
    double y = at.y + TITLE + 24;
    char text[32];

    each = fmin(each, 56);
    pdf_text(pdf, at.x, at.y + 9, at.width, 10, 0, title);
    middle(pdf, x + each * (double)n / 2, at.y + TITLE + 8, each * (double)n + 40, SMALL, 0.3,
           "predicted");
    for (size_t r = 0; r < n; r++) {
        size_t sum = 0;
        for (size_t c = 0; c < n; c++) {
            sum += count[r * n + c];
        }
        middle(pdf, x + each * ((double)r + 0.5), y - 4, each - 2, SMALL, 0.1, name[r]);
        pdf_text_right(pdf, x - 4, y + each * ((double)r + 0.5) + 3, head - 6, SMALL, 0.1, name[r]);
        for (size_t c = 0; c < n; c++) {
            size_t value = count[r * n + c];
            double share = sum > 0 ? (double)value / (double)sum : 0;
            cairo_rectangle(cr, x + each * (double)c, y + each * (double)r, each, each);
            cairo_set_source_rgb(cr, 1 - share, 1 - 0.55 * share, 1 - 0.3 * share);
            cairo_fill_preserve(cr);
            cairo_set_source_rgb(cr, 0.7, 0.7, 0.7);
            cairo_set_line_width(cr, 0.6);
            cairo_stroke(cr);
            snprintf(text, sizeof(text), "%zu", value);
            middle(pdf, x + each * ((double)c + 0.5), y + each * ((double)r + 0.5) + 4, each - 2,
                   fmin(11, each / 2), share > 0.6 ? 1 : 0, text);
        }
    }
    middle(pdf, x + each * (double)n / 2, y + each * (double)n + 11, each * (double)n + 60, SMALL,
           0.3, "rows: the truth");
}
