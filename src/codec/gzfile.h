/*
 * Files that may be packed with gzip, read and written in order, whatever their size. What the file
 * is shows in its first bytes, not in its name. Reading: gz_open, gz_read..., gz_end when nothing
 * else is wanted (only then is the checksum behind the last byte compared), gz_close always.
 * Writing: gz_create, gz_write..., gz_finish once, gz_close always; a file without gz_finish is
 * incomplete and should be removed by its owner.
 */
#ifndef GANTRY_CODEC_GZFILE_H
#define GANTRY_CODEC_GZFILE_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct gz;

/* ERR_FORMAT when it is a folder or anything else that is no plain file, or empty. */
struct gz *gz_open(const char *path, struct err *err) CHECK_RESULT;
/* Is it packed? And how many bytes does it take on the disk? */
bool gz_packed(const struct gz *file);
int64_t gz_disk_bytes(const struct gz *file);
/* Up to n bytes; fewer only at the end of the file. ERR_FORMAT when the packing is damaged or was
 * cut. */
bool gz_read(struct gz *file, void *ret_bytes, size_t n, size_t *ret_n,
             struct err *err) CHECK_RESULT;
/* Read on without keeping anything: n bytes, or to the end. */
bool gz_skip(struct gz *file, int64_t n, struct err *err) CHECK_RESULT;
/* To the end of the file, so that a damaged or cut one is noticed. More than `most` bytes are not
 * followed (a bomb of zeros). */
bool gz_end(struct gz *file, int64_t most, struct err *err) CHECK_RESULT;

/* A new file, which must not exist yet; level 0: plain, 1 (fast) to 9: packed. */
struct gz *gz_create(const char *path, int level, struct err *err) CHECK_RESULT;
bool gz_write(struct gz *file, const void *bytes, size_t n, struct err *err) CHECK_RESULT;
/* Everything written, and on the disk. ERR_DISKFULL when that is full. */
bool gz_finish(struct gz *file, struct err *err) CHECK_RESULT;

/* NULL is fine. */
void gz_close(struct gz *file);

#endif
