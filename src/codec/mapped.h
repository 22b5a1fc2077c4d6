/* A whole file as read-only bytes, for checks that only look at a few of them. mapped_open, then
 * mapped_close. */
#ifndef GANTRY_CODEC_MAPPED_H
#define GANTRY_CODEC_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct mapped {
    const void *bytes;
    size_t size;
};

/* ERR_IO or ERR_PERM when it cannot be read, ERR_FORMAT when it is empty or not a plain file. */
bool mapped_open(const char *path, struct mapped *ret_mapped, struct err *err) CHECK_RESULT;
void mapped_close(struct mapped *mapped);

#endif
