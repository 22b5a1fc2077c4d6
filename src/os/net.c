/* Unix sockets by folder and name. */
#include "os/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Opens the folder and makes an address below /proc/self/fd, which is short whatever the folder's
 * path. */
static int address(const char *folder, const char *name, struct sockaddr_un *ret)
{
    int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        memset(ret, 0, sizeof *ret);
        ret->sun_family = AF_UNIX;
        (void)snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", dir, name);
    }
    return dir;
}

static int make(const char *folder, const char *name, int type, bool bind_it, struct err *err)
{
    struct sockaddr_un a;
    int dir = address(folder, name, &a);
    int fd = dir >= 0 ? socket(AF_UNIX, type | SOCK_CLOEXEC, 0) : -1;
    bool ok = fd >= 0;
    if (ok && bind_it) {
        (void)unlinkat(dir, name, 0); /* a dead engine's; the lock says that no other lives */
        mode_t old = umask(0177);
        ok = bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
        (void)umask(old);
    } else if (ok) {
        ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    }
    if (!ok) {
        int why = errno;
        (void)err_errno(err, why, "socket '%s/%s'", folder, name);
        if (fd >= 0) {
            (void)close(fd);
        }
        fd = -1;
    }
    if (dir >= 0) {
        (void)close(dir);
    }
    return fd;
}

static bool set_nonblocking(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

bool net_listen(const char *folder, const char *name, int *ret_fd, struct err *err)
{
    int fd = make(folder, name, SOCK_STREAM, true, err);
    if (fd < 0) {
        return false;
    }
    if (listen(fd, 64) != 0 || !set_nonblocking(fd)) {
        int why = errno;
        (void)close(fd);
        return err_errno(err, why, "cannot listen on '%s/%s'", folder, name);
    }
    *ret_fd = fd;
    return true;
}

bool net_bind_wake(const char *folder, const char *name, int *ret_fd, struct err *err)
{
    int fd = make(folder, name, SOCK_DGRAM, true, err);
    if (fd < 0) {
        return false;
    }
    if (!set_nonblocking(fd)) {
        int why = errno;
        (void)close(fd);
        return err_errno(err, why, "socket '%s/%s'", folder, name);
    }
    *ret_fd = fd;
    return true;
}

bool net_connect(const char *folder, const char *name, int *ret_fd, struct err *err)
{
    int fd = make(folder, name, SOCK_STREAM, false, err);
    if (fd >= 0) {
        *ret_fd = fd;
    }
    return fd >= 0;
}

bool net_connect_now(const char *folder, const char *name, int *ret_fd, struct err *err)
{
    int fd = make(folder, name, SOCK_STREAM | SOCK_NONBLOCK, false, err);
    if (fd >= 0) {
        *ret_fd = fd;
    }
    return fd >= 0;
}

int net_accept(int fd)
{
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int net_open_wake(const char *folder, const char *name)
{
    int fd = make(folder, name, SOCK_DGRAM, false,
                  err_ignore("waking is best effort; the engine also polls"));
    if (fd >= 0 && !set_nonblocking(fd)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}
