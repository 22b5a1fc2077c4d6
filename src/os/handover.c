/* One message to the process, two back: "taken" at once, the exit status at the end. The process
 * writes the attempt's assignments over the strings that it was started with: what
 * /proc/PID/environ shows is that very memory. */
#include "os/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "os/pass.h"

/* Two paths of 4 KiB, a few names and numbers. */
#define ROOM 16384u
#define OWN_MOST 32u

#define TAKEN "taken"
/* An idle process answers in microseconds; one that does not is not idle but stuck. */
#define TAKEN_MS 2000

extern char **environ;

/* ---- the worker's side ---- */

char *handover_room(struct err *err)
{
    char *room = mem_zero(ROOM, err);
    if (room) {
        (void)snprintf(room, ROOM, "%-*s", (int)ROOM - 1, HANDOVER_FIRST);
    }
    return room;
}

bool handover_fits(const char *const *own, size_t n)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        length += strlen(own[i]) + 1;
    }
    return n < OWN_MOST && length < ROOM;
}

bool handover_give(int sock, const char *const *own, size_t n, const int fds[HANDOVER_FDS],
                   struct err *err)
{
    char words[ROOM];
    size_t at = 0;
    if (!handover_fits(own, n)) {
        return err_bug(err, "an attempt's environment is too long to be handed over");
    }
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(own[i]) + 1;
        memcpy(words + at, own[i], size);
        at += size;
    }
    return pass_send_all(sock, words, at, fds, HANDOVER_FDS, err);
}

bool handover_taken(int sock)
{
    struct pollfd p = {.fd = sock, .events = POLLIN};
    char text[32];
    int fd = -1;
    ssize_t n = poll(&p, 1, TAKEN_MS) == 1 ? pass_receive(sock, text, sizeof text, &fd) : 0;
    if (fd >= 0) {
        (void)close(fd); /* none is expected */
    }
    return n > 0 && !strcmp(text, TAKEN);
}

bool handover_told(int sock, int *ret_exit)
{
    char text[32];
    int64_t status;
    ssize_t n;
    do { /* what a process said before it died counts */
        int fd;
        n = pass_receive(sock, text, sizeof text, &fd);
        if (fd >= 0) {
            (void)close(fd); /* none is expected */
        }
    } while (n > 0 && !strcmp(text, TAKEN));
    if (n <= 0 || !num_int64(text, &status) || status < 0 || status > 255) {
        return false;
    }
    *ret_exit = (int)status;
    return true;
}

/* ---- the process' side ---- */

struct handover {
    int sock, null;
    int claim;            /* of the attempt; -1 = none */
    char *room;           /* the first string of `first` */
    char **first;         /* the environment that the process was started with */
    char **common, **all; /* the same without and with the attempt's own */
    mode_t mask;
    sigset_t blocked;
    struct sigaction action[NSIG];
};

/* All environments are arrays of their own: what a library adds with setenv() goes with the next
 * attempt. */
static bool copy_environment(struct handover *h, struct err *err)
{
    size_t n = 0;
    while (environ[n]) {
        n++;
    }
    h->first = environ;
    h->room = environ[0];
    h->common = mem_array(n, sizeof *h->common, err);
    h->all = h->common ? mem_array(n + OWN_MOST, sizeof *h->all, err) : NULL;
    if (h->all) {
        memcpy(h->common, environ + 1, n * sizeof *h->common);
    }
    return h->all != NULL;
}

static void note_state(struct handover *h)
{
    h->mask = umask(0);
    (void)umask(h->mask);
    (void)sigprocmask(SIG_SETMASK, NULL, &h->blocked);
    for (int i = 1; i < NSIG; i++) {
        if (sigaction(i, NULL, &h->action[i]) != 0) {
            h->action[i].sa_handler = SIG_ERR; /* the C library's own */
        }
    }
}

