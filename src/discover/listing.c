/* A folder is read to its end before anything below it is opened. */
#include "discover/listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "discover/walk-own.h"

void listing_fini(struct listing *f)
{
    for (size_t i = 0; i < f->n; i++) {
        mem_free(f->entries[i].name);
    }
    mem_free(f->entries);
    mem_free(f->path);
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    *f = (struct listing){.fd = -1};
}

static int by_entry(const void *a, const void *b)
{
    return strcmp(((const struct listing_entry *)a)->name, ((const struct listing_entry *)b)->name);
}

static bool push_entry(struct listing *f, size_t *cap, const char *name, unsigned char type,
                       struct err *err)
{
    if (f->n == *cap) {
        size_t wanted = *cap ? *cap * 2 : 64;
        struct listing_entry *more = mem_resize(f->entries, wanted, sizeof *more, err);
        if (!more) {
            return false;
        }
        f->entries = more;
        *cap = wanted;
    }
    f->entries[f->n] = (struct listing_entry){mem_strdup(name, err), type};
    return f->entries[f->n++].name != NULL;
}

bool listing_read(int fd, const char *path, struct listing *ret, int *ret_reason, struct err *err)
{
    struct listing f = {.fd = fd, .path = mem_strdup(path, err)};
    size_t cap = 0;
    int again = f.path ? openat(fd, ".", OPEN_FOLDER) : -1, reason = again < 0 ? errno : 0;
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    bool ok = f.path != NULL;
    struct dirent *e = NULL;
    if (again >= 0 && !dir) {
        reason = errno;
        (void)close(again);
    }
    for (errno = 0; dir && ok && (e = readdir(dir)); errno = 0) {
        if (e->d_name[0] != '.') {
            ok = push_entry(&f, &cap, e->d_name, walk_type(fd, e), err);
        }
    }
    if (dir) {
        reason = ok ? errno : 0;
        (void)closedir(dir);
    }
    if (!ok) {
        listing_fini(&f);
        return false;
    }
    if (f.n > 1) {
        qsort(f.entries, f.n, sizeof *f.entries, by_entry);
    }
    *ret = f;
    *ret_reason = reason;
    return true;
}
