/* A ZIP archive written entry by entry, deflated; for sample data. Order: zip_make_new,
 * zip_make_add..., zip_make_save once, zip_make_free always. */
#ifndef GANTRY_CODEC_ZIP_MAKE_H
#define GANTRY_CODEC_ZIP_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct zip_make;

/* `path` is replaced by zip_make_save; nothing is written before. */
struct zip_make *zip_make_new(const char *path, struct err *err) CHECK_RESULT;
/* The bytes are copied. */
bool zip_make_add(struct zip_make *z, const char *name, const void *bytes, size_t size,
                  struct err *err) CHECK_RESULT;
bool zip_make_save(struct zip_make *z, struct err *err) CHECK_RESULT;
void zip_make_free(struct zip_make *z);

#endif
