/*
 * ZIP archives, read entry by entry into memory; nothing is ever unpacked to disk. Order of calls:
 * zip_archive_open(), zip_archive_entry() for each of zip_archive_count(), zip_archive_head() for
 * the first bytes of an entry or zip_archive_read() for all of it, zip_archive_close(). One thread
 * an archive: another thread opens it again.
 *
 * An archive is somebody else's: what cannot be honest (a bomb, a name that leads outside, more
 * entries than the limit) and what cannot be read (encrypted, truncated) is refused when it is
 * opened, in one line.
 */
#ifndef GANTRY_CODEC_ZIP_FILE_H
#define GANTRY_CODEC_ZIP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct zip_limits {
    uint64_t entries;     /* how many entries */
    uint64_t entry_bytes; /* unpacked size of one */
    uint64_t total_bytes; /* unpacked size of all */
    uint64_t ratio;       /* unpacked / packed of the whole archive, once it unpacks to over 1 GiB.
                             Above 1,100 no archive is honest: deflate cannot do it */
};
#define ZIP_LIMITS_DEFAULT                                            \
    {                                                                 \
        200000, (uint64_t)4 << 30, (uint64_t)64 << 30, (uint64_t)200, \
    }

struct zip_entry_info {
    const char *name; /* UTF-8, with slashes; stays until the archive is closed */
    uint64_t size;    /* unpacked */
    bool plain;       /* a file: not a folder, not a link */
};

struct zip_archive;

/* Does the file begin like a ZIP? */
bool zip_archive_mine(const void *head, size_t n);

/* `limits` NULL: the default ones. ERR_IO, ERR_PERM: not readable; ERR_FORMAT: anything else that
 * is refused. */
struct zip_archive *zip_archive_open(const char *path, const struct zip_limits *limits,
                                     struct err *err) CHECK_RESULT;
/* The same of bytes in memory (a ZIP in a ZIP), which must stay until it is closed; `name` is for
 * messages. */
struct zip_archive *zip_archive_open_bytes(const char *name, const void *bytes, size_t size,
                                           const struct zip_limits *limits,
                                           struct err *err) CHECK_RESULT;
void zip_archive_close(struct zip_archive *a);

size_t zip_archive_count(const struct zip_archive *a);
void zip_archive_entry(const struct zip_archive *a, size_t i, struct zip_entry_info *ret);

/* The first bytes of an entry: `max` of them, or all when it is shorter. */
bool zip_archive_head(struct zip_archive *a, size_t i, void *ret_bytes, size_t max, size_t *ret_n,
                      struct err *err) CHECK_RESULT;
/* The whole entry, its checksum tested; `ret_bytes` has room for the `size` of its info. */
bool zip_archive_read(struct zip_archive *a, size_t i, void *ret_bytes,
                      struct err *err) CHECK_RESULT;

#endif
