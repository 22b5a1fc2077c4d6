/*
 * Volumes through HDF5: one contiguous data set without fill values, so that a slab is written
 * exactly once. After each slab the file is flushed, the pixels before the attribute that counts
 * them: somebody who looks meanwhile sees whole slices.
 */
#include "image/hdf5-volume.h"
#include <errno.h>
#include <hdf5.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "image/hdf5-error.h"

#define DATA_PATH "/exchange/data"
#define DONE_NAME "slices_done"

struct hdf5_volume {
    char *path;
    hid_t file;
    hid_t data;
    hid_t done;               /* the attribute that counts the slices from the first on */
    unsigned long long count; /* its value */
    size_t slices;
    size_t rows;
    size_t columns;
};

static bool put_text(hid_t object, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = -1;
    bool good = type >= 0 && space >= 0 && H5Tset_size(type, strlen(text) + 1) >= 0;

    attribute = good ? H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
    good = attribute >= 0 && H5Awrite(attribute, type, text) >= 0;
    hdf5_drop(attribute);
    hdf5_drop(space);
    hdf5_drop(type);
    return good;
}

static bool put_number(hid_t object, const char *name, unsigned long long value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute =
        space < 0 ? -1 : H5Acreate2(object, name, H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_ULLONG, &value) >= 0;

    hdf5_drop(attribute);
    hdf5_drop(space);
    return good;
}

static hid_t create_data(hid_t file, size_t slices, size_t rows, size_t columns)
{
    hsize_t dims[3] = {slices, rows, columns};
    hid_t space = H5Screate_simple(3, dims, NULL);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    hid_t data = -1;

    if (space >= 0 && links >= 0 && plist >= 0 && H5Pset_create_intermediate_group(links, 1) >= 0 &&
        H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER) >= 0) {
        data = H5Dcreate2(file, DATA_PATH, H5T_IEEE_F32LE, space, links, plist, H5P_DEFAULT);
    }
    hdf5_drop(plist);
    hdf5_drop(links);
    hdf5_drop(space);
    return data;
}

struct hdf5_volume *hdf5_volume_create(const char *path, size_t slices, size_t rows, size_t columns,
                                       size_t first_slice, struct err *err)
{
    struct hdf5_volume *v = mem_zero(sizeof(*v), err);
    bool good = false;

    if (v == NULL) {
        return NULL;
    }
    v->file = v->data = v->done = -1;
    v->slices = slices;
    v->rows = rows;
    v->columns = columns;
    v->path = mem_strdup(path, err);
    if (v->path == NULL) {
        goto out;
    }
    v->file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    v->data = v->file < 0 ? -1 : create_data(v->file, slices, rows, columns);
    if (v->data < 0 || !put_text(v->data, "axes", "z:y:x") ||
        !put_text(v->data, "units", "1/pixel") ||
        !put_number(v->data, "first_slice", first_slice) || !put_number(v->data, DONE_NAME, 0) ||
        (v->done = H5Aopen(v->data, DONE_NAME, H5P_DEFAULT)) < 0) {
        hdf5_fail(err, ERR_IO, "writing %s", path);
        goto out;
    }
    good = true;
out:
    if (!good) {
        hdf5_volume_free(v);
        v = NULL;
    }
    return v;
}

bool hdf5_volume_write(struct hdf5_volume *volume, size_t at, size_t count, const float *pixels,
                       struct err *err)
{
    hsize_t start[3] = {at, 0, 0};
    hsize_t extent[3] = {count, volume->rows, volume->columns};
    hid_t space = H5Dget_space(volume->data);
    hid_t memory = H5Screate_simple(3, extent, NULL);
    bool good;

