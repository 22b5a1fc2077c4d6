/*
 * Handing bytes from one process to another without copying them: a pair of sockets that keep
 * messages apart, messages that carry a descriptor, and files in memory to be carried.
 */
#ifndef GANTRY_OS_PASS_H
#define GANTRY_OS_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/err.h"

/* The longest message; larger things travel in a file in memory. */
#define PASS_MAX ((size_t)64 << 10)
/* The most descriptors of one message. */
#define PASS_FDS 8

/* Two connected ends (SOCK_SEQPACKET), both CLOEXEC; ret_fd[0] does not block. */
bool pass_pair(int ret_fd[2], struct err *err) CHECK_RESULT;

/* One message, with descriptor `fd` unless that is -1; the descriptor stays the caller's.
 * ERR_UNREACHABLE when the other end is gone, ERR_IO when it takes nothing more. */
bool pass_send(int sock, const void *bytes, size_t length, int fd, struct err *err) CHECK_RESULT;

/* The same with several descriptors, at most PASS_FDS. */
bool pass_send_all(int sock, const void *bytes, size_t length, const int *fds, size_t n,
                   struct err *err) CHECK_RESULT;

/* The next message into `bytes`, with a NUL behind it: its length (at most size - 1), 0 at the end
 * of the stream, -1 with errno when there is none now (EAGAIN) or it failed (EMSGSIZE: longer than
 * `size`). *ret_fd is the descriptor that came with it (CLOEXEC, the caller's), or -1. */
ssize_t pass_receive(int sock, char *bytes, size_t size, int *ret_fd);
/* The same with several descriptors: the first `most` of them are kept, *ret_n says how many. */
ssize_t pass_receive_all(int sock, char *bytes, size_t size, int *ret_fds, size_t most,
                         size_t *ret_n);

/* A file in memory, mapped. Its pages are there from the start, so that filling it does not fault
 * page by page. */
struct memfile {
    int fd;
    void *bytes;
    size_t size;
};
#define MEMFILE_NONE \
    {                \
        -1, NULL, 0  \
    }

bool memfile_new(size_t size, struct memfile *ret, struct err *err) CHECK_RESULT;
/* Does nothing for MEMFILE_NONE, and leaves that behind. */
void memfile_free(struct memfile *m);

#endif
