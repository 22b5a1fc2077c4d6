/* A list, and one timer that runs only while somebody has a deadline. */
#include "api/conns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define MOST 1000      /* connections in all */
#define KEPT_FILES 160 /* descriptors the engine needs for itself */
#define MOST_AN_IP 64  /* a browser takes 6; a lab's gateway hides some people */
#define SWEEP_MS 1000
#define HEAD_US (10 * 1000000LL)
#define BODY_US (30 * 1000000LL)
#define BODY_BYTES_A_SECOND 65536
#define REPLY_US (60 * 1000000LL)
#define REPLY_BYTES_A_SECOND 16384
#define IDLE_US (60 * 1000000LL)

struct conns {
    struct conn *first;
    unsigned n;
    struct loop_timer *sweep;
    void (*gone)(struct conn *c);
};

static void look(struct conn *c, int64_t now)
{
    char byte;
    if (c->phase == CONN_LATER) {
        ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) { /* closed, or cut off */
            c->all->gone(c);
        }
    } else if (c->deadline_us && now > c->deadline_us) {
        (void)shutdown(c->fd, SHUT_RDWR); /* the library notices, and ends it */
        c->deadline_us = 0;
    }
}

static void sweep(void *arg)
{
    struct conns *all = arg;
    int64_t now = clock_mono_us();
    bool any = false;
    for (struct conn *c = all->first, *next; c; c = next) {
        next = c->next;
        look(c, now);
    }
    for (const struct conn *c = all->first; c; c = c->next) {
        any = any || c->deadline_us || c->phase == CONN_LATER;
    }
    if (!any) {
        loop_timer_stop(all->sweep);
    }
}

struct conns *conns_new(struct loop *loop, void (*gone)(struct conn *c), struct err *err)
{
    struct conns *all = mem_zero(sizeof *all, err);
    if (all && !(all->sweep = loop_timer_new(loop, sweep, all, err))) {
        mem_free(all);
        return NULL;
    }
    if (all) {
        all->gone = gone;
    }
    return all;
}

void conns_free(struct conns *all)
{
    if (all) {
        while (all->first) {
            conns_remove(all->first);
        }
        loop_timer_free(all->sweep);
        mem_free(all);
    }
}

unsigned conns_most(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= MOST + KEPT_FILES) {
        return MOST;
    }
    return limit.rlim_cur > 2 * KEPT_FILES ? (unsigned)limit.rlim_cur - KEPT_FILES : KEPT_FILES;
}

void conns_ip(const struct sockaddr *from, char out[64], bool *ret_local)
{
    out[0] = '\0';
    *ret_local = false;
    if (from && from->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)from;
        (void)inet_ntop(AF_INET, &v4->sin_addr, out, 64);
        *ret_local = (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    } else if (from && from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)from;
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, out, 64);
        if (str_starts(out, "::ffff:")) {
            memmove(out, out + 7, strlen(out + 7) + 1);
        }
        *ret_local = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) || str_starts(out, "127.");
    }
}

bool conns_allow(const struct conns *all, const struct sockaddr *from)
{
    char ip[64];
    bool local;
    unsigned same = 0;
    conns_ip(from, ip, &local);
    for (const struct conn *c = local ? NULL : all->first; c; c = c->next) {
        same += !strcmp(c->ip, ip);
    }
    return same < MOST_AN_IP;
}

struct conn *conns_add(struct conns *all, int fd, const struct sockaddr *from)
{
    struct conn *c = mem_zero(sizeof *c, err_ignore("it lives without a deadline of ours"));
    if (c) {
        c->all = all;
        c->fd = fd;
        conns_ip(from, c->ip, &c->local);
        c->next = all->first;
        if (c->next) {
            c->next->previous = c;
        }
        all->first = c;
        all->n++;
        conns_phase(c, CONN_FRESH, 0);
    }
    return c;
}

void conns_remove(struct conn *c)
{
    if (c) {
        *(c->previous ? &c->previous->next : &c->all->first) = c->next;
        if (c->next) {
            c->next->previous = c->previous;
        }
        c->all->n--;
        mem_free(c);
    }
}

void conns_phase(struct conn *c, enum conn_phase phase, int64_t bytes)
{
    static const int64_t allowed[] = {
        [CONN_FRESH] = HEAD_US,  [CONN_HEAD] = HEAD_US, [CONN_BODY] = BODY_US, [CONN_LATER] = 0,
        [CONN_REPLY] = REPLY_US, [CONN_STREAM] = 0,     [CONN_IDLE] = IDLE_US};
    if (!c) {
        return;
    }
    int64_t rate = phase == CONN_REPLY ? REPLY_BYTES_A_SECOND : BODY_BYTES_A_SECOND;
    int64_t more = bytes > 0 ? bytes / rate * 1000000LL : 0;
    c->phase = phase;
    c->deadline_us = allowed[phase] ? clock_mono_us() + allowed[phase] + more : 0;
    if ((c->deadline_us || phase == CONN_LATER) && !loop_timer_active(c->all->sweep)) {
        loop_timer_start(c->all->sweep, SWEEP_MS, SWEEP_MS);
    }
}

unsigned conns_count(const struct conns *all)
{
    return all->n;
}
