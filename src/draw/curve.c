/* One frame, five ticks an axis, one line. */
#include "draw/curve.h"
#include <math.h>
#include <stdio.h>
#include "draw/canvas.h"

#define WIDTH 800
#define HEIGHT 500
#define LEFT 90
#define RIGHT 24
#define TOP 48
#define BOTTOM 56
#define TICKS 5

struct range {
    double low, high;
};

static bool find_ranges(const struct curve *c, struct range *x, struct range *y)
{
    size_t points = 0;

    *x = *y = (struct range){INFINITY, -INFINITY};
    for (size_t i = 0; i < c->count; i++) {
        if (isfinite(c->x[i]) && isfinite(c->y[i])) {
            *x = (struct range){fmin(x->low, c->x[i]), fmax(x->high, c->x[i])};
            *y = (struct range){fmin(y->low, c->y[i]), fmax(y->high, c->y[i])};
            points++;
        }
    }
    if (points >= 2 && y->high <= y->low) {
        *y = (struct range){y->low - 0.5, y->high + 0.5};
    }
    return points >= 2 && x->high > x->low;
}

static double place(double value, struct range r, double from, double to)
{
    return from + (value - r.low) / (r.high - r.low) * (to - from);
}

static void draw_axes(struct canvas *canvas, const struct curve *c, struct range x, struct range y)
{
    char text[32];

    cairo_set_source_rgb(canvas->cr, 0.6, 0.6, 0.6);
    cairo_set_line_width(canvas->cr, 1);
    cairo_rectangle(canvas->cr, LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    cairo_stroke(canvas->cr);
    for (int i = 0; i < TICKS; i++) {
        double share = (double)i / (TICKS - 1);
        double px = LEFT + share * (WIDTH - LEFT - RIGHT);
        double py = HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);

        snprintf(text, sizeof(text), "%.6g", x.low + share * (x.high - x.low));
        canvas_text(canvas, px - 20, HEIGHT - BOTTOM + 18, 80, 12, 0.3, text);
        snprintf(text, sizeof(text), "%.4g", y.low + share * (y.high - y.low));
        canvas_text(canvas, 8, py + 4, LEFT - 14, 12, 0.3, text);
    }
    canvas_text(canvas, LEFT, 30, WIDTH - LEFT - RIGHT, 16, 0, c->title);
    canvas_text(canvas, LEFT, HEIGHT - 12, 400, 13, 0.3, c->x_label);
    canvas_text(canvas, 8, TOP - 8, LEFT, 13, 0.3, c->y_label);
}

bool curve_save(const struct curve *curve, const char *path, struct err *err)
{
    struct canvas canvas = {NULL, NULL, 0, 0};
    struct range x;
    struct range y;
    bool good;

    if (!find_ranges(curve, &x, &y)) {
        return err_set(err, ERR_NOTHING, "%s: no curve to draw", path);
    }
    if (!canvas_new(WIDTH, HEIGHT, &canvas, err)) {
        return false;
    }
    draw_axes(&canvas, curve, x, y);
    if (isfinite(curve->mark) && curve->mark >= x.low && curve->mark <= x.high) {
        double px = place(curve->mark, x, LEFT, WIDTH - RIGHT);

        cairo_set_source_rgb(canvas.cr, 0.85, 0.2, 0.1);
        cairo_move_to(canvas.cr, px, TOP);
        cairo_line_to(canvas.cr, px, HEIGHT - BOTTOM);
        cairo_stroke(canvas.cr);
    }
    cairo_set_source_rgb(canvas.cr, 0.1, 0.3, 0.7);
    cairo_set_line_width(canvas.cr, 1.5);
    for (size_t i = 0; i < curve->count; i++) {
        if (isfinite(curve->x[i]) && isfinite(curve->y[i])) {
            cairo_line_to(canvas.cr, place(curve->x[i], x, LEFT, WIDTH - RIGHT),
                          place(curve->y[i], y, HEIGHT - BOTTOM, TOP));
        }
    }
    cairo_stroke(canvas.cr);
    good = canvas_save(&canvas, path, err);
    canvas_free(&canvas);
    return good;
}
