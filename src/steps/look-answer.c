/*
 * The kinds of answers. A picture goes out as its pixels (straight from the cache when it is wanted
 * as it is), as bytes between the window's ends, or as a PNG of those; everything else is JSON.
 * Each has an ETag made of the file's stamp and of what was asked for.
 */
#include "steps/look-answer.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "codec/png-fast.h"
#include "image/hdf5-tree.h"
#include "math/metrics.h"
#include "math/picture.h"

#define BINS 256
/* Points of a profile: more than a line across the largest detector has. */
#define PROFILE_MAX 16384.0
/* Above this a PNG is stored, not compressed: the loopback is faster than any compressor. */
#define STORE_PIXELS ((size_t)1 << 20)
/* Thumbnails of a stack that does not say how large. */
#define STACK_SIDE 128
#define STACK_MAX 512

/* ---- helpers ---- */

static bool put(json_t *to, const char *key, json_t *value, struct err *err)
{
    return json_put(to, key, value, err);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* FNV-1a: tells versions of a picture apart, keeps no secret. */
static uint64_t hash(uint64_t h, const char *text)
{
    for (; *text != '\0'; text++) {
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    }
    return (h ^ 0xff) * 1099511628211u;
}

/* *ret_same: the asker has this version. */
static bool tag(const struct look_request *q, const struct look_place *p, struct look_answer *a,
                bool *ret_same, struct err *err)
{
    char stamp[96];
    char text[400];
    char etag[24];
    uint64_t h;

    if (!look_stamp(p->path, stamp, sizeof(stamp), err)) {
        return false;
    }
    snprintf(text, sizeof(text), "%d %d %lld %d %zu %d %lld %.17g %.17g %d %.17g %.17g %.17g %.17g",
             (int)q->what, (int)q->kind, (long long)p->index, (int)q->format, q->max, (int)q->flat,
             (long long)q->shift, q->lo, q->hi, q->level, q->from[0], q->from[1], q->to[0],
             q->to[1]);
    h = hash(hash(14695981039346656037u, stamp), text);
    h = hash(hash(h, p->path), q->map != NULL ? q->map : "");
    snprintf(etag, sizeof(etag), "%016llx", (unsigned long long)h);
    *ret_same = q->etag != NULL && strcmp(q->etag, etag) == 0;
    if (*ret_same && !put(a->facts, "unchanged", json_true(), err)) {
        return false;
    }
    return put(a->facts, "etag", json_string(etag), err);
}

static bool put_place(json_t *facts, const struct look_request *q, const struct look_place *p,
                      const struct look_slice *s, struct err *err)
{
    int64_t index = p->index != LOOK_ANY ? p->index : s->index;

    if (q->kind == LOOK_TRY) {
        return put(facts, "centre", number(p->centre), err) &&
            put(facts, "row", json_integer(p->row), err);
    }
    return (index == LOOK_ANY || put(facts, "index", json_integer(index), err)) &&
        (s->step <= 1 || put(facts, "step", json_integer((json_int_t)s->step), err)) &&
        (!p->growing || put(facts, "growing", json_true(), err));
}

static bool answer_json(struct look_answer *a, json_t *value, struct err *err)
{
    char *text = value == NULL ? NULL : json_line(value, err);
    bool good = false;

    if (value == NULL && err->code == ERR_NONE) {
        err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(value);
    if (text != NULL) {
        a->length = strlen(text);
        good = memfile_new(a->length, &a->own, err) &&
            put(a->facts, "type", json_string("application/json"), err);
        if (good) {
            memcpy(a->own.bytes, text, a->length);
            a->fd = a->own.fd;
        }
    }
    mem_free(text);
    return good;
}

/* ---- pictures ---- */

/* A smaller copy, or the pixels themselves when they are to stay as large. */
static const float *sized(const struct look_slice *s, size_t columns, size_t rows, float **ret_own,
                          struct err *err)
{
    *ret_own = NULL;
    if (columns == s->columns && rows == s->rows) {
        return s->pixels.bytes;
    }
    *ret_own = mem_big(columns * rows, sizeof(float), err);
    if (*ret_own == NULL ||
        !picture_shrink(s->pixels.bytes, s->columns, s->rows, columns, rows, *ret_own, err)) {
        mem_free(*ret_own);
        *ret_own = NULL;
        return NULL;
    }
    return *ret_own;
}

static bool give_floats(const struct look_slice *s, size_t columns, size_t rows,
                        struct look_answer *a, struct err *err)
{
    a->length = columns * rows * sizeof(float);
    if (columns == s->columns && rows == s->rows) {
        a->fd = s->pixels.fd;
        return true;
    }
    if (!memfile_new(a->length, &a->own, err)) {
        return false;
    }
    a->fd = a->own.fd;
    return picture_shrink(s->pixels.bytes, s->columns, s->rows, columns, rows, a->own.bytes, err);
}

static bool give_bytes(const struct look_slice *s, size_t columns, size_t rows,
                       const double window[2], struct look_answer *a, struct err *err)
{
    float *own = NULL;
    const float *pixels = sized(s, columns, rows, &own, err);
    bool good = pixels != NULL && memfile_new(columns * rows, &a->own, err);

    if (good) {
        picture_bytes(pixels, columns * rows, window[0], window[1], a->own.bytes);
        a->fd = a->own.fd;
        a->length = columns * rows;
    }
    mem_free(own);
    return good;
}

static bool give_png(const struct look_request *q, const uint8_t *grey, size_t columns, size_t rows,
                     struct look_answer *a, struct err *err)
{
    uint8_t palette[768];
    struct png_fast png = {columns, rows, grey, NULL,
                           q->level >= 0 ? q->level : columns * rows <= STORE_PIXELS};

    if (q->map != NULL && strcmp(q->map, "gray") != 0 && strcmp(q->map, "grey") != 0) {
        if (!picture_map(q->map, palette)) {
            return err_set(err, ERR_USAGE,
                           "map '%.30s' is not known: gray, inverted, viridis, inferno or hot",
                           q->map);
        }
        png.palette = palette;
    }
    if (png_fast_bound(&png) == 0) {
        return err_set(err, ERR_FORMAT, "a PNG of %zu x %zu pixels cannot be made", columns, rows);
    }
    if (!memfile_new(png_fast_bound(&png), &a->own, err)) {
        return false;
    }
    a->fd = a->own.fd;
    return png_fast_encode(&png, a->own.bytes, &a->length, err);
}

static bool give_windowed_png(const struct look_request *q, const struct look_slice *s,
                              size_t columns, size_t rows, const double window[2],
                              struct look_answer *a, struct err *err)
{
    float *own = NULL;
    const float *pixels = sized(s, columns, rows, &own, err);
    uint8_t *grey = pixels == NULL ? NULL : mem_big(columns * rows, 1, err);
    bool good = grey != NULL;

    if (good) {
        picture_bytes(pixels, columns * rows, window[0], window[1], grey);
        good = give_png(q, grey, columns, rows, a, err);
    }
    mem_free(grey);
    mem_free(own);
    return good;
}

static bool put_sizes(json_t *facts, const char *type, size_t columns, size_t rows,
                      const double window[2], struct err *err)
{
    return put(facts, "type", json_string(type), err) &&
        put(facts, "width", json_integer((json_int_t)columns), err) &&
        put(facts, "height", json_integer((json_int_t)rows), err) &&
        put(facts, "lo", number(window[0]), err) && put(facts, "hi", number(window[1]), err);
}

static bool answer_slice(struct look *look, const struct look_request *q, struct look_answer *a,
                         struct err *err)
{
    struct look_slice *s = look_load(look, q, &a->place, err);
    double window[2];
    size_t columns;
    size_t rows;

    if (s == NULL) {
        return false;
    }
    look_window(q, s, window);
    picture_fit(s->columns, s->rows, q->max, &columns, &rows);
    if (!put_sizes(a->facts, q->format == LOOK_PNG ? "image/png" : "application/octet-stream",
                   columns, rows, window, err) ||
        !put(a->facts, "full_width", json_integer((json_int_t)s->columns), err) ||
        !put(a->facts, "full_height", json_integer((json_int_t)s->rows), err) ||
        !put_place(a->facts, q, &a->place, s, err)) {
        return false;
    }
    return q->format == LOOK_FLOATS ? give_floats(s, columns, rows, a, err)
        : q->format == LOOK_BYTES   ? give_bytes(s, columns, rows, window, a, err)
                                    : give_windowed_png(q, s, columns, rows, window, a, err);
}

/* ---- a stack of thumbnails ---- */

/* The try slices of one row, one above the other, with one window: that of the one asked for. Tiles
 * are as large as that one; slices that cannot be read stay black. */
static bool fill_stack(struct look *look, const struct look_request *q,
                       const struct look_list *list, const struct look_place *main, size_t columns,
                       size_t rows, const double window[2], uint8_t *tiles, json_t *centres,
                       struct err *err)
{
    for (size_t i = 0, k = 0; i < list->count && k < STACK_MAX; i++) {
        struct err why = {ERR_NONE, ""};
        struct look_place place = {.index = LOOK_ANY, .row = list->entry[i].number};
        struct look_slice *s;
        float *own = NULL;
        const float *pixels;

        if (list->entry[i].number != main->row) {
            continue;
        }
        place.path = path_join(list->folder, list->entry[i].name, err);
        if (place.path == NULL) {
            return false;
        }
        s = look_confined(q, place.path, &why) ? look_load(look, q, &place, &why) : NULL;
        mem_free(place.path);
        if (s != NULL && columns <= s->columns && rows <= s->rows) {
            pixels = sized(s, columns, rows, &own, err);
            if (pixels == NULL) {
                return false;
            }
            picture_bytes(pixels, columns * rows, window[0], window[1], tiles + k * columns * rows);
            mem_free(own);
        }
        if (json_array_append_new(centres, json_real(list->entry[i].centre)) != 0) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
        k++;
    }
    return true;
}

static size_t count_row(const struct look_list *list, int64_t row)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        count += list->entry[i].number == row;
    }
    return count < STACK_MAX ? count : STACK_MAX;
}

