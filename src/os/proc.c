/* Child processes and who they are. */
#include "os/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "os/file.h"

extern char **environ;

static int plan_fd(posix_spawn_file_actions_t *fa, int fd, int target)
{
    if (fd == PROC_INHERIT) {
        return 0;
    }
    if (fd == PROC_NULL) {
        return posix_spawn_file_actions_addopen(fa, target, "/dev/null",
                                                target == 0 ? O_RDONLY : O_WRONLY, 0);
    }
    return posix_spawn_file_actions_adddup2(fa, fd, target);
}

bool proc_spawn(const struct proc_spec *spec, pid_t *ret_pid, struct err *err)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t all, none;
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    flags |= spec->session ? POSIX_SPAWN_SETSID : 0;
    flags |= spec->group ? POSIX_SPAWN_SETPGROUP : 0;
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    int rc = posix_spawn_file_actions_init(&fa);
    if (rc != 0) {
        return err_errno(err, rc, "cannot start '%s'", spec->argv[0]);
    }
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        (void)posix_spawnattr_setflags(&attr, flags);
        (void)posix_spawnattr_setsigdefault(&attr, &all);
        (void)posix_spawnattr_setsigmask(&attr, &none);
        rc = spec->cwd ? posix_spawn_file_actions_addchdir_np(&fa, spec->cwd) : 0;
        rc = rc ? rc : plan_fd(&fa, spec->in, 0);
        rc = rc ? rc : plan_fd(&fa, spec->out, 1);
        rc = rc ? rc : plan_fd(&fa, spec->errs, 2);
        if (rc == 0 && spec->keep_fd >= 0) { /* dup2 onto itself clears CLOEXEC in glibc's spawn */
            rc = posix_spawn_file_actions_adddup2(&fa, spec->keep_fd, spec->keep_fd);
        }
        pid_t pid = -1;
        if (rc == 0) {
            rc = posix_spawnp(&pid, spec->argv[0], &fa, &attr, (char *const *)spec->argv,
                              spec->env ? (char *const *)spec->env : environ);
        }
        if (rc == 0) {
            *ret_pid = pid;
        }
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&fa);
    return rc == 0 || err_errno(err, rc, "cannot start '%s'", spec->argv[0]);
}

int proc_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0); /* CLOEXEC by itself */
}

int proc_reap(pid_t pid, bool block, struct proc_end *ret)
{
    int status;
    struct rusage ru;
    pid_t got;
    do {
        got = wait4(pid, &status, block ? 0 : WNOHANG, &ru);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        return got == 0 ? 0 : -1;
    }
    ret->exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ret->peak_bytes = (int64_t)ru.ru_maxrss * 1024;
    ret->cpu_us = (int64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 +
        ru.ru_utime.tv_usec + ru.ru_stime.tv_usec;
    return 1;
}

/* Reads /proc/PID/<file> into buf; returns its length, 0 on failure. */
static size_t proc_read(pid_t pid, const char *file, char *buf, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = read(fd, buf + used, size - 1 - used)) > 0) {
        used += (size_t)n;
    }
    (void)close(fd);
    buf[used] = '\0';
    return used;
}

/* The fields of /proc/PID/stat behind the name, which may itself hold spaces and brackets. */
static bool stat_fields(pid_t pid, char *state, long *pgid, int64_t *start)
{
    char buf[1024];
    if (!proc_read(pid, "stat", buf, sizeof buf)) {
        return false;
    }
    const char *p = strrchr(buf, ')');
    if (!p || p[1] != ' ') {
        return false;
    }
    *state = p[2];
    p += 2;
    for (int field = 3; field < 22; field++) {
        p = strchr(p, ' ');
        if (!p) {
            return false;
        }
        p++;
        if (field + 1 == 5) {
            *pgid = strtol(p, NULL, 10);
        }
    }
    *start = strtoll(p, NULL, 10);
    return true;
}

int64_t proc_start_time(pid_t pid)
{
    char state;
    long pgid = 0;
    int64_t start;
    return pid > 0 && stat_fields(pid, &state, &pgid, &start) && state != 'Z' && state != 'X'
        ? start
        : -1;
}

bool proc_alive(pid_t pid, int64_t start_time)
{
    return start_time > 0 && proc_start_time(pid) == start_time;
}

