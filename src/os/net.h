/* Unix sockets in a folder whose path may be longer than sun_path allows (reached through
 * /proc/self/fd). */
#ifndef GANTRY_OS_NET_H
#define GANTRY_OS_NET_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* A listening stream socket <folder>/<name>, mode 0600, replacing a stale one. Non-blocking,
 * CLOEXEC. */
bool net_listen(const char *folder, const char *name, int *ret_fd, struct err *err) CHECK_RESULT;
#define NET_WAKE_MAX 4096 /* longest datagram to a wake socket */
/* A datagram socket to be woken through. */
bool net_bind_wake(const char *folder, const char *name, int *ret_fd, struct err *err) CHECK_RESULT;
/* Connect a stream (blocking). */
bool net_connect(const char *folder, const char *name, int *ret_fd, struct err *err) CHECK_RESULT;
/* The same without ever waiting: non-blocking from birth, and a listener whose queue is full is
 * ERR_IO at once. */
bool net_connect_now(const char *folder, const char *name, int *ret_fd,
                     struct err *err) CHECK_RESULT;
/* The next client, or -1. CLOEXEC, non-blocking. */
int net_accept(int fd);
/* Connected datagram socket towards <folder>/<name>, or -1: waking is best effort. */
int net_open_wake(const char *folder, const char *name);

#endif