static bool answer_stack(struct look *look, const struct look_request *q, struct look_answer *a,
                         struct err *err)
{
    const struct look_list *list = look_finder_list(look->finder, q, LOOK_TRY, err);
    struct look_slice *s = list == NULL ? NULL : look_load(look, q, &a->place, err);
    size_t count = list == NULL ? 0 : count_row(list, a->place.row);
    json_t *centres = NULL;
    uint8_t *tiles = NULL;
    double window[2];
    size_t columns;
    size_t rows;
    bool good;

    if (s == NULL) {
        return false;
    }
    look_window(q, s, window);
    picture_fit(s->columns, s->rows, q->max > 0 ? q->max : STACK_SIDE, &columns, &rows);
    if (count * columns * rows > LOOK_SLICE_BYTES) {
        return err_set(err, ERR_USAGE, "max %zu is too large for a stack of %zu slices", q->max,
                       count);
    }
    centres = json_array();
    tiles = mem_array(count, columns * rows, err);
    good = tiles != NULL && centres != NULL &&
        fill_stack(look, q, list, &a->place, columns, rows, window, tiles, centres, err) &&
        put_sizes(a->facts, q->format == LOOK_PNG ? "image/png" : "application/octet-stream",
                  columns, rows, window, err) &&
        put(a->facts, "count", json_integer((json_int_t)count), err) &&
        put(a->facts, "row", json_integer(a->place.row), err);
    if (good && q->format == LOOK_PNG) {
        good = give_png(q, tiles, columns, rows * count, a, err);
    } else if (good) {
        a->length = count * columns * rows;
        good = memfile_new(a->length, &a->own, err);
        if (good) {
            memcpy(a->own.bytes, tiles, a->length);
            a->fd = a->own.fd;
        }
    }
    mem_free(tiles);
    return put(a->facts, "centres", centres, good ? err : err_ignore("it failed already")) && good;
}

