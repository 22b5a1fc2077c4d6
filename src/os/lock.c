/* flock with a note of who holds it. */
#include "os/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/file.h"

bool lock_take(const char *path, const char *note, int *ret_fd, char **ret_holder, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_errno(err, errno, "cannot open the lock '%s'", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        (void)close(fd);
        if (why != EWOULDBLOCK) {
            return err_errno(err, why, "cannot lock '%s'", path);
        }
        char *holder = file_read(path, 4096, NULL, err);
        if (!holder) {
            return false;
        }
        *ret_holder = holder;
        *ret_fd = -1;
        return true;
    }
    size_t n = strlen(note);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, note, n, 0) != (ssize_t)n) {
        int why = errno;
        (void)close(fd);
        return err_errno(err, why, "cannot write the lock '%s'", path);
    }
    *ret_holder = NULL;
    *ret_fd = fd;
    return true;
}

void lock_drop(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

bool lock_gpu(const char *uuid, int *ret_fd, struct err *err)
{
    char path[200];
    (void)snprintf(path, sizeof path, "/run/lock/gantry-gpu-%s", uuid);
    mode_t old = umask(0);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC,
                  0666); /* every user of the machine locks the same file */
    (void)umask(old);
    if (fd < 0) {
        return err_errno(err, errno, "cannot open the GPU's lock '%s'", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        fd = -1;
    }
    *ret_fd = fd;
    return true;
}
