/*
 * gantry-imaging sheet IN.json OUT.png: a contact sheet. IN.json is {"title"?, "across"?, "tiles":
 * [{"image", "title", "subtitle"}...]}; an image is a TIFF, a volume in HDF5, a folder of TIFFs
 * (its middle one is shown), or null. An image that cannot be read leaves an empty tile that says
 * so.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "codec/json.h"
#include "codec/tiff-file.h"
#include "draw/sheet.h"
#include "image/hdf5-volume.h"
#include "math/metrics.h"
#include "os/file.h"
#include "steps/command.h"

extern const struct command command_word_sheet;

struct picture {
    float *pixels;
    size_t columns, rows;
};

static bool is_tiff(const char *name)
{
    return strcasecmp(path_ext(name), ".tif") == 0 || strcasecmp(path_ext(name), ".tiff") == 0;
}

/* The middle one of a folder's TIFFs, by name. */
static char *middle_of(const char *folder, struct err *err)
{
    size_t count = 0;
    size_t tiffs = 0;
    size_t seen = 0;
    char **names = file_list(folder, &count, err);
    char *path = NULL;

    for (size_t i = 0; i < count; i++) {
        tiffs += is_tiff(names[i]);
    }
    for (size_t i = 0; i < count && path == NULL; i++) {
        if (is_tiff(names[i]) && seen++ == tiffs / 2) {
            path = path_join(folder, names[i], err);
        }
    }
    if (names != NULL && tiffs == 0) {
        err_set(err, ERR_FORMAT, "%s: no TIFF in this folder", folder);
    }
    file_list_free(names);
    return path;
}

static bool load(const char *image, struct picture *ret, struct err *err)
{
    char *path = file_is_folder(image) ? middle_of(image, err) : mem_strdup(image, err);
    bool good = false;

    if (path != NULL && is_tiff(path)) {
        good = tiff_read(path, &ret->columns, &ret->rows, &ret->pixels, err);
    } else if (path != NULL) {
        good = hdf5_volume_read(path, -1, &ret->columns, &ret->rows, &ret->pixels, err);
    }
    mem_free(path);
    return good;
}

/* Contrast: 1 to 99 % of the circle that all views see (the corners are empty). */
static void window_of(const struct picture *p, float *ret_low, float *ret_high)
{
    static const double fractions[2] = {0.01, 0.99};
    size_t side = p->columns < p->rows ? p->columns : p->rows;
    double radius = (double)side / 2;
    float *inside =
        mem_big(p->columns * p->rows, sizeof(float), err_ignore("falls back to all pixels"));
    double value[2] = {0, 1};
    size_t count = 0;

    for (size_t y = 0; inside != NULL && y < p->rows; y++) {
        for (size_t x = 0; x < p->columns; x++) {
            if (hypot((double)x - ((double)p->columns - 1) / 2,
                      (double)y - ((double)p->rows - 1) / 2) < radius) {
                inside[count++] = p->pixels[y * p->columns + x];
            }
        }
    }
    if (!metrics_percentiles(count > 0 ? inside : p->pixels,
                             count > 0 ? count : p->columns * p->rows, fractions, 2, value,
                             err_ignore("an image of NaN is shown black"))) {
        value[0] = 0;
        value[1] = 1;
    }
    mem_free(inside);
    *ret_low = (float)value[0];
    *ret_high = (float)value[1];
}

static bool add_tile(struct sheet *sheet, const json_t *tile, struct err *err)
{
    const char *image = json_get_text(tile, "image", NULL);
    const char *subtitle = json_get_text(tile, "subtitle", "");
    struct picture p = {NULL, 0, 0};
    struct err why = {ERR_NONE, ""};
    float low = 0;
    float high = 1;
    bool good;

    if (image != NULL && load(image, &p, &why)) {
        window_of(&p, &low, &high);
    } else if (image != NULL && subtitle[0] == '\0') {
        subtitle = why.text;
    }
    good = sheet_add(sheet, p.pixels, p.columns, p.rows, low, high,
                     json_get_text(tile, "title", ""), subtitle, err);
    mem_free(p.pixels);
    return good;
}

static bool make_sheet(const char *in, const char *out, struct err *err)
{
    json_t *page = json_read(in, err);
    char *aside = page == NULL ? NULL : mem_printf(err, "%s.gantry-%ld.tmp", out, (long)getpid());
    struct sheet *sheet = NULL;
    int64_t across = json_get_int(page, "across", 0);
    bool good;
    size_t i;
    const json_t *tile;

    if (aside != NULL) {
        sheet = sheet_new(json_get_text(page, "title", NULL), across > 0 ? (size_t)across : 0, err);
    }
    good = sheet != NULL;
    json_array_foreach(json_object_get(page, "tiles"), i, tile)
    {
        good = good && add_tile(sheet, tile, err);
    }
    good = good && sheet_save(sheet, aside, err) && file_replace(aside, out, err);
    if (!good && aside != NULL) {
        unlink(aside);
    }
    sheet_free(sheet);
    mem_free(aside);
    json_decref(page);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};

    if (argc != 2) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging sheet IN.json OUT.png");
        return command_fail(&err);
    }
    return make_sheet(argv[0], argv[1], &err) ? 0 : command_fail(&err);
}

const struct command command_word_sheet = {
    .name = "sheet",
    .usage = "IN.json OUT.png",
    .help = "contact sheet: {\"title\", \"tiles\": [{\"image\", \"title\", \"subtitle\"}...]}",
    .run = run,
};
