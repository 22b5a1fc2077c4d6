/* Slot workers: started when first needed, fed, watched, let go. */
#include "exec/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/proc.h"

#define SLOTS_MAX 512
#define TIDY_INLINE 32768u /* bytes of a list that go through the pipe */

struct slot {
    struct local *owner;
    int index;
    pid_t pid;
    int64_t start;
    int pidfd, in;
    struct loop_fd *watch;
};

struct local {
    struct loop *loop;
    const char *home, *program;
    struct local_hooks hooks;
    struct slot slots[SLOTS_MAX];
};

struct local *local_new(struct loop *loop, const char *home, const char *program,
                        const struct local_hooks *hooks, struct err *err)
{
    struct local *l = mem_zero(sizeof *l, err);
    if (l) {
        l->loop = loop;
        l->home = home;
        l->program = program;
        l->hooks = *hooks;
    }
    return l;
}

static void let_go(struct slot *s)
{
    loop_fd_free(s->watch);
    s->watch = NULL;
    if (s->pidfd >= 0) {
        (void)close(s->pidfd);
    }
    if (s->in >= 0) {
        (void)close(s->in);
    }
    s->pid = 0;
}

void local_free(struct local *l)
{
    for (int i = 0; l && i < SLOTS_MAX; i++) {
        if (l->slots[i].pid) {
            let_go(&l->slots[i]);
        }
    }
    mem_free(l);
}

static void worker_ended(void *arg, int fd)
{
    struct slot *s = arg;
    struct proc_end end = {-1, 0, 0, 0};
    (void)fd;
    if (proc_reap(s->pid, false, &end) == 0) {
        return;
    }
    let_go(s);
    s->owner->hooks.gone(s->owner->hooks.arg, s->index, end.signal ? -1 : end.exit);
}

static bool start(struct local *l, struct slot *s, struct err *err)
{
    int in[2];
    char log[4200];
    (void)snprintf(log, sizeof log, "%s/worker.log", l->home);
    int errs = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (pipe2(in, O_CLOEXEC) != 0) {
        int why = errno;
        (void)close(errs);
        return err_errno(err, why, "cannot start a worker");
    }
    const char *argv[] = {l->program, "worker", "--slot", l->home, NULL};
    struct proc_spec spec = {.argv = argv,
                             .in = in[0],
                             .out = errs >= 0 ? errs : PROC_NULL,
                             .errs = errs >= 0 ? errs : PROC_NULL,
                             .keep_fd = -1,
                             .session = true};
    bool ok = proc_spawn(&spec, &s->pid, err);
    (void)close(in[0]);
    if (errs >= 0) {
        (void)close(errs);
    }
    if (!ok) {
        (void)close(in[1]);
        s->pid = 0;
        return false;
    }
    s->in = in[1];
    s->start = proc_start_time(s->pid);
    s->pidfd = proc_pidfd(s->pid);
    s->watch = s->pidfd >= 0 ? loop_fd_new(l->loop, s->pidfd, worker_ended, s, err) : NULL;
    if (!s->watch) {
        let_go(s);
        return s->pidfd >= 0
            ? false
            : err_set(err, ERR_IO, "this kernel has no pidfds (Linux 5.3 or newer is needed)");
    }
    return true;
}

static struct slot *slot_at(struct local *l, int index, struct err *err)
{
    if (index < 0 || index >= SLOTS_MAX) {
        (void)err_bug(err, "slot number out of range");
        return NULL;
    }
    struct slot *s = &l->slots[index];
    if (!s->pid) {
        *s = (struct slot){.owner = l, .index = index, .pidfd = -1, .in = -1};
        if (!start(l, s, err)) {
            return NULL;
        }
    }
    return s;
}

static bool put(int fd, const char *data, size_t n, struct err *err)
{
    while (n > 0) {
        ssize_t k = write(fd, data, n);
        if (k < 0 && errno == EINTR) {
            continue;
        }
        if (k < 0) {
            return err_errno(err, errno, "cannot reach the worker");
        }
        data += k;
        n -= (size_t)k;
    }
    return true;
}

bool local_run(struct local *l, int slot, const char *dir, const char *job, struct err *err)
{
    char header[96];
    size_t a = strlen(dir), b = strlen(job);
    struct slot *s = slot_at(l, slot, err);
    if (!s) {
        return false;
    }
    int h = snprintf(header, sizeof header, "run %zu %zu\n", a, b);
    char *message = mem_array((size_t)h + a + b, 1, err); /* one write: one wake-up of the worker */
    if (!message) {
        return false;
    }
    memcpy(message, header, (size_t)h);
    memcpy(message + h, dir, a);
    memcpy(message + h + a, job, b);
    bool ok = put(s->in, message, (size_t)h + a + b, err) ||
        err_set(err, ERR_UNREACHABLE, "the worker vanished before it took the task");
    mem_free(message);
    return ok;
}

bool local_tidy(struct local *l, int slot, const char *what, const char *folders, size_t length,
                struct err *err)
{
    char message[4300];
    int unread = 0;
    struct slot *s = slot_at(l, slot, err);
    if (!s || ioctl(s->in, FIONREAD, &unread) != 0 || unread > 0) {
        return s && err_set(err, ERR_IO, "the worker has not read what it was told before");
    }
    if (length <= TIDY_INLINE) {
        int h = snprintf(message, sizeof message, "%s %zu\n", what, length);
        return put(s->in, message, (size_t)h, err) && put(s->in, folders, length, err);
    }
    /* A pipe holds 64 KiB: a longer list waits in a file, so that the engine never waits for a
     * worker. */
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/tidy.%d.%" PRId64, l->home, slot, clock_mono_us());
    int h = snprintf(message, sizeof message, "%s-list %zu\n%s", what, strlen(path), path);
    return file_write(path, folders, length, false, err) && put(s->in, message, (size_t)h, err);
}

pid_t local_pid(const struct local *l, int slot, int64_t *ret_start)
{
    if (ret_start) {
        *ret_start = l->slots[slot].start;
    }
    return l->slots[slot].pid;
}

bool local_control(const char *dir, const char *word, pid_t worker, int64_t worker_start,
                   struct err *err)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/control", dir);
    if (!file_mkdirs(dir, 0777, err) || !file_write(path, word, strlen(word), false, err)) {
        return false;
    }
    if (proc_alive(worker, worker_start)) {
        (void)kill(worker, SIGUSR1); /* only a bell: the file says what */
    }
    return true;
}
