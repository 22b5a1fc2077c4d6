/* The password goes through a pipe that holds it whole (or a nameless file: writing never waits),
 * the answer comes in a nameless file. */
#include "api/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "api/access.h"
#include "base/mem.h"
#include "codec/secret.h"
#include "engine/engine.h"
#include "os/proc.h"

#define ANSWER_MAX 1024

struct passwd_job {
    pid_t pid;
    int pidfd, out;
    struct loop_fd *watch;
    int *at_work; /* the server's count of them */
    bool hashes;
    passwd_fn *fn;
    void *arg;
};

bool passwd_check_new(const char *password, struct err *err)
{
    size_t letters = 0;
    for (const char *p = password; *p; p++) {
        letters += (*p & 0xC0) != 0x80;
    }
    return (letters >= PASSWD_MIN ||
            err_set(err, ERR_USAGE, "a password has at least %d characters, this one %zu",
                    PASSWD_MIN, letters)) &&
        (strlen(password) <= PASSWD_MAX ||
         err_set(err, ERR_USAGE, "the password is longer than %d bytes", PASSWD_MAX));
}

static void free_job(struct passwd_job *job)
{
    (*job->at_work)--;
    loop_fd_free(job->watch);
    if (job->pidfd >= 0) {
        (void)close(job->pidfd);
    }
    if (job->out >= 0) {
        (void)close(job->out);
    }
    mem_free(job);
}

void passwd_drop(struct passwd_job *job)
{
    struct proc_end end;
    if (job) {
        if (job->pid > 0) {
            (void)kill(job->pid, SIGKILL);
            (void)proc_reap(job->pid, true, &end); /* a killed process ends at once */
        }
        free_job(job);
    }
}

static void ended(void *arg, int fd)
{
    struct passwd_job *job = arg;
    struct proc_end end = {0};
    struct err err = {ERR_NONE, ""};
    char text[ANSWER_MAX];
    (void)fd;
    if (proc_reap(job->pid, false, &end) == 0) {
        return;
    }
    job->pid = 0;
    ssize_t n = pread(job->out, text, sizeof text, 0);
    json_t *answer = end.exit == 0 && n > 0 ? json_parse(text, (size_t)n, "password", &err) : NULL;
    const char *hash = json_get_text(answer, "hash", NULL);
    bool right = json_get_bool(answer, "ok", false);
    if (!answer || (job->hashes && !hash)) {
        (void)err_set(&err, ERR_FAILED, "the password could not be checked: try again");
    }
    job->fn(job->arg, right, hash, &err);
    json_decref(answer);
    free_job(job);
}

/* Text that is read once, from its start: a pipe that holds it whole, or else a nameless file.
 * Never waits. */
static int hold_text(const char *text, size_t n)
{
    int fd[2] = {-1, -1};
    if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) == 0) {
        bool whole = write(fd[1], text, n) == (ssize_t)n;
        (void)close(fd[1]);
        if (whole && fcntl(fd[0], F_SETFL, 0) == 0) { /* the reader may wait */
            return fd[0];
        }
        (void)close(fd[0]);
    }
    int file = memfd_create("password", MFD_CLOEXEC);
    if (file >= 0 && (write(file, text, n) != (ssize_t)n || lseek(file, 0, SEEK_SET) != 0)) {
        int why = errno;
        (void)close(file);
        errno = why;
        return -1;
    }
    return file;
}

/* {"password", "hash"?} to be read from *ret_fd. */
static bool fill_input(const char *password, const char *hash, int *ret_fd, struct err *err)
{
    json_t *input = json_pack("{s:s, s:s*}", "password", password, "hash", hash);
    char *text = input ? json_line(input, err) : NULL;
    size_t n = text ? strlen(text) : 0;
    bool ok = false;
    if (!text) {
        (void)(input || err_set(err, ERR_USAGE, "the password is not UTF-8 text"));
    } else {
        *ret_fd = hold_text(text, n);
        ok = *ret_fd >= 0 || err_errno(err, errno, "checking a password");
    }
    secret_wipe(text, n);
    mem_free(text);
    json_decref(input);
    return ok;
}

struct passwd_job *passwd_start(struct api *api, const char *password, const char *hash,
                                passwd_fn *fn, void *arg, struct err *err)
{
    const char *argv[] = {api->engine->program, "passwd-check", NULL};
    int in = -1;
    int *at_work = access_passwords(api->access);
    if (*at_work >= PASSWD_AT_ONCE) {
        (void)err_set(err, ERR_UNREACHABLE, "too many people sign in at once: try again");
        return NULL;
    }
    struct passwd_job *job = mem_zero(sizeof *job, err);
    if (!job) {
        return NULL;
    }
    (*at_work)++;
    *job =
        (struct passwd_job){.pidfd = -1, .at_work = at_work, .hashes = !hash, .fn = fn, .arg = arg};
    job->out = memfd_create("password", MFD_CLOEXEC);
    bool ok = (job->out >= 0 || err_errno(err, errno, "checking a password")) &&
        fill_input(password, hash, &in, err);
    if (ok) {
        struct proc_spec spec = {
            .argv = argv, .in = in, .out = job->out, .errs = PROC_NULL, .keep_fd = -1};
        ok = proc_spawn(&spec, &job->pid, err);
    }
    if (ok) {
        job->pidfd = proc_pidfd(job->pid);
        ok = (job->pidfd >= 0 || err_errno(err, errno, "watching a child")) &&
            (job->watch = loop_fd_new(api->loop, job->pidfd, ended, job, err));
    }
    if (in >= 0) {
        (void)close(in);
    }
    if (!ok) {
        passwd_drop(job);
        return NULL;
    }
    return job;
}
