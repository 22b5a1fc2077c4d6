/* Files as bytes through mmap: only the pages that are looked at are read. */
#include "codec/mapped.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool mapped_open(const char *path, struct mapped *ret_mapped, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = false;
    struct stat st;
    void *map;

    if (fd < 0 || fstat(fd, &st) != 0) {
        err_errno(err, errno, "%s", path);
        goto out;
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        err_set(err, ERR_FORMAT, "%s: %s", path,
                S_ISREG(st.st_mode) ? "empty file" : "not a plain file");
        goto out;
    }
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        err_errno(err, errno, "%s", path);
        goto out;
    }
    *ret_mapped = (struct mapped){map, (size_t)st.st_size};
    good = true;
out:
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

void mapped_close(struct mapped *mapped)
{
    if (mapped->bytes != NULL) {
        munmap((void *)(uintptr_t)mapped->bytes, mapped->size);
    }
    *mapped = (struct mapped){NULL, 0};
}
