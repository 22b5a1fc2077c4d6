/* Files that matter: read whole, written aside + synced + renamed; trees made, measured, synced and
 * removed. */
#ifndef GANTRY_OS_FILE_H
#define GANTRY_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

/* Whole content, NUL behind it; refuses more than `max` bytes (0 = 64 MiB). Caller frees. */
char *file_read(const char *path, size_t max, size_t *ret_length, struct err *err) CHECK_RESULT;
/* Write `path` so that it is either the old or the new content: aside in the same folder, rename.
 * `sync`: fsync first. */
bool file_write(const char *path, const char *data, size_t length, bool sync,
                struct err *err) CHECK_RESULT;
/* Remove what processes that were killed had been writing aside for `path` (`.gantry-PID.tmp`
 * behind its name). A courtesy: what cannot be removed stays. */
void file_sweep_aside(const char *path);
/* Write straight into a new file (no rename): for folders that are published later as a whole. */
bool file_put(const char *path, const char *data, size_t length, struct err *err) CHECK_RESULT;
/* mkdir -p; existing folders are fine. */
bool file_mkdirs(const char *path, mode_t mode, struct err *err) CHECK_RESULT;
/* rm -r; a missing path is fine. Does not follow links. */
bool file_remove_tree(const char *path, struct err *err) CHECK_RESULT;
/* fsync one file or folder. */
bool file_sync(const char *path, struct err *err) CHECK_RESULT;
/* fsync every file and folder below and `path` itself. */
bool file_sync_tree(const char *path, struct err *err) CHECK_RESULT;
bool file_exists(const char *path);
bool file_is_folder(const char *path);
/* Free bytes for us on the file system of `path` or of its nearest existing parent; -1 when
 * unknown. */
int64_t file_free_bytes(const char *path);
/* Device number of `path` or of its nearest existing parent; 0 when unknown. */
uint64_t file_device(const char *path);
/* NFS, SMB, FUSE network and the like: locks and inotify cannot be trusted there. */
bool file_on_network(const char *path);
/* Sum of sizes, newest mtime (ns) and number of regular files of a file or of everything below a
 * folder. */
struct file_measure {
    int64_t size;
    int64_t mtime_ns;
    int64_t files;
    bool folder;
};
bool file_measure(const char *path, struct file_measure *ret, struct err *err) CHECK_RESULT;
/* The same over the files of one folder whose names match a glob `pattern` (not below it); folder
 * is true. */
bool file_measure_glob(const char *folder, const char *pattern, struct file_measure *ret,
                       struct err *err) CHECK_RESULT;
/* Give a tree the group of `model` (a folder) and its mode: files without the execute bits.
 * Failures to change the group are ignored (only its members may). */
void file_like_folder(const char *path, const char *model);
/* Put `from` in the place of `to`. An existing folder is exchanged (RENAME_EXCHANGE) or moved
 * aside, and removed. */
bool file_replace(const char *from, const char *to, struct err *err) CHECK_RESULT;

/* Names in a folder ("." and ".." left out), sorted; NULL-terminated array, free with
 * file_list_free. */
char **file_list(const char *path, size_t *ret_count, struct err *err) CHECK_RESULT;
void file_list_free(char **names);

/* Let the disk begin with what was written to `path`, so that syncing it later waits less. A hint:
 * nothing is lost where it cannot be given. */
void file_write_behind(const char *path);

#endif
