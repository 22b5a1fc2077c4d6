/* Slices on black at the top, curves below on the left, words on the right. */
#include "draw/triage-page.h"
#include <math.h>
#include <stdio.h>
#include "base/mem.h"
#include "draw/canvas.h"

#define WIDTH 1200
#define HEIGHT 800
#define HEAD 56
#define PICTURE 380
#define MARGIN 20
#define PROFILE_WIDTH 1000
#define PROFILE_HEIGHT 500

struct box {
    double x, y, width, height;
};

struct line_look {
    const char *label;
    double red, green, blue;
    double top; /* value at the frame's upper edge; 0 = the greatest of the curve */
};

/* Colours that colour-blind people tell apart (Okabe and Ito). */
static const struct line_look looks[3] = {
    {"lung area (of its largest)", 0.35, 0.35, 0.35, 0},
    {"denser than -500 HU (top: 0.20)", 0.84, 0.37, 0.0, 0.20},
    {"emphysema, below -950 HU (top: 0.50)", 0.0, 0.45, 0.70, 0.50},
};

/* ---- slices ---- */

/* Where a lung begins: a pixel of it with a neighbour that is none. */
static bool on_edge(const uint8_t *mask, size_t columns, size_t rows, size_t c, size_t r)
{
    if (!mask[r * columns + c]) {
        return false;
    }
    return c == 0 || r == 0 || c + 1 == columns || r + 1 == rows || !mask[r * columns + c - 1] ||
        !mask[r * columns + c + 1] || !mask[(r - 1) * columns + c] || !mask[(r + 1) * columns + c];
}

static void outline(struct canvas *canvas, const struct triage_page *p, const uint8_t *mask,
                    struct box at)
{
    double sx = at.width / (double)p->columns;
    double sy = at.height / (double)p->rows;

    cairo_set_source_rgba(canvas->cr, 1.0, 0.75, 0.1, 0.9);
    for (size_t r = 0; r < p->rows; r++) {
        for (size_t c = 0; c < p->columns; c++) {
            if (on_edge(mask, p->columns, p->rows, c, r)) {
                cairo_rectangle(canvas->cr, at.x + sx * (double)c, at.y + sy * (double)r,
                                fmax(sx, 1), fmax(sy, 1));
            }
        }
    }
    cairo_fill(canvas->cr);
}

/* Findings, each with its score. */
static void draw_marks(struct canvas *canvas, const struct triage_page *p,
                       const struct triage_page_slice *slice, struct box at)
{
    double sx = at.width / (double)p->columns;
    double sy = at.height / (double)p->rows;

    for (size_t i = 0; i < slice->marks; i++) {
        const struct triage_mark *m = &slice->mark[i];
        double x = at.x + sx * m->x0;
        double y = at.y + sy * m->y0;
        char text[24];

        cairo_set_source_rgb(canvas->cr, 0.0, 0.85, 0.95);
        cairo_set_line_width(canvas->cr, 2);
        cairo_rectangle(canvas->cr, x, y, sx * (m->x1 - m->x0), sy * (m->y1 - m->y0));
        cairo_stroke(canvas->cr);
        snprintf(text, sizeof(text), "%.2f", m->score);
        canvas_text(canvas, x + 4, y + 15, 60, 13, 1, text);
    }
}

/* The picture keeps its proportions, and so does the outline on it. */
static bool draw_slice(struct canvas *canvas, const struct triage_page *p, size_t i, struct box at,
                       struct err *err)
{
    double shape = (double)p->rows * p->aspect / (double)p->columns;
    double width = shape > at.height / at.width ? at.height / shape : at.width;
    struct box inner = {at.x + (at.width - width) / 2, at.y + (at.height - width * shape) / 2,
                        width, width * shape};
    char text[40];

    cairo_set_source_rgb(canvas->cr, 0, 0, 0);
    cairo_rectangle(canvas->cr, at.x, at.y, at.width, at.height);
    cairo_fill(canvas->cr);
    cairo_save(canvas->cr);
    cairo_translate(canvas->cr, inner.x, inner.y);
    cairo_scale(canvas->cr, 1, inner.height / (inner.width * (double)p->rows / (double)p->columns));
    bool good = canvas_grey(canvas, p->slice[i].grey, p->columns, p->rows, 0, 0, inner.width,
                            inner.width * (double)p->rows / (double)p->columns, err);
    cairo_restore(canvas->cr);
    if (good && p->slice[i].lungs != NULL) {
        outline(canvas, p, p->slice[i].lungs, inner);
    }
    if (good) {
        draw_marks(canvas, p, &p->slice[i], inner);
    }
    snprintf(text, sizeof(text), "slice %zu of %zu", p->slice[i].number + 1, p->slices);
    canvas_text(canvas, at.x + 8, at.y + at.height - 10, at.width - 16, 13, 0.85, text);
    return good;
}

/* ---- curves ---- */

static double greatest(const double *values, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) {
        most = isfinite(values[i]) && values[i] > most ? values[i] : most;
    }
    return most > 0 ? most : 1;
}

static void draw_curve(struct canvas *canvas, const double *values, size_t n, double top,
                       struct box at)
{
    bool pen_down = false;

