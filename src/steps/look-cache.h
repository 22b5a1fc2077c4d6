/*
 * Decoded slices, the newest ones, bounded in bytes. The pixels lie in files in memory, so that a
 * slice that is asked for as it is travels without being copied.
 */
#ifndef GANTRY_STEPS_LOOK_CACHE_H
#define GANTRY_STEPS_LOOK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "os/pass.h"

/* A decoded slice costs its pixels; this many bytes of them are kept. */
#define LOOK_CACHE_BYTES ((size_t)256 << 20)
/* Slices above this are refused: 16384 x 16384 floats. */
#define LOOK_SLICE_BYTES ((size_t)1 << 30)

struct look_slice {
    char *key;
    struct memfile pixels; /* float32 [rows][columns] */
    size_t columns, rows;
    bool circle;      /* a reconstruction: what lies outside the circle is empty */
    bool have_window; /* lo, hi: 5-95 % */
    double lo, hi;
    int64_t index; /* that was asked for, or the middle one */
    size_t step;   /* sinogram: every how manieth projection is a row */
    uint64_t used;
};

struct look_cache;
struct look_cache *look_cache_new(size_t bytes, struct err *err) CHECK_RESULT;
void look_cache_free(struct look_cache *c);
/* NULL when it is not there. Valid until the next look_cache_room or look_cache_keep. */
struct look_slice *look_cache_find(struct look_cache *c, const char *key);
/* A new slice of that size, not in the cache yet; room is made for it first. NULL on failure. */
struct look_slice *look_cache_room(struct look_cache *c, size_t columns, size_t rows,
                                   struct err *err) CHECK_RESULT;
/* Its pixels are there: keep it under `key`. False: no memory, and it is gone. */
bool look_cache_keep(struct look_cache *c, struct look_slice *s, const char *key,
                     struct err *err) CHECK_RESULT;
/* It could not be filled. NULL is fine. */
void look_slice_free(struct look_slice *s);
size_t look_cache_bytes(const struct look_cache *c);

#endif