    if (at + count > volume->slices) {
        hdf5_drop(memory);
        hdf5_drop(space);
        return err_bug(err, "slices outside the volume");
    }
    volume->count = at + count > volume->count ? at + count : volume->count;
    good = space >= 0 && memory >= 0 &&
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, extent, NULL) >= 0 &&
        H5Dwrite(volume->data, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, pixels) >= 0 &&
        H5Fflush(volume->file, H5F_SCOPE_LOCAL) >= 0 &&
        H5Awrite(volume->done, H5T_NATIVE_ULLONG, &volume->count) >= 0 &&
        H5Fflush(volume->file, H5F_SCOPE_LOCAL) >= 0;
    hdf5_drop(memory);
    hdf5_drop(space);
    return good ? true : hdf5_fail(err, ERR_IO, "writing %s", volume->path);
}

bool hdf5_volume_finish(struct hdf5_volume *volume, struct err *err)
{
    herr_t done = H5Aclose(volume->done);
    herr_t data = H5Dclose(volume->data);
    herr_t file = H5Fclose(volume->file);

    volume->data = volume->file = volume->done = -1;
    return done >= 0 && data >= 0 && file >= 0 ? true
                                               : hdf5_fail(err, ERR_IO, "writing %s", volume->path);
}

void hdf5_volume_free(struct hdf5_volume *volume)
{
    if (volume == NULL) {
        return;
    }
    hdf5_drop(volume->done);
    hdf5_drop(volume->data);
    if (volume->file >= 0) {
        H5Fclose(volume->file);
    }
    H5Eclear2(H5E_DEFAULT);
    mem_free(volume->path);
    mem_free(volume);
}

static hid_t open_plain(const char *path, struct err *err)
{
    struct stat st;
    hid_t file;

    if (stat(path, &st) != 0) {
        err_errno(err, errno, "%s", path);
        return -1;
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        err_set(err, ERR_FORMAT, "%s: %s", path,
                S_ISREG(st.st_mode) ? "empty file" : "not a plain file");
        return -1;
    }
    file = hdf5_open_shared(path);
    if (file < 0) {
        hdf5_fail(err, ERR_FORMAT, "%s: not a whole HDF5 file", path);
    }
    return file;
}

static hid_t open_data(hid_t file)
{
    hid_t data = -1;

    if (H5Lexists(file, "/exchange", H5P_DEFAULT) > 0 &&
        H5Lexists(file, DATA_PATH, H5P_DEFAULT) > 0) {
        data = H5Dopen2(file, DATA_PATH, H5P_DEFAULT);
    }
    H5Eclear2(H5E_DEFAULT);
    return data;
}

/* One plane of a three-dimensional data set. */
static bool read_plane(hid_t data, hid_t space, hsize_t plane, const hsize_t *dims, float *out)
{
    hsize_t start[3] = {plane, 0, 0};
    hsize_t extent[3] = {1, dims[1], dims[2]};
    hid_t memory = H5Screate_simple(2, dims + 1, NULL);
    bool good = memory >= 0 &&
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, extent, NULL) >= 0 &&
        H5Dread(data, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, out) >= 0;

    hdf5_drop(memory);
    return good;
}

/* A volume opened for reading. */
struct reading {
    hid_t file, data, space;
    hsize_t dims[3];
};

static void reading_close(struct reading *r)
{
    hdf5_drop(r->space);
    hdf5_drop(r->data);
    hdf5_drop(r->file);
}

static bool reading_open(const char *path, struct reading *r, struct err *err)
{
    r->data = r->space = -1;
    r->file = open_plain(path, err);
    if (r->file < 0) {
        return false;
    }
    r->data = open_data(r->file);
    r->space = r->data < 0 ? -1 : H5Dget_space(r->data);
    if (r->space < 0 || H5Sget_simple_extent_ndims(r->space) != 3 ||
        H5Sget_simple_extent_dims(r->space, r->dims, NULL) != 3 || r->dims[0] == 0 ||
        r->dims[1] == 0 || r->dims[2] == 0) {
        err_set(err, ERR_FORMAT, "%s: has no volume in " DATA_PATH, path);
        reading_close(r);
        return false;
    }
    return true;
}