/* ---- numbers ---- */

static bool answer_histogram(struct look *look, const struct look_request *q, struct look_answer *a,
                             struct err *err)
{
    struct look_slice *s = look_load(look, q, &a->place, err);
    json_t *bins = s == NULL ? NULL : json_array();
    uint64_t count[BINS] = {0};
    struct metrics_summary sum;
    double window[2];
    json_t *value;
    double lo;
    double hi;

    if (s == NULL) {
        return false;
    }
    metrics_summary(s->pixels.bytes, s->columns * s->rows, &sum);
    /* The window asked for is the range of the bins; else the whole range. */
    lo = isfinite(q->lo) ? q->lo : sum.min;
    hi = isfinite(q->lo) ? q->hi : sum.max;
    metrics_histogram(s->pixels.bytes, s->columns * s->rows, lo, hi, BINS, count);
    for (size_t i = 0; bins != NULL && i < BINS; i++) {
        if (json_array_append_new(bins, json_integer((json_int_t)count[i])) != 0) {
            json_decref(bins);
            bins = NULL;
        }
    }
    struct look_request whole = *q;
    whole.lo = whole.hi = NAN;
    look_window(&whole, s, window);
    value = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "bins", bins, "lo",
                      number(lo), "hi", number(hi), "min", number(sum.min), "max", number(sum.max),
                      "mean", number(sum.mean), "std", number(sum.std), "p5", number(window[0]),
                      "p95", number(window[1]), "finite", (json_int_t)sum.finite, "not_finite",
                      (json_int_t)sum.not_finite);
    return answer_json(a, value, err);
}

