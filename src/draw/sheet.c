/* Tiles are kept as small grey pictures; the page is laid out when all are known. */
#include "draw/sheet.h"
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "base/mem.h"
#include "draw/canvas.h"

#define TILE 220        /* pixels of a thumbnail's side */
#define GAP 16          /* between tiles and at the page's edge */
#define CAPTION 38      /* two lines of text under a tile */
#define HEAD 40         /* the title's line */
#define MAX_TILES 2000u /* a page of more is no contact sheet; the rest is counted in the title */
#define MAX_ACROSS 12u

struct tile {
    uint8_t *grey; /* NULL = empty */
    size_t columns, rows;
    char *title, *subtitle;
};

struct sheet {
    char *title;
    size_t across;
    struct tile *tile;
    size_t count, cap, dropped;
};

struct sheet *sheet_new(const char *title, size_t across, struct err *err)
{
    struct sheet *sheet = mem_zero(sizeof(*sheet), err);

    if (sheet != NULL) {
        sheet->across = across < MAX_ACROSS ? across : MAX_ACROSS;
        sheet->title = mem_strdup(title != NULL ? title : "", err);
        if (sheet->title == NULL) {
            mem_free(sheet);
            sheet = NULL;
        }
    }
    return sheet;
}

void sheet_free(struct sheet *sheet)
{
    if (sheet == NULL) {
        return;
    }
    for (size_t i = 0; i < sheet->count; i++) {
        mem_free(sheet->tile[i].grey);
        mem_free(sheet->tile[i].title);
        mem_free(sheet->tile[i].subtitle);
    }
    mem_free(sheet->tile);
    mem_free(sheet->title);
    mem_free(sheet);
}

/* Mean over factor x factor pixels, windowed to bytes. */
static bool shrink(const float *image, size_t columns, size_t rows, float low, float high,
                   struct tile *t, struct err *err)
{
    size_t longer = columns > rows ? columns : rows;
    size_t factor = longer > TILE ? (longer + TILE - 1) / TILE : 1;
    double span = high > low ? (double)high - low : 1;

    t->columns = columns / factor > 0 ? columns / factor : 1;
    t->rows = rows / factor > 0 ? rows / factor : 1;
    t->grey = mem_array(t->columns * t->rows, 1, err);
    for (size_t y = 0; t->grey != NULL && y < t->rows; y++) {
        for (size_t x = 0; x < t->columns; x++) {
            double sum = 0;
            size_t n = 0;

            for (size_t v = y * factor; v < (y + 1) * factor && v < rows; v++) {
                for (size_t u = x * factor; u < (x + 1) * factor && u < columns; u++) {
                    float value = image[v * columns + u];
                    sum += isfinite(value) ? (double)value : 0;
                    n += isfinite(value);
                }
            }
            double level = n > 0 ? (sum / (double)n - low) / span : 0;
            t->grey[y * t->columns + x] = (uint8_t)(255 * fmin(1, fmax(0, level)) + 0.5);
        }
    }
    return t->grey != NULL;
}

bool sheet_add(struct sheet *sheet, const float *image, size_t columns, size_t rows, float low,
               float high, const char *title, const char *subtitle, struct err *err)
{
    struct tile t = {NULL, 0, 0, NULL, NULL};

    if (sheet->count == MAX_TILES) {
        sheet->dropped++;
        return true;
    }
    if (sheet->count == sheet->cap) {
        size_t cap = sheet->cap * 2 + 16;
        struct tile *more = mem_resize(sheet->tile, cap, sizeof(*more), err);

        if (more == NULL) {
            return false;
        }
        sheet->tile = more;
        sheet->cap = cap;
    }
    t.title = mem_strdup(title != NULL ? title : "", err);
    t.subtitle = t.title == NULL ? NULL : mem_strdup(subtitle != NULL ? subtitle : "", err);
    if (t.subtitle == NULL ||
        (image != NULL && !shrink(image, columns, rows, low, high, &t, err))) {
        mem_free(t.title);
        mem_free(t.subtitle);
        return false;
    }
    sheet->tile[sheet->count++] = t;
    return true;
}

static bool draw_tile(struct canvas *canvas, const struct tile *t, double x, double y,
                      struct err *err)
{
    cairo_set_source_rgb(canvas->cr, 0.93, 0.93, 0.93);
    cairo_rectangle(canvas->cr, x, y, TILE, TILE);
    cairo_fill(canvas->cr);
    if (t->grey != NULL &&
        !canvas_grey(canvas, t->grey, t->columns, t->rows, x, y, TILE, TILE, err)) {
        return false;
    }
    canvas_text(canvas, x, y + TILE + 15, TILE, 13, 0.1, t->title);
    canvas_text(canvas, x, y + TILE + 31, TILE, 12, 0.4, t->subtitle);
    return true;
}

bool sheet_save(struct sheet *sheet, const char *path, struct err *err)
{
    struct canvas canvas = {NULL, NULL, 0, 0};
    size_t across =
        sheet->across > 0 ? sheet->across : (size_t)ceil(sqrt((double)sheet->count * 1.4));
    size_t down;
    char more[64] = "";
    double top = sheet->title[0] != '\0' || sheet->dropped > 0 ? HEAD : 0;
    bool good;

    if (sheet->count == 0) {
        return err_set(err, ERR_NOTHING, "%s: nothing to show", path);
    }
    across = across < 1 ? 1 : across > MAX_ACROSS ? MAX_ACROSS : across;
    across = across > sheet->count ? sheet->count : across;
    down = (sheet->count + across - 1) / across;
    if (!canvas_new((int)across * (TILE + GAP) + GAP,
                    (int)down * (TILE + CAPTION + GAP) + GAP + (int)top, &canvas, err)) {
        return false;
    }
    canvas_text(&canvas, GAP, GAP + 18, canvas.columns - 2 * GAP - 120, 18, 0, sheet->title);
    if (sheet->dropped > 0) {
        snprintf(more, sizeof(more), "and %zu more", sheet->dropped);
        canvas_text(&canvas, canvas.columns - GAP - 110, GAP + 18, 110, 13, 0.4, more);
    }
    good = true;
    for (size_t i = 0; good && i < sheet->count; i++) {
        double x = GAP + (double)(i % across) * (TILE + GAP);
        double y = GAP + top + (double)(i / across) * (TILE + CAPTION + GAP);

        good = draw_tile(&canvas, &sheet->tile[i], x, y, err);
    }
    good = good && canvas_save(&canvas, path, err);
    canvas_free(&canvas);
    return good;
}
