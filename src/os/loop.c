/* libuv behind the house's names. Every handle is freed in its close callback. */
#include "os/loop.h"

#include <signal.h>
#include <stddef.h>
#include <uv.h>
#include "base/mem.h"

#define CLOSING_TURNS 8

struct loop {
    uv_loop_t uv;
};

struct loop_timer {
    uv_timer_t uv;
    loop_fn *fn;
    void *arg;
};

struct loop_fd {
    uv_poll_t uv;
    loop_fd_fn *fn;
    void *arg;
    int fd;
};

struct loop_signal {
    uv_signal_t uv;
    loop_signal_fn *fn;
    void *arg;
};

struct loop_folder {
    uv_fs_event_t uv;
    loop_folder_fn *fn;
    void *arg;
};

static bool uv_failed(struct err *err, const char *what, int rc)
{
    return err_set(err, ERR_IO, "event loop: %s: %s", what, uv_strerror(rc));
}

static void free_handle(uv_handle_t *h)
{
    mem_free(h); /* the uv handle is the first member of each of our structs */
}

struct loop *loop_new(struct err *err)
{
    struct loop *loop = mem_zero(sizeof *loop, err);
    int rc = loop ? uv_loop_init(&loop->uv) : 0;
    if (rc < 0) {
        (void)uv_failed(err, "start", rc);
        mem_free(loop);
        loop = NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop) {
        /* Lets close callbacks run; a loop that was stopped only forgets that the first time. */
        for (int turns = 0; uv_loop_close(&loop->uv) != 0 && turns < CLOSING_TURNS; turns++) {
            (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
        }
        mem_free(loop);
    }
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_turn(struct loop *loop, bool wait)
{
    (void)uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

static void timer_fired(uv_timer_t *uv)
{
    struct loop_timer *t = (struct loop_timer *)uv;
    t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg, struct err *err)
{
    struct loop_timer *t = mem_zero(sizeof *t, err);
    if (t) {
        (void)uv_timer_init(&loop->uv, &t->uv);
        t->fn = fn;
        t->arg = arg;
    }
    return t;
}

void loop_timer_start(struct loop_timer *t, uint64_t first_ms, uint64_t repeat_ms)
{
    uv_update_time(t->uv.loop);
    (void)uv_timer_start(&t->uv, timer_fired, first_ms, repeat_ms);
}

void loop_timer_stop(struct loop_timer *t)
{
    (void)uv_timer_stop(&t->uv);
}

bool loop_timer_active(const struct loop_timer *t)
{
    return uv_is_active((const uv_handle_t *)&t->uv) != 0;
}

void loop_timer_free(struct loop_timer *t)
{
    if (t) {
        uv_close((uv_handle_t *)&t->uv, free_handle);
    }
}

static void fd_ready(uv_poll_t *uv, int status, int events)
{
    struct loop_fd *w = (struct loop_fd *)uv;
    (void)status;
    (void)events;
    w->fn(w->arg, w->fd);
}

struct loop_fd *loop_fd_new(struct loop *loop, int fd, loop_fd_fn *fn, void *arg, struct err *err)
{
    struct loop_fd *w = mem_zero(sizeof *w, err);
    if (!w) {
        return NULL;
    }
    w->fn = fn;
    w->arg = arg;
    w->fd = fd;
    int rc = uv_poll_init(&loop->uv, &w->uv, fd);
    if (rc < 0) {
        (void)uv_failed(err, "watch a descriptor", rc);
        mem_free(w); /* never became a handle */
        return NULL;
    }
    rc = uv_poll_start(&w->uv, UV_READABLE | UV_DISCONNECT, fd_ready);
    if (rc < 0) {
        (void)uv_failed(err, "watch a descriptor", rc);
        loop_fd_free(w);
        return NULL;
    }
    return w;
}

void loop_fd_free(struct loop_fd *w)
{
    if (w) {
        (void)uv_poll_stop(&w->uv);
        uv_close((uv_handle_t *)&w->uv, free_handle);
    }
}

void loop_fd_want(struct loop_fd *w, bool readable, bool writable)
{
    int events = (readable ? UV_READABLE | UV_DISCONNECT : 0) | (writable ? UV_WRITABLE : 0);
    if (events) {
        (void)uv_poll_start(&w->uv, events, fd_ready);
    } else {
        (void)uv_poll_stop(&w->uv);
    }
}

static void signal_came(uv_signal_t *uv, int signum)
{
    struct loop_signal *w = (struct loop_signal *)uv;
    w->fn(w->arg, signum);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signum, loop_signal_fn *fn, void *arg,
                                    struct err *err)
{
    struct loop_signal *w = mem_zero(sizeof *w, err);
    if (!w) {
        return NULL;
    }
    w->fn = fn;
    w->arg = arg;
    (void)uv_signal_init(&loop->uv, &w->uv);
    int rc = uv_signal_start(&w->uv, signal_came, signum);
    if (rc < 0) {
        (void)uv_failed(err, "watch a signal", rc);
        loop_signal_free(w);
        return NULL;
    }
    return w;
}

void loop_signal_free(struct loop_signal *w)
{
    if (w) {
        uv_close((uv_handle_t *)&w->uv, free_handle);
    }
}

void loop_signals_hold(const int *signums, size_t n)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < n; i++) {
        (void)sigaddset(&set, signums[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void folder_changed(uv_fs_event_t *uv, const char *name, int events, int status)
{
    struct loop_folder *w = (struct loop_folder *)uv;
    (void)events;
    (void)status;
    w->fn(w->arg, name);
}

struct loop_folder *loop_folder_new(struct loop *loop, const char *path, loop_folder_fn *fn,
                                    void *arg, struct err *err)
{
    struct loop_folder *w = mem_zero(sizeof *w, err);
    if (!w) {
        return NULL;
    }
    w->fn = fn;
    w->arg = arg;
    (void)uv_fs_event_init(&loop->uv, &w->uv);
    int rc = uv_fs_event_start(&w->uv, folder_changed, path, 0);
    if (rc < 0) {
        (void)err_set(err, ERR_IO, "cannot watch folder '%s': %s", path, uv_strerror(rc));
        loop_folder_free(w);
        return NULL;
    }
    return w;
}

void loop_folder_free(struct loop_folder *w)
{
    if (w) {
        uv_close((uv_handle_t *)&w->uv, free_handle);
    }
}
