/* ZIP: any bytes as an archive, every entry read as far as small limits go; and as raw deflate. */
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "codec/inflate.h"
#include "codec/zip-file.h"

#define ENTRY_MAX ((uint64_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct zip_limits limits = {100, ENTRY_MAX, 8 * ENTRY_MAX, 100};
    static uint8_t room[ENTRY_MAX];
    struct err err;
    uint8_t *inflated = NULL;
    size_t n;
    struct zip_archive *a = zip_archive_open_bytes("fuzz.zip", data, size, &limits, &err);
    for (size_t i = 0; a && i < zip_archive_count(a); i++) {
        struct zip_entry_info info;
        zip_archive_entry(a, i, &info);
        if (info.size > ENTRY_MAX) {
            __builtin_trap(); /* the limit was not obeyed */
        }
        err_waive(zip_archive_head(a, i, room, 100, &n, &err));
        err_waive(zip_archive_read(a, i, room, &err));
    }
    zip_archive_close(a);
    if (inflate_raw(data, size, ENTRY_MAX, &inflated, &n, &err)) {
        mem_free(inflated);
    }
    return 0;
}
