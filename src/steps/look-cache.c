/* An array of slices, searched from end to end: there are tens of them, and each took milliseconds
 * to make. */
#include "steps/look-cache.h"
#include <string.h>
#include "base/mem.h"

/* Small slices cost a descriptor and a mapping each, too. */
#define SLICES_MAX 200

struct look_cache {
    struct look_slice *slice[SLICES_MAX];
    size_t count;
    size_t bytes, most;
    uint64_t clock;
};

struct look_cache *look_cache_new(size_t bytes, struct err *err)
{
    struct look_cache *c = mem_zero(sizeof(*c), err);

    if (c != NULL) {
        c->most = bytes;
    }
    return c;
}

void look_slice_free(struct look_slice *s)
{
    if (s != NULL) {
        memfile_free(&s->pixels);
        mem_free(s->key);
        mem_free(s);
    }
}

void look_cache_free(struct look_cache *c)
{
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        look_slice_free(c->slice[i]);
    }
    mem_free(c);
}

struct look_slice *look_cache_find(struct look_cache *c, const char *key)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->slice[i]->key, key) == 0) {
            c->slice[i]->used = ++c->clock;
            return c->slice[i];
        }
    }
    return NULL;
}

static void drop_oldest(struct look_cache *c)
{
    size_t oldest = 0;

    for (size_t i = 1; i < c->count; i++) {
        oldest = c->slice[i]->used < c->slice[oldest]->used ? i : oldest;
    }
    c->bytes -= c->slice[oldest]->pixels.size;
    look_slice_free(c->slice[oldest]);
    c->slice[oldest] = c->slice[--c->count];
}

struct look_slice *look_cache_room(struct look_cache *c, size_t columns, size_t rows,
                                   struct err *err)
{
    size_t bytes = 0;
    struct look_slice *s;

    if (columns == 0 || rows == 0 || __builtin_mul_overflow(columns, rows, &bytes) ||
        bytes > LOOK_SLICE_BYTES / sizeof(float)) {
        err_set(err, ERR_FORMAT, "a picture of %zu x %zu pixels cannot be shown", columns, rows);
        return NULL;
    }
    bytes *= sizeof(float);
    while (c->count > 0 && (c->bytes + bytes > c->most || c->count == SLICES_MAX)) {
        drop_oldest(c);
    }
    s = mem_zero(sizeof(*s), err);
    if (s == NULL) {
        return NULL;
    }
    s->pixels = (struct memfile)MEMFILE_NONE;
    s->columns = columns;
    s->rows = rows;
    s->step = 1;
    if (!memfile_new(bytes, &s->pixels, err)) {
        look_slice_free(s);
        return NULL;
    }
    return s;
}

bool look_cache_keep(struct look_cache *c, struct look_slice *s, const char *key, struct err *err)
{
    s->key = mem_strdup(key, err);
    if (s->key == NULL) {
        look_slice_free(s);
        return false;
    }
    if (c->count == SLICES_MAX) {
        drop_oldest(c);
    }
    s->used = ++c->clock;
    c->slice[c->count++] = s;
    c->bytes += s->pixels.size;
    return true;
}

size_t look_cache_bytes(const struct look_cache *c)
{
    return c->bytes;
}