/* Calls fn for each process; stops when fn returns false. */
static void each_process(bool (*fn)(pid_t, void *), void *arg)
{
    DIR *d = opendir("/proc");
    if (!d) {
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        int64_t pid;
        if (isdigit((unsigned char)e->d_name[0]) && num_int64(e->d_name, &pid) &&
            !fn((pid_t)pid, arg)) {
            break;
        }
    }
    (void)closedir(d);
}

struct env_search {
    const char *assignment;
    pid_t *found;
    size_t n, max;
    char *buf;
    size_t size;
};

static bool match_env(pid_t pid, void *arg)
{
    struct env_search *s = arg;
    size_t n = proc_read(pid, "environ", s->buf, s->size);
    for (const char *p = s->buf; p < s->buf + n; p += strlen(p) + 1) {
        if (!strcmp(p, s->assignment)) {
            if (s->n < s->max && proc_start_time(pid) > 0) {
                s->found[s->n] = pid;
            }
            s->n += proc_start_time(pid) > 0;
            break;
        }
    }
    return true;
}

size_t proc_find_env(const char *assignment, pid_t *ret, size_t max)
{
    size_t size =
        (size_t)1 << 18; /* environments are below 128 kB in practice; ours stands in front */
    struct env_search s = {assignment, ret, 0, max, mem_zero(size, NULL), size};
    if (s.buf) {
        each_process(match_env, &s);
    }
    mem_free(s.buf);
    return s.n < max ? s.n : max;
}

struct group_search {
    pid_t pgid;
    bool alive;
};

static bool match_group(pid_t pid, void *arg)
{
    struct group_search *s = arg;
    char state;
    long pgid = 0;
    int64_t start;
    if (stat_fields(pid, &state, &pgid, &start) && pgid == (long)s->pgid && state != 'Z' &&
        state != 'X') {
        s->alive = true;
    }
    return !s->alive;
}

static bool runnable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool proc_program_there(const char *name)
{
    const char *at = getenv("PATH");
    bool there = name[0] == '/' && runnable(name);
    char path[4200];
    for (at = strchr(name, '/') || !name[0] ? NULL : at; at && !there;) {
        size_t n = strcspn(at, ":");
        int length = snprintf(path, sizeof path, "%.*s%s%s", (int)n, at, n ? "/" : "./", name);
        there = length > 0 && (size_t)length < sizeof path && runnable(path);
        at = at[n] ? at + n + 1 : NULL;
    }
    return there;
}

bool proc_group_alive(pid_t pgid)
{
    if (pgid <= 0 || (kill(-pgid, 0) != 0 && errno == ESRCH)) {
        return false;
    }
    struct group_search s = {pgid, false};
    each_process(match_group, &s);
    return s.alive;
}

static int64_t kb_line(const char *text, const char *key)
{
    const char *p = strstr(text, key);
    return p ? strtoll(p + strlen(key), NULL, 10) : -1;
}

int64_t proc_peak_bytes(pid_t pid)
{
    char buf[4096];
    int64_t kb = proc_read(pid, "status", buf, sizeof buf) ? kb_line(buf, "VmHWM:") : -1;
    return kb > 0 ? kb * 1024 : 0;
}

/* proc(5), clear_refs: "5" resets the peak of the resident set. */
bool proc_peak_reset(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/clear_refs", (long)pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, "5", 1) == 1;
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

int64_t proc_cpu_us(pid_t pid)
{
    struct timespec used;
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        return 0;
    }
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

int64_t proc_oom_kills(void)
{
    char *text = file_read("/proc/vmstat", 0, NULL, err_ignore("not every kernel shows it"));
    int64_t n = text ? kb_line(text, "\noom_kill ") : -1;
    mem_free(text);
    return n;
}

void proc_boot_id(char *out, size_t size)
{
    char *text = file_read("/proc/sys/kernel/random/boot_id", 0, NULL,
                           err_ignore("then the host name must do"));
    (void)snprintf(out, size, "%.36s", text ? text : "");
    mem_free(text);
}

int64_t proc_total_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (int64_t)pages * size : -1;
}

int proc_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return CPU_COUNT(&set);
    }
    return 1;
}

bool proc_has_children(pid_t known)
{
    siginfo_t info;
    char file[64], list[256], *at = list;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD) {
        return false;
    }
    /* Those of the main thread; not every kernel tells, then there may be others. */
    (void)snprintf(file, sizeof file, "task/%ld/children", (long)getpid());
    bool known_first = known > 0 && proc_read(getpid(), file, list, sizeof list) > 0 &&
        strtol(list, &at, 10) == known;
    return !known_first || at[strspn(at, " ")] != '\0';
}
