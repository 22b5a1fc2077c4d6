/* libdeflate wants room for the whole: it is doubled until it is enough. */
#include "codec/inflate.h"
#include <libdeflate.h>
#include "base/mem.h"

#define ROOM_FIRST ((size_t)1 << 20)

bool inflate_raw(const void *packed, size_t n, size_t max, uint8_t **ret, size_t *ret_n,
                 struct err *err)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    enum libdeflate_result result = LIBDEFLATE_INSUFFICIENT_SPACE;
    size_t room = 0, got = 0;
    uint8_t *bytes = NULL;
    if (!d) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    while (result == LIBDEFLATE_INSUFFICIENT_SPACE && room < max) {
        room = room == 0 ? ROOM_FIRST : room * 2;
        room = room < max ? room : max;
        mem_free(bytes);
        bytes = mem_big(room, 1, err);
        if (!bytes) {
            libdeflate_free_decompressor(d);
            return false;
        }
        result = libdeflate_deflate_decompress(d, packed, n, bytes, room, &got);
    }
    libdeflate_free_decompressor(d);
    if (result != LIBDEFLATE_SUCCESS) {
        mem_free(bytes);
        return result == LIBDEFLATE_INSUFFICIENT_SPACE
            ? err_set(err, ERR_FORMAT, "unpacks to more than %zu bytes", max)
            : err_set(err, ERR_FORMAT, "its packed bytes make no sense, or are cut");
    }
    *ret = bytes;
    *ret_n = got;
    return true;
}
