/* From a place to pixels. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "codec/tiff-file.h"
#include "image/hdf5-volume.h"
#include "math/picture.h"
#include "steps/look-answer.h"

bool look_open(struct look *look, struct err *err)
{
    *look = (struct look){0};
    look->finder = look_finder_new(err);
    look->cache = look->finder == NULL ? NULL : look_cache_new(LOOK_CACHE_BYTES, err);
    look->scan = look->cache == NULL ? NULL : look_scan_new(err);
    if (look->scan == NULL) {
        look_close(look);
    }
    return look->scan != NULL;
}

void look_close(struct look *look)
{
    look_scan_free(look->scan);
    look_cache_free(look->cache);
    look_finder_free(look->finder);
    *look = (struct look){0};
}

bool look_stamp(const char *path, char *out, size_t size, struct err *err)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return errno == ENOENT ? err_set(err, ERR_NOTHING, "%s: is not there (any more)", path)
                               : err_errno(err, errno, "%s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_FORMAT, "%s: not a plain file", path);
    }
    snprintf(out, size, "%llx.%llx.%llx.%llx.%lx", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
             (unsigned long long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    return true;
}

static struct look_slice *load_tiff(struct look *look, const char *path, struct err *err)
{
    size_t columns = 0;
    size_t rows = 0;
    struct tiff_reader *reader = tiff_reader_open(path, &columns, &rows, err);
    struct look_slice *s = reader == NULL ? NULL : look_cache_room(look->cache, columns, rows, err);

    if (s != NULL && !tiff_reader_pixels(reader, s->pixels.bytes, err)) {
        look_slice_free(s);
        s = NULL;
    }
    tiff_reader_close(reader);
    if (s != NULL) {
        s->circle = columns == rows;
        s->index = LOOK_ANY;
    }
    return s;
}

static struct look_slice *load_volume(struct look *look, const struct look_request *q,
                                      const char *path, int64_t index, struct err *err)
{
    struct hdf5_volume_info info;
    struct look_slice *s;
    int64_t at;

    if (!hdf5_beside_volume(path, look_beside, (void *)(uintptr_t)q, err) ||
        !hdf5_volume_look(path, &info, err)) {
        return NULL;
    }
    at = index == LOOK_ANY ? (int64_t)(info.done / 2) : index - (int64_t)info.first;
    if (at < 0 || at >= (int64_t)info.done) {
        err_set(err, ERR_NOTHING, "%s: slice %lld is not there%s (slices %zu to %zu are)", path,
                (long long)index, info.done < info.slices ? " yet" : "", info.first,
                info.first + info.done - 1);
        return NULL;
    }
    s = look_cache_room(look->cache, info.columns, info.rows, err);
    if (s != NULL &&
        !hdf5_volume_slice(path, (size_t)at, info.rows, info.columns, s->pixels.bytes, err)) {
        look_slice_free(s);
        s = NULL;
    }
    if (s != NULL) {
        s->circle = info.columns == info.rows;
        s->index = at + (int64_t)info.first;
    }
    return s;
}

static struct look_slice *load(struct look *look, const struct look_request *q,
                               const struct look_place *p, const char *stamp, struct err *err)
{
    if (p->volume) {
        return load_volume(look, q, p->path, p->index, err);
    }
    if (!p->scan) {
        return load_tiff(look, p->path, err);
    }
    if (!look_scan_open(look->scan, p->path, stamp, look_beside, (void *)(uintptr_t)q, err)) {
        return NULL;
    }
    return q->kind == LOOK_SINOGRAM
        ? look_scan_sinogram(look->scan, look->cache, p->index, q->flat, q->shift, err)
        : look_scan_projection(look->scan, look->cache, p->index, q->flat, q->shift, err);
}

struct look_slice *look_load(struct look *look, const struct look_request *q,
                             const struct look_place *place, struct err *err)
{
    char stamp[96];
    char *key = NULL;
    struct look_slice *s = NULL;

    if (!look_stamp(place->path, stamp, sizeof(stamp), err)) {
        return NULL;
    }
    key = mem_printf(err, "%s|%s|%lld|%d|%d|%lld", place->path, stamp,
                     place->volume || place->scan ? (long long)place->index : 0,
                     place->scan ? (int)q->kind : -1, place->scan && q->flat,
                     place->scan && q->flat ? (long long)q->shift : 0);
    if (key != NULL) {
        s = look_cache_find(look->cache, key);
    }
    if (key != NULL && s == NULL) {
        s = load(look, q, place, stamp, err);
        if (s != NULL && !look_cache_keep(look->cache, s, key, err)) {
            s = NULL;
        }
    }
    mem_free(key);
    return s;
}

void look_window(const struct look_request *q, struct look_slice *s, double ret[2])
{
    static const double fractions[2] = {0.05, 0.95};
    double found[2] = {0, 1};

    if (isfinite(q->lo)) {
        ret[0] = q->lo;
        ret[1] = q->hi;
        return;
    }
    if (!s->have_window) {
        if (!picture_quantiles(s->pixels.bytes, s->columns, s->rows, s->circle, fractions, 2,
                               found)) {
            found[0] = 0;
            found[1] = 1;
        }
        s->lo = found[0];
        s->hi = found[1];
        s->have_window = true;
    }
    ret[0] = s->lo;
    ret[1] = s->hi;
}