static bool answer_profile(struct look *look, const struct look_request *q, struct look_answer *a,
                           struct err *err)
{
    struct look_slice *s = look_load(look, q, &a->place, err);
    double length = hypot(q->to[0] - q->from[0], q->to[1] - q->from[1]);
    size_t count = 1 + (size_t)ceil(fmin(length, PROFILE_MAX));
    float *values = s == NULL ? NULL : mem_array(count, sizeof(float), err);
    json_t *list = NULL;

    if (values == NULL) {
        return false;
    }
    picture_profile(s->pixels.bytes, s->columns, s->rows, q->from, q->to, count, values);
    list = json_array();
    for (size_t i = 0; list != NULL && i < count; i++) {
        if (json_array_append_new(list, number((double)values[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    mem_free(values);
    return answer_json(a,
                       json_pack("{s:f, s:f, s:o}", "length", length, "step",
                                 count > 1 ? length / (double)(count - 1) : 0.0, "values", list),
                       err);
}

static bool answer_metadata(struct look *look, const struct look_request *q, struct look_answer *a,
                            struct err *err)
{
    json_t *tree;

    look_scan_close(look->scan);
    tree = hdf5_tree(a->place.path, q->text, err);
    return tree != NULL && answer_json(a, tree, err);
}

/* ---- dispatch ---- */

static bool answer(struct look *look, const struct look_request *q, struct look_answer *a,
                   struct err *err)
{
    bool same = false;

    if (q->what == LOOK_PICTURES) {
        json_t *facts = look_facts(look, q, err);

        return facts != NULL && answer_json(a, facts, err);
    }
    if (q->what == LOOK_METADATA) {
        a->place.path = look_scan_path(q, err);
        return a->place.path != NULL && look_confined(q, a->place.path, err) &&
            answer_metadata(look, q, a, err);
    }
    if (q->what == LOOK_STACK && q->kind != LOOK_TRY) {
        return err_set(err, ERR_USAGE, "a stack is one of try slices");
    }
    /* A stack depends on many files: it has no tag. */
    if (!look_find(look->finder, q, &a->place, err) ||
        (q->what != LOOK_STACK && !tag(q, &a->place, a, &same, err))) {
        return false;
    }
    if (same) {
        return true;
    }
    switch (q->what) {
    case LOOK_STACK:
        return answer_stack(look, q, a, err);
    case LOOK_HISTOGRAM:
        return answer_histogram(look, q, a, err);
    case LOOK_PROFILE:
        return answer_profile(look, q, a, err);
    default:
        return answer_slice(look, q, a, err);
    }
}

bool look_answer(struct look *look, const struct look_request *q, struct look_answer *ret,
                 struct err *err)
{
    *ret = (struct look_answer){.facts = json_object(), .own = MEMFILE_NONE, .fd = -1};
    ret->place.centre = ret->place.next[0] = ret->place.next[1] = NAN;
    ret->place.index = LOOK_ANY;
    if (ret->facts == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return answer(look, q, ret, err);
}

void look_answer_fini(struct look_answer *a)
{
    json_decref(a->facts);
    memfile_free(&a->own);
    look_place_fini(&a->place);
    a->facts = NULL;
    a->fd = -1;
}
