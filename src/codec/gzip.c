/* The output is as large as zlib says it may become. A piece ends with a full flush: byte-aligned,
 * and nothing behind it refers to what was before. */
#include "codec/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include "base/mem.h"

#define WINDOW_GZIP (15 + 16) /* zlib: the largest window, with gzip's frame */
#define WINDOW_RAW -15        /* without a frame */
#define MEM_LEVEL 8
#define FLUSH_BYTES 32 /* what a flush may add to the bound */

bool gzip_pack(const void *bytes, size_t n, int level, void **ret, size_t *ret_n, struct err *err)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)n};
    if (n > UINT_MAX / 2) {
        return err_set(err, ERR_UNSUPPORTED, "%zu bytes are too many to compress at once", n);
    }
    if (deflateInit2(&z, level, Z_DEFLATED, WINDOW_GZIP, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        return err_set(err, ERR_NOMEM, "out of memory while compressing");
    }
    size_t most = deflateBound(&z, (uLong)n);
    void *out = mem_array(most, 1, err);
    bool ok = out != NULL;
    if (ok) {
        z.next_out = out;
        z.avail_out = (uInt)most;
        ok = deflate(&z, Z_FINISH) == Z_STREAM_END || err_bug(err, "deflate did not end");
    }
    size_t made = z.total_out;
    (void)deflateEnd(&z);
    if (!ok) {
        mem_free(out);
        return false;
    }
    *ret = out;
    *ret_n = made;
    return true;
}

struct gzip_pieces {
    z_stream z;
};

struct gzip_pieces *gzip_pieces_new(int level, struct err *err)
{
    struct gzip_pieces *g = mem_zero(sizeof *g, err);
    if (g &&
        deflateInit2(&g->z, level, Z_DEFLATED, WINDOW_RAW, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        (void)err_set(err, ERR_NOMEM, "out of memory while compressing");
        mem_free(g);
        g = NULL;
    }
    return g;
}

void gzip_pieces_free(struct gzip_pieces *g)
{
    if (g) {
        (void)deflateEnd(&g->z);
        mem_free(g);
    }
}

bool gzip_piece(struct gzip_pieces *g, const void *bytes, size_t n, char **ret, size_t *ret_n,
                struct err *err)
{
    if (n > UINT_MAX / 2) {
        return err_set(err, ERR_UNSUPPORTED, "%zu bytes are too many to compress at once", n);
    }
    size_t most = deflateBound(&g->z, (uLong)n) + FLUSH_BYTES;
    Bytef *out = mem_array(most, 1, err);
    if (!out) {
        return false;
    }
    g->z.next_in = (Bytef *)(uintptr_t)bytes;
    g->z.avail_in = (uInt)n;
    g->z.next_out = out;
    g->z.avail_out = (uInt)most;
    bool ok = deflate(&g->z, Z_FULL_FLUSH) == Z_OK && g->z.avail_in == 0 && g->z.avail_out > 0;
    size_t made = most - g->z.avail_out;
    *ret = ok ? mem_array(made, 1, err) : NULL;
    ok = ok ? *ret != NULL : err_bug(err, "deflate did not flush");
    if (ok) {
        memcpy(*ret, out, made);
        *ret_n = made;
    } else {
        (void)deflateReset(&g->z); /* the piece is lost; the next stands for itself */
    }
    mem_free(out);
    return ok;
}
