/* One reader process at a time, its answers counted by lines. */
#include "engine/headers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "os/proc.h"

/* A header takes milliseconds, on a busy network file system seconds. A reader that gives no line
 * for so long hangs on a file. */
#define HANG_US 60000000

struct headers {
    const char *imaging; /* these two are copies */
    char *root;
    const struct found *const *files;
    size_t n;
    size_t *asked; /* indices of the files that need a reader */
    size_t n_asked, answered;
    json_t **lines;  /* one for each asked file, NULL until known */
    int out;         /* memory the reader appends to */
    size_t consumed; /* bytes of it that are parsed */
    pid_t pid;
    int pidfd;
    int64_t last_line_us;
};

static void end_process(struct headers *h)
{
    struct proc_end end;
    if (h->pid > 0) {
        (void)kill(h->pid, SIGKILL);
        (void)proc_reap(h->pid, true, &end);
    }
    if (h->pidfd >= 0) {
        (void)close(h->pidfd);
    }
    h->pid = 0;
    h->pidfd = -1;
}

/* The paths that have no answer yet, each ended by NUL, in a file in memory. */
static bool make_list(const struct headers *h, int *ret_fd, struct err *err)
{
    struct str list = STR_INIT;
    int fd = memfd_create("gantry-paths", MFD_CLOEXEC);
    bool ok = fd >= 0 || err_errno(err, errno, "cannot make the list of headers to read");
    for (size_t i = h->answered; i < h->n_asked; i++) {
        str_addf(&list, "%s/%s", h->root, h->files[h->asked[i]]->name);
        str_addc(&list, '\0');
    }
    ok = ok && str_ok(&list, err);
    for (size_t done = 0; ok && done < list.len;) {
        ssize_t got = write(fd, list.buf + done, list.len - done);
        if (got < 0 && errno != EINTR) {
            ok = err_errno(err, errno, "cannot make the list of headers to read");
        }
        done += got > 0 ? (size_t)got : 0;
    }
    ok = ok && (lseek(fd, 0, SEEK_SET) == 0 || err_errno(err, errno, "list of headers"));
    str_fini(&list);
    if (!ok && fd >= 0) {
        (void)close(fd);
    }
    if (ok) {
        *ret_fd = fd;
    }
    return ok;
}

static bool spawn(struct headers *h, struct err *err)
{
    int list = -1;
    /* What a crashed reader wrote of its last line is dropped. */
    if (ftruncate(h->out, (off_t)h->consumed) != 0 ||
        lseek(h->out, (off_t)h->consumed, SEEK_SET) < 0) {
        return err_errno(err, errno, "cannot prepare the reader of headers");
    }
    if (!make_list(h, &list, err)) {
        return false;
    }
    /* who asks for DICOM wants to know of ZIPs which studies are in them */
    bool dicom = h->n_asked && !strcmp(h->files[h->asked[0]]->kind, "dicom");
    const char *const argv[] = {
        h->imaging, "headers", "--list", "-", "--out", "-", dicom ? "--studies" : NULL, NULL};
    const struct proc_spec spec = {
        .argv = argv,
        .in = list,
        .out = h->out,
        .errs = PROC_NULL,
        .keep_fd = -1,
        .group = true,
    };
    bool ok = proc_spawn(&spec, &h->pid, err);
    (void)close(list);
    if (ok) {
        h->pidfd = proc_pidfd(h->pid);
        h->last_line_us = clock_mono_us();
    }
    return ok;
}

struct headers *headers_start(const char *imaging, const char *root,
                              const struct found *const *files, size_t n, struct err *err)
{
    struct headers *h = mem_zero(sizeof *h, err);
    if (!h) {
        return NULL;
    }
    h->files = files;
    h->n = n;
    h->out = h->pidfd = -1;
    h->imaging = mem_strdup(imaging, err);
    h->root = h->imaging ? mem_strdup(root, err) : NULL;
    h->asked = h->root ? mem_array(n, sizeof *h->asked, err) : NULL;
    h->lines = h->asked ? mem_array(n, sizeof *h->lines, err) : NULL;
    bool ok = h->lines != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const char *kind = files[i]->kind;
        if (!strcmp(kind, "hdf5") || !strcmp(kind, "dicom-zip") || !strcmp(kind, "dicom")) {
            h->asked[h->n_asked++] = i;
        }
    }
    if (ok && h->n_asked) {
        h->out = memfd_create("gantry-headers", MFD_CLOEXEC);
        ok = h->out >= 0 ? spawn(h, err)
                         : err_errno(err, errno, "cannot prepare the reader of headers");
    }
    if (!ok) {
        headers_free(h);
        h = NULL;
    }
    return h;
}

