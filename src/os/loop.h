/*
 * The event loop, thin over libuv (the only user of uv.h): timers, readable descriptors, signals,
 * folders to watch. One thread. Callbacks get the `arg` given at creation; handles are freed with
 * their *_free, which takes NULL.
 */
#ifndef GANTRY_OS_LOOP_H
#define GANTRY_OS_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct loop;
struct loop_timer;
struct loop_fd;
struct loop_signal;
struct loop_folder;

typedef void loop_fn(void *arg);
typedef void loop_fd_fn(void *arg, int fd);
typedef void loop_signal_fn(void *arg, int signum);
typedef void loop_folder_fn(void *arg,
                            const char *name); /* name of what changed in the folder, may be NULL */

struct loop *loop_new(struct err *err) CHECK_RESULT;
/* All handles must have been freed. */
void loop_free(struct loop *loop);
/* Run until loop_stop. */
void loop_run(struct loop *loop);
/* One turn: handle what is ready; `wait`: block until something is. */
void loop_turn(struct loop *loop, bool wait);
void loop_stop(struct loop *loop);

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg,
                                  struct err *err) CHECK_RESULT;
/* Fires after first_ms, then every repeat_ms (0: once). Starting a started timer re-arms it. */
void loop_timer_start(struct loop_timer *t, uint64_t first_ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_active(const struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Calls fn whenever fd is readable (also: at its end, or for a pidfd when the process ended). The
 * fd stays the caller's; free the watch before closing it. */
struct loop_fd *loop_fd_new(struct loop *loop, int fd, loop_fd_fn *fn, void *arg,
                            struct err *err) CHECK_RESULT;
void loop_fd_free(struct loop_fd *w);
/* Call fn from now on when it is readable, when it can be written, or both; neither: not at all. */
void loop_fd_want(struct loop_fd *w, bool readable, bool writable);

struct loop_signal *loop_signal_new(struct loop *loop, int signum, loop_signal_fn *fn, void *arg,
                                    struct err *err) CHECK_RESULT;
void loop_signal_free(struct loop_signal *w);
/* From here to the end of the process these signals wait: for a program on its way out, which a
 * second one must not turn into a crash. */
void loop_signals_hold(const int *signums, size_t n);

/* inotify on one folder (not its subfolders). */
struct loop_folder *loop_folder_new(struct loop *loop, const char *path, loop_folder_fn *fn,
                                    void *arg, struct err *err) CHECK_RESULT;
void loop_folder_free(struct loop_folder *w);

#endif
