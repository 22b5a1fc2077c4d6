/* The module is found by its place, not by the linker's search path: it belongs to this program. */
#include "image/dicom-codec.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "image/dicom-gdcm.h"

static dicom_decode_function *decode;

static char *module_path(struct err *err)
{
    const char *given = getenv("GANTRY_DICOM");
    return given && given[0] != '\0' ? mem_strdup(given, err)
                                     : path_near_program("gantry-dicom.so", err);
}

bool dicom_codec_open(struct err *err)
{
    if (decode) {
        return true;
    }
    char *path = module_path(err);
    if (!path) {
        return false;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, DICOM_DECODE_SYMBOL) : NULL;
    mem_free(path);
    if (!found) {
        return err_set(err, ERR_IO,
                       "compressed DICOM needs gantry-dicom.so beside the program, and GDCM "
                       "(Debian: libgdcm3.0): %s",
                       dlerror());
    }
    memcpy(&decode, &found, sizeof decode); /* the module stays for as long as the process */
    return true;
}

bool dicom_codec_decode(const void *file, size_t file_size, void *ret_pixels, size_t size,
                        struct dicom_decoded *ret, struct err *err)
{
    char why[200] = "";
    int result = decode(file, file_size, ret_pixels, size, ret, why, sizeof why);
    if (result == 2) {
        return err_set(err, ERR_NOMEM, "out of memory while decoding DICOM");
    }
    return result == 0 || err_set(err, ERR_FORMAT, "%s", why);
}
