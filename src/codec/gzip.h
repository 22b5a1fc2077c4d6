/* gzip (RFC 1952) of what is in memory, through zlib. */
#ifndef GANTRY_CODEC_GZIP_H
#define GANTRY_CODEC_GZIP_H

#include <stddef.h>
#include "base/err.h"

/* `level` 1 (fast) to 9. *ret is the caller's (mem_free). */
bool gzip_pack(const void *bytes, size_t n, int level, void **ret, size_t *ret_n,
               struct err *err) CHECK_RESULT;

#endif
