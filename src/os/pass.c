/* Messages with descriptors (unix(7), SCM_RIGHTS) and memfd_create(2). */
#include "os/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(PASS_FDS * sizeof(int))];
};

bool pass_pair(int ret_fd[2], struct err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return err_errno(err, errno, "cannot make a pair of sockets");
    }
    if (fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) {
        int why = errno;
        (void)close(pair[0]);
        (void)close(pair[1]);
        return err_errno(err, why, "cannot make a pair of sockets");
    }
    ret_fd[0] = pair[0];
    ret_fd[1] = pair[1];
    return true;
}

bool pass_send_all(int sock, const void *bytes, size_t length, const int *fds, size_t n,
                   struct err *err)
{
    union control control;
    struct iovec part = {(void *)(uintptr_t)bytes, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    if (n > PASS_FDS) {
        return err_bug(err, "a message with too many descriptors");
    }
    if (n > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(n * sizeof *fds);
        struct cmsghdr *head = &control.align; /* the first, as CMSG_FIRSTHDR says */
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(n * sizeof *fds);
        memcpy(CMSG_DATA(head), fds, n * sizeof *fds);
    }
    do {
        sent = sendmsg(sock, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        bool gone = errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN;
        (void)err_errno(err, errno, "sending %zu bytes", length);
        err->code = gone ? ERR_UNREACHABLE : ERR_IO;
        return false;
    }
    return true;
}

bool pass_send(int sock, const void *bytes, size_t length, int fd, struct err *err)
{
    return pass_send_all(sock, bytes, length, &fd, fd >= 0, err);
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)close(fds[i]);
    }
}

/* The descriptors in a message; those that a stranger may have put there beyond `most` are closed.
 */
static size_t take_descriptors(struct msghdr *message, int *ret_fds, size_t most)
{
    size_t n = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (size_t at = 0; at + sizeof(int) <= head->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(head) + at, sizeof fd);
            if (n < most) {
                ret_fds[n++] = fd;
            } else {
                (void)close(fd);
            }
        }
    }
    return n;
}

ssize_t pass_receive_all(int sock, char *bytes, size_t size, int *ret_fds, size_t most,
                         size_t *ret_n)
{
    union control control;
    struct iovec part = {bytes, size - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got;

    *ret_n = 0;
    do {
        got = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return -1;
    }
    *ret_n = take_descriptors(&message, ret_fds, most);
    if (message.msg_flags & MSG_TRUNC) {
        close_all(ret_fds, *ret_n);
        *ret_n = 0;
        errno = EMSGSIZE;
        return -1;
    }
    bytes[got] = '\0';
    return got;
}

ssize_t pass_receive(int sock, char *bytes, size_t size, int *ret_fd)
{
    size_t n;
    ssize_t got = pass_receive_all(sock, bytes, size, ret_fd, 1, &n);
    *ret_fd = n ? *ret_fd : -1;
    return got;
}

bool memfile_new(size_t size, struct memfile *ret, struct err *err)
{
    int fd = memfd_create("gantry", MFD_CLOEXEC);
    void *bytes = MAP_FAILED;
    size_t length = size ? size : 1;

    if (fd < 0) {
        return err_errno(err, errno, "a file in memory");
    }
    if (ftruncate(fd, (off_t)length) == 0) {
        bytes = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    }
    if (bytes == MAP_FAILED) {
        int why = errno;
        (void)close(fd);
        return err_errno(err, why, "a file in memory of %zu bytes", size);
    }
    *ret = (struct memfile){fd, bytes, size};
    return true;
}

void memfile_free(struct memfile *m)
{
    if (m->bytes) {
        (void)munmap(m->bytes, m->size ? m->size : 1);
    }
    if (m->fd >= 0) {
        (void)close(m->fd);
    }
    *m = (struct memfile)MEMFILE_NONE;
}