bool hdf5_volume_read(const char *path, int64_t slice, size_t *ret_columns, size_t *ret_rows,
                      float **ret_pixels, struct err *err)
{
    struct reading r;
    float *pixels = NULL;
    bool good = false;

    if (!reading_open(path, &r, err)) {
        return false;
    }
    if (slice >= 0 && (hsize_t)slice >= r.dims[0]) {
        err_set(err, ERR_USAGE, "%s: has %llu slices, slice %lld was asked for", path,
                (unsigned long long)r.dims[0], (long long)slice);
        goto out;
    }
    pixels = mem_array((size_t)r.dims[1], (size_t)r.dims[2] * sizeof(float), err);
    if (pixels == NULL) {
        goto out;
    }
    if (!read_plane(r.data, r.space, slice < 0 ? r.dims[0] / 2 : (hsize_t)slice, r.dims, pixels)) {
        hdf5_fail(err, ERR_FORMAT, "%s: cannot be read", path);
        goto out;
    }
    *ret_columns = (size_t)r.dims[2];
    *ret_rows = (size_t)r.dims[1];
    *ret_pixels = pixels;
    pixels = NULL;
    good = true;
out:
    mem_free(pixels);
    reading_close(&r);
    return good;
}

/* A number kept beside the data; `otherwise` when it is not there or makes no sense. */
static size_t get_number(hid_t object, const char *name, size_t most, size_t otherwise)
{
    unsigned long long value = otherwise;
    hid_t attribute =
        H5Aexists(object, name) > 0 ? H5Aopen(object, name, H5P_DEFAULT) : H5I_INVALID_HID;

    if (attribute < 0 || H5Aget_storage_size(attribute) != sizeof(value) ||
        H5Aread(attribute, H5T_NATIVE_ULLONG, &value) < 0 || value > most) {
        value = otherwise;
    }
    H5Eclear2(H5E_DEFAULT);
    hdf5_drop(attribute);
    return (size_t)value;
}

bool hdf5_volume_look(const char *path, struct hdf5_volume_info *ret, struct err *err)
{
    struct reading r;

    if (!reading_open(path, &r, err)) {
        return false;
    }
    *ret = (struct hdf5_volume_info){.slices = (size_t)r.dims[0],
                                     .rows = (size_t)r.dims[1],
                                     .columns = (size_t)r.dims[2],
                                     .first = get_number(r.data, "first_slice", UINT32_MAX, 0)};
    ret->done = get_number(r.data, DONE_NAME, ret->slices, ret->slices);
    reading_close(&r);
    return true;
}

bool hdf5_volume_slice(const char *path, size_t at, size_t rows, size_t columns, float *ret_pixels,
                       struct err *err)
{
    struct reading r;
    bool good;

    if (!reading_open(path, &r, err)) {
        return false;
    }
    if (at >= r.dims[0] || rows != r.dims[1] || columns != r.dims[2]) {
        good = err_set(err, ERR_FORMAT, "%s: changed while it was read", path);
    } else {
        good = read_plane(r.data, r.space, at, r.dims, ret_pixels) ||
            hdf5_fail(err, ERR_FORMAT, "%s: cannot be read", path);
    }
    reading_close(&r);
    return good;
}

bool hdf5_check(const char *path, struct err *err)
{
    hid_t file = open_plain(path, err);
    hid_t data = file < 0 ? -1 : open_data(file);
    bool good = file >= 0;
    H5G_info_t info;

    if (good && H5Gget_info(file, &info) < 0) {
        good = hdf5_fail(err, ERR_FORMAT, "%s: damaged HDF5 file", path);
    }
    if (good && data >= 0 && H5Dget_storage_size(data) == 0) {
        good = err_set(err, ERR_FORMAT, "%s: " DATA_PATH " was never written", path);
    }
    hdf5_drop(data);
    hdf5_drop(file);
    return good;
}
