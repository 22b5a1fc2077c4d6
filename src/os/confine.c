/*
 * Links are resolved first (realpath), the result is compared with the resolved root, and then
 * opened below the root's own descriptor with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS): a
 * link that was put there between the two steps makes the second one fail.
 */
#include "os/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"

static bool outside(const char *path, struct err *err)
{
    return err_set(err, ERR_PERM, "'%.200s' is outside of the folders that may be read here", path);
}

static bool absent(const char *path, int why, struct err *err)
{
    if (why == ENOENT || why == ENOTDIR) {
        return err_set(err, ERR_NOTHING, "'%.200s' is not there", path);
    }
    if (why == ELOOP || why == EXDEV) {
        return outside(path, err);
    }
    return err_errno(err, why, "cannot open '%.200s'", path);
}

/* Before the kernel had openat2 (5.6): open, and see where we arrived. */
static int open_and_look(int root_fd, const char *root, const char *below)
{
    char link[64], where[PATH_MAX];
    int fd = openat(root_fd, below, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -1;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, where, sizeof where - 1);
    where[n > 0 ? n : 0] = '\0';
    if (!path_within(where, root)) {
        (void)close(fd);
        errno = EXDEV;
        return -1;
    }
    return fd;
}

static int open_beneath(const char *root, const char *below)
{
    int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    if (root_fd < 0) {
        return -1;
    }
    below = *below ? below : ".";
    int fd = (int)syscall(SYS_openat2, root_fd, below, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) { /* EPERM: an old container's filter */
        fd = open_and_look(root_fd, root, below);
    }
    int why = errno;
    (void)close(root_fd);
    errno = why;
    return fd;
}

/* Devices and pipes would hold whoever reads them. */
static bool plain(int fd, const char *name, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_errno(err, errno, "cannot look at '%.200s'", name);
    }
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ||
        err_set(err, ERR_PERM, "'%.200s' is neither a file nor a folder", name);
}

bool confine_open(const char *root, const char *name, int *ret_fd, struct err *err)
{
    char real_root[PATH_MAX], real[PATH_MAX];
    char *path = path_absolute(root, name, err);
    if (!path) {
        return false;
    }
    bool ok = (path_within(path, root) || outside(name, err)) &&
        (realpath(root, real_root) || absent(root, errno, err)) &&
        (realpath(path, real) || absent(name, errno, err)) &&
        (path_within(real, real_root) || outside(name, err));
    mem_free(path);
    if (!ok) {
        return false;
    }
    int fd = open_beneath(real_root, path_below(real, real_root));
    if (fd < 0) {
        return absent(name, errno, err);
    }
    if (!plain(fd, name, err)) {
        (void)close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

bool confine_open_any(const char *const *roots, size_t n, const char *path, int *ret_fd,
                      struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (path_within(path, roots[i])) {
            return confine_open(roots[i], path, ret_fd, err);
        }
    }
    return outside(path, err);
}

char *confine_path(const char *const *roots, size_t n, const char *path, struct err *err)
{
    char real_root[PATH_MAX], real[PATH_MAX];
    char *clean = path[0] == '/' ? path_absolute("/", path, err) : NULL;
    char *ret = NULL;
    bool may_be = false;
    if (!clean) {
        (void)(path[0] == '/' || err_set(err, ERR_USAGE, "'%.200s' is not an absolute path", path));
        return NULL;
    }
    /* What cannot be inside by its name is not looked for: no answer tells whether it exists. */
    for (size_t i = 0; i < n && !may_be; i++) {
        may_be = path_within(clean, roots[i]) ||
            (realpath(roots[i], real_root) && path_within(clean, real_root));
    }
    if (!may_be) {
        (void)outside(path, err);
    } else if (!realpath(clean, real)) {
        (void)absent(path, errno, err);
    } else {
        for (size_t i = 0; i < n && !ret; i++) {
            if (realpath(roots[i], real_root) && path_within(real, real_root)) {
                ret = mem_strdup(real, err);
                may_be = ret != NULL; /* out of memory ends the search */
                if (!may_be) {
                    break;
                }
            }
        }
        if (!ret && may_be) {
            (void)outside(path, err);
        }
    }
    mem_free(clean);
    return ret;
}
