/* The entries of one folder above the studies, sorted by name; hidden ones are left out. */
#ifndef GANTRY_DISCOVER_LISTING_H
#define GANTRY_DISCOVER_LISTING_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "model/layout.h"

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct listing_entry {
    char *name;
    unsigned char type; /* as in struct dirent */
};
struct listing {
    int fd;
    char *path; /* relative to the root */
    struct listing_entry *entries;
    size_t n, at;
    struct layout_names names; /* what the folders so far say */
};

/* Owns `fd`, also when it fails. *ret_reason: why the folder cannot be read (an errno), 0 = it
 * could. */
bool listing_read(int fd, const char *path, struct listing *ret, int *ret_reason,
                  struct err *err) CHECK_RESULT;
void listing_fini(struct listing *l);

#endif
