/* libzip reads what it was given when it writes the archive (aside, then renamed): until then it is
 * kept here. */
#include "codec/zip-make.h"
#include <string.h>
#include <zip.h>
#include "base/mem.h"

#define LEVEL 1u

struct zip_make {
    zip_t *zip;
    char *path;
    void **kept; /* what libzip will read when it writes */
    size_t n;
};

static bool failed(const struct zip_make *z, struct err *err)
{
    return err_set(err, ERR_IO, "writing %s: %s", z->path, zip_strerror(z->zip));
}

struct zip_make *zip_make_new(const char *path, struct err *err)
{
    struct zip_make *z = mem_zero(sizeof *z, err);
    int code = 0;

    if (z == NULL) {
        return NULL;
    }
    z->path = mem_strdup(path, err);
    z->zip = z->path == NULL ? NULL : zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (z->path != NULL && z->zip == NULL) {
        zip_error_t why;

        zip_error_init_with_code(&why, code);
        err_set(err, ERR_IO, "writing %s: %s", path, zip_error_strerror(&why));
        zip_error_fini(&why);
    }
    if (z->zip == NULL) {
        zip_make_free(z);
        return NULL;
    }
    return z;
}

bool zip_make_add(struct zip_make *z, const char *name, const void *bytes, size_t size,
                  struct err *err)
{
    void **more = mem_resize(z->kept, z->n + 1, sizeof *more, err);
    zip_source_t *source;
    zip_int64_t at;

    if (more == NULL) {
        return false;
    }
    z->kept = more;
    z->kept[z->n] = mem_array(size > 0 ? size : 1, 1, err);
    if (z->kept[z->n] == NULL) {
        return false;
    }
    memcpy(z->kept[z->n], bytes, size);
    source = zip_source_buffer(z->zip, z->kept[z->n++], size, 0);
    if (source == NULL) {
        return failed(z, err);
    }
    at = zip_file_add(z->zip, name, source, ZIP_FL_ENC_UTF_8);
    if (at < 0) {
        zip_source_free(source);
        return failed(z, err);
    }
    return zip_set_file_compression(z->zip, (zip_uint64_t)at, ZIP_CM_DEFLATE, LEVEL) == 0 ||
        failed(z, err);
}

bool zip_make_save(struct zip_make *z, struct err *err)
{
    if (zip_close(z->zip) != 0) {
        return failed(z, err);
    }
    z->zip = NULL;
    return true;
}

void zip_make_free(struct zip_make *z)
{
    if (z != NULL) {
        if (z->zip != NULL) {
            zip_discard(z->zip);
        }
        for (size_t i = 0; i < z->n; i++) {
            mem_free(z->kept[i]);
        }
        mem_free(z->kept);
        mem_free(z->path);
        mem_free(z);
    }
}
