/*
 * A data set that was opened through external links tells the file it is in. One that is virtual
 * tells its sources: each is asked about, opened, and looked at in the same way. External storage
 * is named by paths, relative ones from the working folder.
 */
#include "image/hdf5-beside.h"
#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "image/hdf5-describe.h"
#include "image/hdf5-error.h"

#define MAX_DEPTH 4
#define MAX_SOURCES 100000u
#define NAME_SIZE 4096u

struct asking {
    hdf5_beside_fn *may;
    void *arg;
    const char *own; /* the scan's file */
};

static bool ask(const struct asking *a, const char *path, struct err *err)
{
    return strcmp(path, a->own) == 0 || a->may(a->arg, path, err);
}

static bool check(const struct asking *a, hid_t data, int depth, struct err *err);

/* One source of a virtual data set, found from the folder of `file` as HDF5 does. */
static bool check_source(const struct asking *a, const char *file, const char *source,
                         const char *name, int depth, struct err *err)
{
    char *folder = path_dir(file, err);
    char *path = folder == NULL ? NULL : path_absolute(folder, source, err);
    bool good = path != NULL && ask(a, path, err);
    hid_t other = -1;
    hid_t data = -1;

    if (good && strchr(source, '%') == NULL) { /* a pattern names files of that folder */
        other = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
        data = other < 0 ? -1 : H5Dopen2(other, name, H5P_DEFAULT);
        H5Eclear2(H5E_DEFAULT);
        good = data < 0 || check(a, data, depth + 1, err); /* what does not open is not read */
        hdf5_drop(data);
        hdf5_drop(other);
    } else if (good) {
        good = err_set(err, ERR_UNSUPPORTED, "%s: sources named by a pattern are not shown", file);
    }
    mem_free(path);
    mem_free(folder);
    return good;
}

static bool check_virtual(const struct asking *a, hid_t plist, const char *file, int depth,
                          struct err *err)
{
    char source[NAME_SIZE];
    char name[NAME_SIZE];
    char last[NAME_SIZE] = "";
    size_t count = 0;
    bool good = H5Pget_virtual_count(plist, &count) >= 0 && count <= MAX_SOURCES;

    if (!good) {
        return hdf5_fail(err, ERR_FORMAT, "%s: a virtual data set that cannot be followed", file);
    }
    for (size_t i = 0; good && i < count; i++) {
        ssize_t n = H5Pget_virtual_filename(plist, i, source, sizeof(source));
        ssize_t m = H5Pget_virtual_dsetname(plist, i, name, sizeof(name));

        if (n <= 0 || m <= 0 || (size_t)n >= sizeof(source) || (size_t)m >= sizeof(name)) {
            good = hdf5_fail(err, ERR_FORMAT, "%s: a virtual data set with an odd source", file);
        } else if (strcmp(source, ".") != 0 && strcmp(source, last) != 0) {
            good = check_source(a, file, source, name, depth, err);
            memcpy(last, source, (size_t)n + 1);
        }
    }
    return good;
}

static bool check_external(const struct asking *a, hid_t plist, const char *file, struct err *err)
{
    int count = H5Pget_external_count(plist);
    bool good = true;

    for (int i = 0; good && i < count; i++) {
        char name[NAME_SIZE] = "";
        off_t offset;
        hsize_t size;
        char *path;

        if (H5Pget_external(plist, (unsigned)i, sizeof(name) - 1, name, &offset, &size) < 0) {
            return hdf5_fail(err, ERR_FORMAT, "%s: external storage without a name", file);
        }
        path = path_absolute("/", name, err);
        good = path != NULL && ask(a, path, err);
        mem_free(path);
    }
    return good;
}

static bool check(const struct asking *a, hid_t data, int depth, struct err *err)
{
    char file[NAME_SIZE] = "";
    ssize_t length = H5Fget_name(data, file, sizeof(file));
    hid_t plist = H5Dget_create_plist(data);
    bool good = length > 0 && (size_t)length < sizeof(file) && plist >= 0;

    if (!good) {
        hdf5_fail(err, ERR_FORMAT, "%s: a data set of no file", a->own);
    } else if (depth > MAX_DEPTH) {
        good = err_set(err, ERR_FORMAT, "%s: data sets refer to each other without end", file);
    } else {
        good = ask(a, file, err) &&
            (H5Pget_layout(plist) != H5D_VIRTUAL || check_virtual(a, plist, file, depth, err)) &&
            check_external(a, plist, file, err);
    }
    hdf5_drop(plist);
    H5Eclear2(H5E_DEFAULT);
    return good;
}

bool hdf5_beside(const struct hdf5_scan *scan, hdf5_beside_fn *may, void *arg, struct err *err)
{
    const struct asking a = {may, arg, scan->path};
    const hid_t sets[] = {scan->at.data, scan->at.white, scan->at.dark, scan->at.theta,
                          scan->at.key};
    bool good = true;

    for (size_t i = 0; good && i < sizeof(sets) / sizeof(sets[0]); i++) {
        good = sets[i] < 0 || check(&a, sets[i], 0, err);
    }
    return good;
}

bool hdf5_beside_volume(const char *path, hdf5_beside_fn *may, void *arg, struct err *err)
{
    const struct asking a = {may, arg, path};
    hid_t file = hdf5_open_shared(path);
    hid_t data = -1;
    bool good = true;

    if (file >= 0 && H5Lexists(file, "/exchange", H5P_DEFAULT) > 0) {
        data = H5Dopen2(file, "/exchange/data", H5P_DEFAULT);
    }
    H5Eclear2(H5E_DEFAULT);
    good = data < 0 || check(&a, data, 0, err);
    hdf5_drop(data);
    hdf5_drop(file);
    return good;
}
