/* gzip (RFC 1952) of what is in memory, through zlib. */
#ifndef GANTRY_CODEC_GZIP_H
#define GANTRY_CODEC_GZIP_H

#include <stddef.h>
#include "base/err.h"

/* `level` 1 (fast) to 9. *ret is the caller's (mem_free). */
bool gzip_pack(const void *bytes, size_t n, int level, void **ret, size_t *ret_n,
               struct err *err) CHECK_RESULT;

/* Pieces of an endless gzip stream, each complete in itself: GZIP_HEAD and behind it any of them in
 * any order can be read, and a reader has the whole of a piece when its last byte is there. So one
 * packing serves every reader. The window's 256 KiB stay until _free. */
#define GZIP_HEAD "\x1f\x8b\x08\0\0\0\0\0\0\xff"
#define GZIP_HEAD_BYTES 10
struct gzip_pieces;
struct gzip_pieces *gzip_pieces_new(int level, struct err *err) CHECK_RESULT;
void gzip_pieces_free(struct gzip_pieces *g);
/* `n` is above 0. *ret is the caller's (mem_free). */
bool gzip_piece(struct gzip_pieces *g, const void *bytes, size_t n, char **ret, size_t *ret_n,
                struct err *err) CHECK_RESULT;

#endif
