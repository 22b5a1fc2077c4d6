/* zlib's own files do the work; it takes plain ones too, so that a caller needs one path only. */
#include "codec/gzfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "base/mem.h"

/* Larger than zlib's default of 8 KiB: fewer system calls. */
#define BUFFER_BYTES (256 * 1024)
/* zlib counts in unsigned ints. */
#define PIECE_BYTES ((size_t)1 << 30)

struct gz {
    char *path;
    gzFile file;
    int fd; /* a second descriptor for fsync: gzclose() closes the first */
    int64_t disk_bytes;
};

static struct gz *make(const char *path, int fd, const char *mode, struct err *err)
{
    struct gz *g = mem_zero(sizeof *g, err);
    if (!g) {
        (void)close(fd);
        return NULL;
    }
    g->fd = -1;
    g->path = mem_strdup(path, err);
    g->file = g->path ? gzdopen(fd, mode) : NULL;
    if (g->file && gzbuffer(g->file, BUFFER_BYTES) == 0) {
        return g;
    }
    if (g->path) {
        (void)err_set(err, ERR_NOMEM, "out of memory for '%s'", path);
    }
    if (!g->file) {
        (void)close(fd);
    }
    gz_close(g);
    return NULL;
}

struct gz *gz_open(const char *path, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        (void)err_errno(err, errno, "opening '%s'", path);
        return NULL;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        (void)err_set(err, ERR_FORMAT, "%s: %s", path,
                      S_ISREG(st.st_mode)       ? "empty file"
                          : S_ISDIR(st.st_mode) ? "a folder"
                                                : "not a plain file");
        (void)close(fd);
        return NULL;
    }
    struct gz *g = make(path, fd, "rb", err);
    if (g) {
        g->disk_bytes = st.st_size;
    }
    return g;
}

bool gz_packed(const struct gz *file)
{
    return gzdirect(file->file) == 0;
}

int64_t gz_disk_bytes(const struct gz *file)
{
    return file->disk_bytes;
}

/* What zlib holds against the file. */
static bool trouble(const struct gz *g, struct err *err)
{
    int number = Z_OK;
    const char *text = gzerror(g->file, &number);

    if (number == Z_ERRNO) {
        return err_errno(err, errno, "%s", g->path);
    }
    if (number == Z_MEM_ERROR) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", g->path);
    }
    if (number == Z_BUF_ERROR) {
        return err_set(err, ERR_FORMAT, "%s: the file was cut short (its gzip end is missing)",
                       g->path);
    }
    (void)text; /* it repeats the path or says "<fd:3>" */
    return err_set(err, ERR_FORMAT, "%s: damaged (its gzip data or checksum is wrong)", g->path);
}

bool gz_read(struct gz *file, void *ret_bytes, size_t n, size_t *ret_n, struct err *err)
{
    size_t have = 0;
    int number = Z_OK;

    while (have < n) {
        size_t piece = n - have < PIECE_BYTES ? n - have : PIECE_BYTES;
        int got = gzread(file->file, (char *)ret_bytes + have, (unsigned)piece);
        if (got < 0) {
            return trouble(file, err);
        }
        if (got == 0) {
            break;
        }
        have += (size_t)got;
    }
    if (have < n) { /* an end that zlib did not expect counts as read until asked */
        (void)gzerror(file->file, &number);
        if (number != Z_OK) {
            return trouble(file, err);
        }
    }
    *ret_n = have;
    return true;
}

bool gz_skip(struct gz *file, int64_t n, struct err *err)
{
    char waste[16384];

    while (n > 0) {
        size_t got = 0;
        size_t piece = n < (int64_t)sizeof waste ? (size_t)n : sizeof waste;
        if (!gz_read(file, waste, piece, &got, err)) {
            return false;
        }
        if (got == 0) {
            break;
        }
        n -= (int64_t)got;
    }
    return true;
}

bool gz_end(struct gz *file, int64_t most, struct err *err)
{
    /* a plain file has no checksum; its tail need not be read */
    return !gz_packed(file) || gz_skip(file, most, err);
}

struct gz *gz_create(const char *path, int level, struct err *err)
{
    char mode[8];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        (void)err_errno(err, errno, "writing '%s'", path);
        return NULL;
    }
    (void)snprintf(mode, sizeof mode, level > 0 ? "wb%d" : "wbT", level);
    int second = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (second < 0) {
        (void)err_errno(err, errno, "writing '%s'", path);
        (void)close(fd);
        return NULL;
    }
    struct gz *g = make(path, fd, mode, err);
    if (!g) {
        (void)close(second);
        return NULL;
    }
    g->fd = second;
    return g;
}

bool gz_write(struct gz *file, const void *bytes, size_t n, struct err *err)
{
    for (size_t done = 0; done < n;) {
        size_t piece = n - done < PIECE_BYTES ? n - done : PIECE_BYTES;
        int put = gzwrite(file->file, (const char *)bytes + done, (unsigned)piece);
        if (put <= 0) {
            return err_errno(err, errno, "writing '%s'", file->path);
        }
        done += (size_t)put;
    }
    return true;
}

bool gz_finish(struct gz *file, struct err *err)
{
    int end = gzclose(file->file);

    file->file = NULL;
    if (end != Z_OK || fsync(file->fd) != 0) {
        return err_errno(err, errno, "writing '%s'", file->path);
    }
    return true;
}

void gz_close(struct gz *file)
{
    if (file == NULL) {
        return;
    }
    if (file->file) {
        (void)gzclose(file->file);
    }
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    mem_free(file->path);
    mem_free(file);
}
