/* Lock files: flock on a file that says who holds it. The kernel frees the lock when its holder
 * dies. */
#ifndef GANTRY_OS_LOCK_H
#define GANTRY_OS_LOCK_H

#include <stdbool.h>
#include "base/err.h"

/* Try to take the lock. *ret_fd >= 0: ours, `note` was written into the file (close the fd to free
 * it). *ret_fd == -1: somebody else's; *ret_holder (caller frees) is what they wrote. False only on
 * real failures. */
bool lock_take(const char *path, const char *note, int *ret_fd, char **ret_holder,
               struct err *err) CHECK_RESULT;
void lock_drop(int fd);
/* The machine's lock of a GPU (/run/lock/gantry-gpu-<UUID>), shared by every user and home: *ret_fd
 * >= 0 is ours until it is closed, -1 means that somebody has it. */
bool lock_gpu(const char *uuid, int *ret_fd, struct err *err) CHECK_RESULT;

#endif
