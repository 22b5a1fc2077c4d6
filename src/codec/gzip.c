/* One deflate over the whole input; the output is as large as zlib says it may become. */
#include "codec/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <zlib.h>
#include "base/mem.h"

#define WINDOW_GZIP (15 + 16) /* zlib: the largest window, with gzip's frame */
#define MEM_LEVEL 8

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