struct handover *handover_open(struct err *err)
{
    if (!environ || !environ[0] || !str_starts(environ[0], HANDOVER_FIRST) ||
        strlen(environ[0]) != ROOM - 1) {
        (void)err_set(err, ERR_USAGE, "only a worker starts this: it gives attempts on a socket");
        return NULL;
    }
    struct handover *h = mem_zero(sizeof *h, err);
    if (!h) {
        return NULL;
    }
    h->claim = -1;
    h->sock = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    h->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (h->sock < 0 || h->null < 0 || dup2(h->null, STDIN_FILENO) < 0) {
        (void)err_errno(err, errno, "standard input");
        handover_close(h);
        return NULL;
    }
    if (!copy_environment(h, err)) {
        handover_close(h);
        return NULL;
    }
    note_state(h);
    return h;
}

/* `words` are the attempt's assignments, each with its NUL. */
static void put_environment(struct handover *h, const char *words, size_t length)
{
    size_t n = 0, common = 0;
    memset(h->room, 0, ROOM - 1);
    memcpy(h->room, words, length);
    for (size_t at = 0; at < length && n < OWN_MOST - 1; at += strlen(words + at) + 1) {
        h->all[n++] = h->room + at;
    }
    while (h->common[common]) {
        h->all[n++] = h->common[common++];
    }
    h->all[n] = NULL;
    environ = h->all;
}

static bool put_descriptors(struct handover *h, const int fds[HANDOVER_FDS], struct err *err)
{
    bool ok = dup2(fds[HANDOVER_OUT], STDOUT_FILENO) >= 0 &&
        dup2(fds[HANDOVER_ERRS], STDERR_FILENO) >= 0 && fchdir(fds[HANDOVER_CWD]) == 0;
    int why = errno;
    h->claim = fds[HANDOVER_CLAIM];
    (void)close(fds[HANDOVER_OUT]);
    (void)close(fds[HANDOVER_ERRS]);
    (void)close(fds[HANDOVER_CWD]);
    return ok || err_errno(err, why, "taking an attempt over");
}

const char *handover_take(struct handover *h, struct err *err)
{
    char words[ROOM];
    int fds[HANDOVER_FDS];
    size_t n = 0;
    err->code = ERR_NONE;
    ssize_t length = pass_receive_all(h->sock, words, sizeof words, fds, HANDOVER_FDS, &n);
    if (length <= 0) {
        (void)(length == 0 || errno == ECONNRESET || err_errno(err, errno, "the worker's socket"));
        return NULL;
    }
    if (n != HANDOVER_FDS || !str_starts(words, HANDOVER_FIRST) || words[length - 1] != '\0') {
        for (size_t i = 0; i < n; i++) {
            (void)close(fds[i]);
        }
        (void)err_set(err, ERR_FORMAT, "the worker's message is not understood");
        return NULL;
    }
    put_environment(h, words, (size_t)length);
    return put_descriptors(h, fds, err) && pass_send(h->sock, TAKEN, strlen(TAKEN), -1, err)
        ? h->room + strlen(HANDOVER_FIRST)
        : NULL;
}

/* Nothing of the attempt stays. Output that cannot be written is lost, as at the end of a process.
 */
static void leave_attempt(struct handover *h)
{
    (void)fflush(stdout);
    (void)fflush(stderr);
    clearerr(stdout);
    clearerr(stderr);
    (void)dup2(h->null, STDOUT_FILENO);
    (void)dup2(h->null, STDERR_FILENO);
    (void)close(h->claim);
    h->claim = -1;
    (void)!chdir("/");
    memset(h->room, 0, ROOM - 1);
    environ = h->common;
    (void)umask(h->mask);
    (void)setlocale(LC_ALL, "C");
    for (int i = 1; i < NSIG; i++) {
        if (h->action[i].sa_handler != SIG_ERR) {
            (void)sigaction(i, &h->action[i], NULL); /* KILL and STOP refuse */
        }
    }
    (void)sigprocmask(SIG_SETMASK, &h->blocked, NULL);
}

bool handover_done(struct handover *h, int exit, struct err *err)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d", exit);
    leave_attempt(h);
    return pass_send(h->sock, text, (size_t)n, -1, err);
}

void handover_close(struct handover *h)
{
    if (!h) {
        return;
    }
    if (h->sock >= 0) {
        (void)close(h->sock);
    }
    if (h->null >= 0) {
        (void)close(h->null);
    }
    if (h->claim >= 0) {
        (void)close(h->claim);
    }
    if (h->first) {
        environ = h->first;
    }
    mem_free(h->common);
    mem_free(h->all);
    mem_free(h);
}
