/* Claims: O_EXCL decides who starts, flock tells who lives, "fenced" closes the gap between the
 * two. */
#include "os/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/file.h"
#include "os/proc.h"

#define REST_MAX 256

static bool append(int fd, const char *text, struct err *err)
{
    size_t n = strlen(text);
    return write(fd, text, n) == (ssize_t)n || err_errno(err, errno, "cannot write the claim");
}

bool claim_take(const char *folder, int *ret_fd, struct err *err)
{
    char path[4200], line[80];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/claim", folder);
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        return errno == EEXIST ? err_set(err, ERR_EXISTS, "attempt '%s' is claimed already", folder)
                               : err_errno(err, errno, "cannot claim '%s'", folder);
    }
    /* an engine that found the empty file first holds the lock, or has written into it */
    bool ours = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_size == 0;
    if (!ours) {
        (void)close(fd);
        return err_set(err, ERR_EXISTS, "attempt '%s' was fenced", folder);
    }
    (void)snprintf(line, sizeof line, "worker %ld %" PRId64 "\n", (long)getpid(),
                   proc_start_time(getpid()));
    if (!append(fd, line, err)) {
        (void)close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

bool claim_note_tool(int fd, pid_t tool, struct err *err)
{
    char line[80];
    (void)snprintf(line, sizeof line, "tool %ld %" PRId64 "\n", (long)tool, proc_start_time(tool));
    return append(fd, line, err);
}

static void parse(const char *text, struct claim *ret)
{
    *ret = (struct claim){0};
    while (*text) {
        long pid;
        int64_t start;
        if (sscanf(text, "worker %ld %" SCNd64, &pid, &start) == 2) {
            ret->worker = (pid_t)pid;
            ret->worker_start = start;
        } else if (sscanf(text, "tool %ld %" SCNd64, &pid, &start) == 2) {
            ret->tool = (pid_t)pid;
            ret->tool_start = start;
        } else if (!strncmp(text, "fenced", 6)) {
            ret->fenced = true;
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
}

/* By folder, not by number: another home on this machine has attempts of the same numbers. */
static size_t carriers(const char *folder, pid_t *ret)
{
    char assignment[4200];
    (void)snprintf(assignment, sizeof assignment, "GANTRY_ATTEMPT_DIR=%s", folder);
    return proc_find_env(assignment, ret, REST_MAX);
}

bool claim_look(const char *folder, enum claim_state *ret_state, struct claim *ret_claim,
                struct err *err)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/claim", folder);
    if (!file_exists(path)) {
        *ret_claim = (struct claim){0};
        *ret_state = CLAIM_NONE;
        return true;
    }
    char *text = file_read(path, 65536, NULL, err);
    if (!text) {
        return false;
    }
    parse(text, ret_claim);
    mem_free(text);
    if (proc_alive(ret_claim->worker, ret_claim->worker_start)) {
        *ret_state = CLAIM_WORKER;
        return true;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, errno, "cannot open '%s'", path);
    }
    bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
    (void)close(fd);
    pid_t found[REST_MAX];
    bool rest =
        locked || proc_alive(ret_claim->tool, ret_claim->tool_start) || carriers(folder, found) > 0;
    *ret_state = rest ? CLAIM_TOOL : CLAIM_DEAD;
    return true;
}

bool claim_fence(const char *folder, struct err *err)
{
    char path[4200];
    if (!file_mkdirs(folder, 0777, err)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/claim", folder);
    int fd = open(path, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_errno(err, errno, "cannot fence '%s'", folder);
    }
    bool ok = flock(fd, LOCK_EX | LOCK_NB) == 0 ||
        err_set(err, ERR_EXISTS, "attempt '%s' is running", folder);
    ok = ok && append(fd, "fenced\n", err);
    (void)close(fd);
    return ok;
}

bool claim_kill_rest(const struct claim *claim, const char *folder)
{
    pid_t found[REST_MAX];
    if (proc_alive(claim->tool, claim->tool_start)) {
        (void)kill(
            -claim->tool,
            SIGKILL); /* the leader lives under the noted start time: the group is the tool's */
        (void)kill(claim->tool, SIGKILL);
    }
    size_t n = carriers(folder, found);
    for (size_t i = 0; i < n; i++) {
        (void)kill(found[i],
                   SIGKILL); /* it carries this attempt's id: it is ours whatever its group */
    }
    return n == 0 && !proc_alive(claim->tool, claim->tool_start);
}
