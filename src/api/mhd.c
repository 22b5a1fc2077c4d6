/* The library by its soname: the header that we were built with and it must be of one major. */
#include "api/mhd.h"

#include <dlfcn.h>

#define SONAME "libmicrohttpd.so.12"

struct mhd mhd;

static bool one(void *library, const char *name, void *ret_function, struct err *err)
{
    void *found = dlsym(library, name);
    if (!found) {
        return err_set(err, ERR_IO, "%s has no %s: it is too old (0.9.75 or newer is needed)",
                       SONAME, name);
    }
    *(void **)ret_function = found;
    return true;
}

bool mhd_open(struct err *err)
{
    if (mhd.start_daemon) {
        return true;
    }
    void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        return err_set(err, ERR_IO, "a server needs %s (Debian: libmicrohttpd12): %s", SONAME,
                       dlerror());
    }
    struct mhd m = {0};
    bool ok = true;
#define MHD_FIND(name) ok = ok && one(library, "MHD_" #name, &m.name, err);
    MHD_FUNCTIONS(MHD_FIND)
#undef MHD_FIND
    if (ok) {
        mhd = m; /* the library stays for as long as the process */
    } else {
        (void)dlclose(library);
    }
    return ok;
}
