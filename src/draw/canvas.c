/* Drawing through cairo's image surfaces; PNG through codec/, so that a full disk is told from a
 * bad picture. */
#include "draw/canvas.h"
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "codec/png-file.h"
#include "codec/utf8.h"

#define FONT "sans-serif"

bool canvas_new(int columns, int rows, struct canvas *ret_canvas, struct err *err)
{
    struct canvas c = {NULL, NULL, columns, rows};

    c.surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns, rows);
    c.cr = cairo_create(c.surface);
    if (cairo_status(c.cr) != CAIRO_STATUS_SUCCESS) {
        err_set(err, ERR_NOMEM, "a picture of %d x %d: %s", columns, rows,
                cairo_status_to_string(cairo_status(c.cr)));
        canvas_free(&c);
        return false;
    }
    cairo_set_source_rgb(c.cr, 1, 1, 1);
    cairo_paint(c.cr);
    *ret_canvas = c;
    return true;
}

void canvas_free(struct canvas *canvas)
{
    if (canvas->cr != NULL) {
        cairo_destroy(canvas->cr);
    }
    if (canvas->surface != NULL) {
        cairo_surface_destroy(canvas->surface);
    }
    *canvas = (struct canvas){NULL, NULL, 0, 0};
}

bool canvas_save(struct canvas *canvas, const char *path, struct err *err)
{
    size_t columns = (size_t)canvas->columns;
    size_t rows = (size_t)canvas->rows;
    uint8_t *rgb = mem_array(columns * rows, 3, err);
    struct png_picture picture = {columns, rows, 3, rgb};
    const unsigned char *data;
    size_t stride;
    bool good;

    if (rgb == NULL) {
        return false;
    }
    cairo_surface_flush(canvas->surface);
    data = cairo_image_surface_get_data(canvas->surface);
    stride = (size_t)cairo_image_surface_get_stride(canvas->surface);
    for (size_t y = 0; y < rows; y++) {
        for (size_t x = 0; x < columns; x++) {
            uint32_t pixel;

            memcpy(&pixel, data + y * stride + x * 4,
                   sizeof(pixel)); /* 0x00RRGGBB in the machine's order */
            rgb[(y * columns + x) * 3] = (uint8_t)(pixel >> 16);
            rgb[(y * columns + x) * 3 + 1] = (uint8_t)(pixel >> 8);
            rgb[(y * columns + x) * 3 + 2] = (uint8_t)pixel;
        }
    }
    good = png_write(path, &picture, err);
    mem_free(rgb);
    return good;
}

bool canvas_grey(struct canvas *canvas, const uint8_t *grey, size_t columns, size_t rows, double x,
                 double y, double width, double height, struct err *err)
{
    cairo_surface_t *image =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)columns, (int)rows);
    double scale = width / (double)columns < height / (double)rows ? width / (double)columns
                                                                   : height / (double)rows;
    unsigned char *data = cairo_image_surface_get_data(image);
    size_t stride;

    if (data == NULL) {
        cairo_surface_destroy(image);
        return err_set(err, ERR_NOMEM, "a picture of %zu x %zu: out of memory", columns, rows);
    }
    stride = (size_t)cairo_image_surface_get_stride(image);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            uint32_t pixel = (uint32_t)grey[r * columns + c] * 0x010101u;

            memcpy(data + r * stride + c * 4, &pixel, sizeof(pixel));
        }
    }
    cairo_surface_mark_dirty(image);
    cairo_save(canvas->cr);
    cairo_translate(canvas->cr, x + (width - scale * (double)columns) / 2,
                    y + (height - scale * (double)rows) / 2);
    cairo_scale(canvas->cr, scale, scale);
    cairo_set_source_surface(canvas->cr, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(canvas->cr), CAIRO_FILTER_GOOD);
    cairo_paint(canvas->cr);
    cairo_restore(canvas->cr);
    cairo_surface_destroy(image);
    return true;
}

static double text_width(struct canvas *canvas, const char *text)
{
    cairo_text_extents_t extents;

    cairo_text_extents(canvas->cr, text, &extents);
    return extents.x_advance;
}

void canvas_text(struct canvas *canvas, double x, double y, double width, double size, double grey,
                 const char *text)
{
    struct str clean = STR_INIT;
    size_t keep;

    utf8_clean(&clean, text, 400);
    cairo_select_font_face(canvas->cr, FONT, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(canvas->cr, size);
    cairo_set_source_rgb(canvas->cr, grey, grey, grey);
    keep = clean.len;
    while (keep > 0 && text_width(canvas, str_text(&clean)) > width) {
        /* Take one more character away and put the dots behind what is left. */
        do {
            keep--;
        } while (keep > 0 && ((unsigned char)clean.buf[keep] & 0xC0) == 0x80);
        clean.len = keep;
        str_add(&clean, "...");
    }
    cairo_move_to(canvas->cr, x, y);
    cairo_show_text(canvas->cr, str_text(&clean));
    str_fini(&clean);
}
