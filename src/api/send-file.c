/* Sending files (send-file.h). */
#include "api/send-file.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"

static const char *type_of(const char *name)
{
    return str_ends(name, ".gz")  ? "application/gzip"
        : str_ends(name, ".json") ? "application/json"
        : str_ends(name, ".png")  ? "image/png"
                                  : "application/octet-stream";
}

bool send_file(struct reply *r, int fd, const char *name, struct err *err)
{
    struct stat st;
    char etag[64];
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return err_set(err, ERR_NOTHING, "'%s' is no plain file", name);
    }
    (void)snprintf(etag, sizeof etag, "%llx-%llx-%llx", (unsigned long long)st.st_ino,
                   (unsigned long long)st.st_mtim.tv_sec * 1000000000ULL +
                       (unsigned long long)st.st_mtim.tv_nsec,
                   (unsigned long long)st.st_size);
    if (!reply_header(r, "Cache-Control", "private, no-cache", err) ||
        !reply_header(r, "Content-Disposition", "attachment", err)) {
        (void)close(fd);
        return false;
    }
    return reply_fd(r, type_of(name), fd, 0, st.st_size, etag, err);
}
