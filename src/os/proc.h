/*
 * Child processes: posix_spawn with everything said at once, pidfds for the loop, and who a process
 * is (pid + start time), so that a pid that was given to another program is never mistaken or
 * signalled.
 */
#ifndef GANTRY_OS_PROC_H
#define GANTRY_OS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

#define PROC_NULL (-1)    /* /dev/null */
#define PROC_INHERIT (-2) /* ours */

struct proc_spec {
    const char *const *argv; /* argv[0] is looked up in PATH when it has no slash */
    const char *const *env;  /* NULL: ours */
    const char *cwd;         /* NULL: ours */
    int in, out, errs;       /* a descriptor, PROC_NULL or PROC_INHERIT */
    int keep_fd;             /* one more descriptor to inherit under the same number; -1: none */
    bool session;            /* setsid */
    bool group;              /* a process group of its own */
};

struct proc_end {
    int exit;   /* exit status, -1 when killed by a signal */
    int signal; /* 0 when it exited */
    int64_t peak_bytes;
    int64_t cpu_us;
};

/* Signals are reset to their defaults and unblocked in the child. */
bool proc_spawn(const struct proc_spec *spec, pid_t *ret_pid, struct err *err) CHECK_RESULT;
/* -1 when the process is gone or the kernel has no pidfds. CLOEXEC. */
int proc_pidfd(pid_t pid);
/* Reap a child. Returns 1 reaped, 0 still running (never when `block`), -1 not our child. */
int proc_reap(pid_t pid, bool block, struct proc_end *ret);
/* Field 22 of /proc/PID/stat (clock ticks since boot); -1 when there is no such process. Zombies
 * count as gone. */
int64_t proc_start_time(pid_t pid);
/* The same process as then? */
bool proc_alive(pid_t pid, int64_t start_time);
/* Processes that have `assignment` ("NAME=value") in their environment; returns how many were found
 * (at most max kept). */
size_t proc_find_env(const char *assignment, pid_t *ret, size_t max);
/* Would `name` start wherever we are? An absolute path, or a program on PATH as proc_spawn looks it
 * up. */
bool proc_program_there(const char *name);
/* Processes in group `pgid` other than zombies. */
bool proc_group_alive(pid_t pgid);
/* Highest resident size so far (VmHWM) in bytes; 0 when unknown. */
int64_t proc_peak_bytes(pid_t pid);
/* Count the peak anew from what is resident now: also what the kernel reports at its end. False
 * where the kernel does not do it (then peaks are of all its life). */
bool proc_peak_reset(pid_t pid);
/* Processor time that the process has used so far; 0 when unknown. */
int64_t proc_cpu_us(pid_t pid);
/* Kills of the kernel's out-of-memory killer so far (/proc/vmstat, or the cgroup's count); -1 when
 * unknown. */
int64_t proc_oom_kills(void);
/* Boot id of this machine (caller gives 40 bytes); "" when unknown. */
void proc_boot_id(char *out, size_t size);
int64_t proc_total_memory(void);
int proc_cpu_count(void);

/* Has this process any child, dead or alive, but `known` (0: none is)? */
bool proc_has_children(pid_t known);

#endif
