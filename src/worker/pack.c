/*
 * Successful attempts are packed: their log, events, job and result go into <run>/logs.pack, one
 * index line each into <run>/logs.idx ("<task>.<n> TAB name TAB offset TAB length"), and the folder
 * goes away. Several slots pack into the same files: the pack is locked for the time of one append.
 * A crash leaves the folder, or the folder and its copy; the last index line wins.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"
#include "worker/attempt.h"

static bool append(int fd, const char *data, size_t n, struct err *err)
{
    while (n > 0) {
        ssize_t k = write(fd, data, n);
        if (k < 0) {
            return err_errno(err, errno, "cannot pack the log");
        }
        data += k;
        n -= (size_t)k;
    }
    return true;
}

static bool pack_file(const char *dir, const char *name, int pack, struct str *index,
                      struct err *err)
{
    char path[4200];
    size_t n;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!file_exists(path)) {
        return true;
    }
    char *data = file_read(path, (size_t)1 << 30, &n, err);
    off_t at = data ? lseek(pack, 0, SEEK_END) : -1;
    bool ok = data && (n == 0 || append(pack, data, n, err));
    if (ok && n > 0) {
        str_addf(index, "%s\t%s\t%" PRId64 "\t%zu\n", path_base(dir), name, (int64_t)at, n);
    }
    mem_free(data);
    return ok;
}

static int open_append(const char *run, const char *name, struct err *err)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/%s", run, name);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        (void)err_errno(err, errno, "cannot open '%s'", path);
    }
    return fd;
}

bool pack_attempt(const char *dir, struct err *err)
{
    static const char *const names[] = {"log", "events.jsonl", "job.json", "result.json"};
    struct str lines = STR_INIT;
    char *run = path_dir(dir, err);
    int pack = run ? open_append(run, "logs.pack", err) : -1;
    int index = pack >= 0 ? open_append(run, "logs.idx", err) : -1;
    bool ok = index >= 0 &&
        (flock(pack, LOCK_EX) == 0 || err_errno(err, errno, "cannot lock the pack of '%s'", run));
    for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++) {
        ok = pack_file(dir, names[i], pack, &lines, err);
    }
    ok = ok && str_ok(&lines, err) && append(index, str_text(&lines), lines.len, err);
    ok = ok && file_remove_tree(dir, err);
    str_fini(&lines);
    if (pack >= 0) {
        (void)close(pack);
    }
    if (index >= 0) {
        (void)close(index);
    }
    mem_free(run);
    return ok;
}

void sweep_attempt(const char *dir)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/publish.json", dir);
    if (file_exists(path)) {
        return; /* what is staged is whole: the next attempt finishes it */
    }
    (void)snprintf(path, sizeof path, "%s/job.json", dir);
    json_t *job = file_exists(path)
        ? json_read(path, err_ignore("without a job there was no staging"))
        : NULL;
    if (job) {
        staging_remove(job);
    }
    json_decref(job);
}