    for (size_t i = 0; i < n; i++) {
        double x = at.x + at.width * ((double)i + 0.5) / (double)n;
        double share = isfinite(values[i]) ? fmin(fmax(values[i] / top, 0), 1) : NAN;

        if (!isfinite(share)) {
            pen_down = false;
        } else if (pen_down) {
            cairo_line_to(canvas->cr, x, at.y + at.height * (1 - share));
        } else {
            cairo_move_to(canvas->cr, x, at.y + at.height * (1 - share));
            pen_down = true;
        }
    }
    cairo_stroke(canvas->cr);
}

static void draw_profile(struct canvas *canvas, const struct triage_page *p, struct box at)
{
    const double *curves[3] = {p->area, p->dense, p->emphysema};
    char text[40];

    cairo_set_source_rgb(canvas->cr, 0.6, 0.6, 0.6);
    cairo_set_line_width(canvas->cr, 1);
    cairo_rectangle(canvas->cr, at.x, at.y, at.width, at.height);
    cairo_stroke(canvas->cr);
    for (size_t i = 0; i < 3; i++) {
        const struct line_look *look = &looks[i];
        double y = at.y - 10 - 17 * (double)(2 - i);

        cairo_set_source_rgb(canvas->cr, look->red, look->green, look->blue);
        cairo_set_line_width(canvas->cr, 1.6);
        draw_curve(canvas, curves[i], p->slices,
                   look->top > 0 ? look->top : greatest(curves[i], p->slices), at);
        cairo_set_source_rgb(canvas->cr, look->red, look->green, look->blue);
        cairo_move_to(canvas->cr, at.x, y - 4);
        cairo_line_to(canvas->cr, at.x + 26, y - 4);
        cairo_stroke(canvas->cr);
        canvas_text(canvas, at.x + 32, y, at.width - 40, 13, 0.2, look->label);
    }
    snprintf(text, sizeof(text), "%zu", p->slices);
    canvas_text(canvas, at.x, at.y + at.height + 18, 60, 12, 0.3, "1");
    canvas_text(canvas, at.x + at.width - 24, at.y + at.height + 18, 60, 12, 0.3, text);
    canvas_text(canvas, at.x + at.width / 2 - 20, at.y + at.height + 18, 100, 12, 0.3, "slice");
}

/* ---- the page ---- */

static void draw_words(struct canvas *canvas, const struct triage_page *p, struct box at)
{
    double y = at.y + 24;

    cairo_set_source_rgb(canvas->cr, p->positive ? 0.78 : 0.0, p->positive ? 0.16 : 0.45,
                         p->positive ? 0.12 : 0.3);
    cairo_rectangle(canvas->cr, at.x, at.y, 6, at.height);
    cairo_fill(canvas->cr);
    canvas_text(canvas, at.x + 18, y, at.width - 18, 20, 0, p->verdict);
    for (size_t i = 0; i < TRIAGE_PAGE_LINES && p->line[i] != NULL; i++) {
        y += 22;
        canvas_text(canvas, at.x + 18, y + 6, at.width - 18, 13, 0.25, p->line[i]);
    }
}

bool triage_page_save(const struct triage_page *page, const char *path, struct err *err)
{
    struct canvas canvas = {NULL, NULL, 0, 0};
    double each = (WIDTH - 4.0 * MARGIN) / TRIAGE_PAGE_SLICES;
    bool good = canvas_new(WIDTH, HEIGHT, &canvas, err);

    if (!good) {
        return false;
    }
    canvas_text(&canvas, MARGIN, 36, WIDTH - 2 * MARGIN, 22, 0, page->title);
    for (size_t i = 0; good && i < TRIAGE_PAGE_SLICES; i++) {
        struct box at = {MARGIN + (each + MARGIN) * (double)i, HEAD, each, PICTURE};

        good = draw_slice(&canvas, page, i, at, err);
    }
    draw_profile(&canvas, page, (struct box){MARGIN + 6, HEAD + PICTURE + 76, 560, 210});
    draw_words(&canvas, page, (struct box){640, HEAD + PICTURE + 24, WIDTH - 660, 286});
    canvas_text(&canvas, MARGIN, HEIGHT - 10, WIDTH - 2 * MARGIN, 12, 0.35, page->footer);
    good = good && canvas_save(&canvas, path, err);
    canvas_free(&canvas);
    return good;
}

bool triage_profile_save(const struct triage_page *page, const char *path, struct err *err)
{
    struct canvas canvas = {NULL, NULL, 0, 0};

    if (!canvas_new(PROFILE_WIDTH, PROFILE_HEIGHT, &canvas, err)) {
        return false;
    }
    canvas_text(&canvas, MARGIN, 30, PROFILE_WIDTH - 2 * MARGIN, 18, 0, page->title);
    draw_profile(
        &canvas, page,
        (struct box){MARGIN + 6, 108, PROFILE_WIDTH - 2 * MARGIN - 12, PROFILE_HEIGHT - 150});
    bool good = canvas_save(&canvas, path, err);
    canvas_free(&canvas);
    return good;
}
