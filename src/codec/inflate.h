/* Raw deflate (RFC 1951) of unknown size, in memory. */
#ifndef GANTRY_CODEC_INFLATE_H
#define GANTRY_CODEC_INFLATE_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* ERR_FORMAT when the bytes make no sense, are cut, or unpack to more than `max`. *ret is the
 * caller's (mem_free). */
bool inflate_raw(const void *packed, size_t n, size_t max, uint8_t **ret, size_t *ret_n,
                 struct err *err) CHECK_RESULT;

#endif