void headers_free(struct headers *h)
{
    if (!h) {
        return;
    }
    end_process(h);
    if (h->out >= 0) {
        (void)close(h->out);
    }
    for (size_t i = 0; h->lines && i < h->n_asked; i++) {
        json_decref(h->lines[i]);
    }
    mem_free(h->lines);
    mem_free(h->asked);
    mem_free(h->root);
    mem_free((char *)h->imaging);
    mem_free(h);
}

int headers_pidfd(const struct headers *h)
{
    return h->pidfd;
}

/* An answer of our own for a file that the reader did not survive. */
static bool answer_failed(struct headers *h, const char *reason, struct err *err)
{
    json_t *line = json_object();
    bool ok = line && json_put(line, "ok", json_false(), err) &&
        json_put(line, "kind", json_string("other"), err) &&
        json_put(line, "reason", json_string(reason), err);
    if (!ok) {
        json_decref(line);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    h->lines[h->answered++] = line;
    return true;
}

/* Parse the complete lines that came since the last look. */
static bool read_lines(struct headers *h, struct err *err)
{
    struct stat st;
    if (fstat(h->out, &st) != 0) {
        return err_errno(err, errno, "headers");
    }
    size_t fresh = (size_t)st.st_size > h->consumed ? (size_t)st.st_size - h->consumed : 0;
    char *text = fresh ? mem_array(fresh, 1, err) : NULL;
    if (fresh == 0 || !text) {
        return fresh == 0;
    }
    ssize_t got = pread(h->out, text, fresh, (off_t)h->consumed);
    const char *p = text, *end = text + (got > 0 ? got : 0), *nl;
    bool ok = true;
    while (ok && h->answered < h->n_asked && (nl = memchr(p, '\n', (size_t)(end - p)))) {
        struct err why;
        json_t *line = json_parse(p, (size_t)(nl - p), "header", &why);
        if (json_is_object(line)) {
            h->lines[h->answered++] = line;
        } else {
            json_decref(line);
            ok = answer_failed(h, "the reader's answer cannot be understood", err);
        }
        h->consumed += (size_t)(nl + 1 - p);
        p = nl + 1;
        h->last_line_us = clock_mono_us();
    }
    mem_free(text);
    return ok;
}

/* The process has ended before all was answered: say so of the file it was on, and go on. */
static bool go_on(struct headers *h, const struct proc_end *end, struct err *err)
{
    char reason[160];
    if (end->exit == 127 || (end->exit > 0 && h->answered == 0 && end->exit == 2)) {
        return err_set(err, ERR_IO, "cannot run '%s headers' (exit %d): reinstall gantry",
                       h->imaging, end->exit);
    }
    if (end->signal) {
        (void)snprintf(reason, sizeof reason,
                       "the HDF5 reader crashed on this file (signal %d): it is damaged",
                       end->signal);
    } else {
        (void)snprintf(reason, sizeof reason, "the HDF5 reader gave up on this file (exit %d)",
                       end->exit);
    }
    return answer_failed(h, reason, err) && (h->answered == h->n_asked || spawn(h, err));
}

bool headers_step(struct headers *h, bool *ret_done, size_t *ret_read, struct err *err)
{
    struct proc_end end;
    bool ok = true;
    int gone = h->pid > 0 ? proc_reap(h->pid, false, &end) : 0;
    if (gone < 0) { /* reaped by nobody we know: as if it had been killed */
        end = (struct proc_end){.exit = -1, .signal = SIGKILL};
    }
    if (h->pid > 0) {
        ok = read_lines(h, err);
    }
    if (ok && h->pid > 0 && !gone && h->answered < h->n_asked &&
        clock_mono_us() - h->last_line_us > HANG_US) {
        end_process(h);
        ok = answer_failed(h, "reading its header took longer than 60 s", err) &&
            (h->answered == h->n_asked || spawn(h, err));
    } else if (gone) {
        h->pid = 0;
        end_process(h);
        ok = ok && (h->answered == h->n_asked || go_on(h, &end, err));
    }
    if (ok) {
        *ret_done = h->answered == h->n_asked && h->pid == 0;
        *ret_read = h->answered + (h->n - h->n_asked);
    }
    return ok;
}

json_t *headers_take(struct headers *h, struct err *err)
{
    json_t *all = json_array();
    bool ok = all != NULL;
    for (size_t i = 0, a = 0; ok && i < h->n; i++) {
        const struct found *f = h->files[i];
        json_t *row = json_object();
        bool asked = a < h->n_asked && h->asked[a] == i;
        ok = row && json_put(row, "name", json_string(f->name), err) &&
            json_put(row, "kind", json_string(f->kind), err) &&
            json_put(row, "size", json_integer(f->size), err) &&
            json_put(row, "mtime_ns", json_integer(f->mtime_ns), err) &&
            json_put(row, "header", asked ? json_incref(h->lines[a]) : json_null(), err);
        a += asked;
        ok = ok && json_array_append(all, row) == 0;
        json_decref(row);
    }
    if (!ok) {
        json_decref(all);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return all;
}
