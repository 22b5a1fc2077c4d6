/* HDF5's error stack, walked once for its deepest entry; and what is needed everywhere around
 * identifiers. */
#include "image/hdf5-error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "image/hdf5-scan.h"

/* Registered filter numbers that scans in the field really use. */
static const struct {
    int id;
    const char *name;
} filter_names[] = {
    {H5Z_FILTER_DEFLATE, "deflate"},
    {H5Z_FILTER_SZIP, "szip"},
    {307, "bzip2"},
    {32000, "lzf"},
    {32001, "blosc"},
    {32004, "lz4"},
    {32008, "bitshuffle"},
    {32013, "zfp"},
    {32015, "zstd"},
    {32017, "sz"},
    {32026, "blosc2"},
};

struct deepest {
    char text[300];
};

static herr_t take_deepest(unsigned n, const H5E_error2_t *entry, void *user)
{
    struct deepest *d = user;

    if (n == 0 && entry->desc != NULL) {
        snprintf(d->text, sizeof(d->text), "%s", entry->desc);
    }
    return 0;
}

bool hdf5_fail(struct err *err, enum err_code code, const char *fmt, ...)
{
    struct deepest d = {""};
    char text[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_deepest, &d);
    H5Eclear2(H5E_DEFAULT);
    if (strstr(d.text, "No space left") != NULL || strstr(d.text, "errno = 28") != NULL) {
        code = ERR_DISKFULL;
        snprintf(d.text, sizeof(d.text), "No space left on device");
    } else if (strstr(d.text, "memory allocation failed") != NULL) {
        code = ERR_NOMEM;
    }
    return err_set(err, code, "%s%s%s", text, d.text[0] ? ": " : "", d.text);
}

hid_t hdf5_open_shared(const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = access >= 0 && H5Pset_file_locking(access, false, true) >= 0
        ? H5Fopen(path, H5F_ACC_RDONLY, access)
        : -1;

    hdf5_drop(access);
    return file;
}

void hdf5_drop(hid_t id)
{
    hid_t kept = -1;

    if (id < 0) {
        return;
    }
    /* A successful call empties the error stack: put it aside, so that the reason outlives the
     * cleanup. */
    if (H5Eget_num(H5E_DEFAULT) > 0) {
        kept = H5Eget_current_stack();
    }
    H5Idec_ref(id);
    if (kept >= 0) {
        H5Eset_current_stack(kept);
    }
}

const char *hdf5_filter_name(int id)
{
    for (size_t i = 0; i < sizeof(filter_names) / sizeof(filter_names[0]); i++) {
        if (filter_names[i].id == id) {
            return filter_names[i].name;
        }
    }
    return "";
}

int hdf5_missing_filter(hid_t dataset)
{
    hid_t plist = H5Dget_create_plist(dataset);
    int count = plist < 0 ? 0 : H5Pget_nfilters(plist);
    int missing = 0;

    for (int i = 0; i < count && missing == 0; i++) {
        unsigned flags = 0;
        unsigned config = 0;
        size_t values = 0;
        H5Z_filter_t id =
            H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);

        if (id > 0 && H5Zfilter_avail(id) <= 0) {
            missing = id;
        }
    }
    H5Eclear2(H5E_DEFAULT);
    hdf5_drop(plist);
    return missing;
}

const char *hdf5_plugin(size_t i, int *ret_id, bool *ret_here)
{
    static const int wanted[] = {32001, 32004, 32008};

    if (i >= sizeof(wanted) / sizeof(wanted[0])) {
        return NULL;
    }
    *ret_id = wanted[i];
    *ret_here = H5Zfilter_avail(wanted[i]) > 0;
    H5Eclear2(H5E_DEFAULT);
    return hdf5_filter_name(wanted[i]);
}

const char *hdf5_version(char *buffer, size_t size)
{
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;

    H5get_libversion(&major, &minor, &release);
    snprintf(buffer, size, "%u.%u.%u", major, minor, release);
    return buffer;
}
