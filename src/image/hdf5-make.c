/* Contiguous data sets, as the detectors' own writers leave them when nothing is compressed. */
#include "image/hdf5-make.h"
#include <hdf5.h>
#include <string.h>
#include "base/mem.h"
#include "image/hdf5-error.h"

#define KINDS 3

struct hdf5_make {
    char *path;
    hid_t file;
    hid_t set[KINDS];
    hid_t type; /* in memory, of no ownership */
    size_t rows, columns;
};

static hid_t create(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dims)
{
    hid_t space = H5Screate_simple(rank, dims, NULL);
    hid_t set = space < 0
        ? -1
        : H5Dcreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

    hdf5_drop(space);
    return set;
}

static bool create_sets(struct hdf5_make *m, hid_t group, const struct hdf5_make_spec *spec)
{
    static const char *const names[KINDS] = {"data", "data_white", "data_dark"};
    const size_t frames[KINDS] = {spec->frames, spec->n_white, spec->n_dark};
    hid_t stored = spec->pixel == SCAN_PIXEL_U8 ? H5T_STD_U8LE
        : spec->pixel == SCAN_PIXEL_U16         ? H5T_STD_U16LE
                                                : H5T_IEEE_F32LE;
    hsize_t angles = spec->angles;
    hid_t theta;
    bool good = true;

    for (size_t k = 0; k < KINDS && good; k++) {
        hsize_t dims[3] = {frames[k], spec->rows, spec->columns};

        m->set[k] = create(group, names[k], stored, 3, dims);
        good = m->set[k] >= 0;
    }
    theta = good ? create(group, "theta", H5T_IEEE_F64LE, 1, &angles) : -1;
    good = theta >= 0 &&
        H5Dwrite(theta, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, spec->theta_deg) >= 0;
    hdf5_drop(theta);
    return good;
}

/* Close everything and free; false when HDF5 could not write the last of it. */
static bool release(struct hdf5_make *m)
{
    bool good = true;

    for (size_t k = 0; k < KINDS; k++) {
        good = (m->set[k] < 0 || H5Dclose(m->set[k]) >= 0) && good;
    }
    good = (m->file < 0 || H5Fclose(m->file) >= 0) && good;
    mem_free(m->path);
    mem_free(m);
    return good;
}

struct hdf5_make *hdf5_make_open(const char *path, const struct hdf5_make_spec *spec,
                                 struct err *err)
{
    struct hdf5_make *m = mem_zero(sizeof(*m), err);
    hid_t group = -1;
    bool good = false;

    if (m == NULL) {
        return NULL;
    }
    m->file = m->set[0] = m->set[1] = m->set[2] = -1;
    m->rows = spec->rows;
    m->columns = spec->columns;
    m->type = spec->pixel == SCAN_PIXEL_U8 ? H5T_NATIVE_UCHAR
        : spec->pixel == SCAN_PIXEL_U16    ? H5T_NATIVE_USHORT
                                           : H5T_NATIVE_FLOAT;
    m->path = mem_strdup(path, err);
    if (m->path == NULL) {
        goto out;
    }
    m->file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    group =
        m->file < 0 ? -1 : H5Gcreate2(m->file, "exchange", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    good = group >= 0 && create_sets(m, group, spec);
    if (!good) {
        hdf5_fail(err, ERR_IO, "writing %s", path);
    }
out:
    hdf5_drop(group);
    if (!good) {
        release(m);
        m = NULL;
    }
    return m;
}

bool hdf5_make_frames(struct hdf5_make *make, enum scan_frames kind, size_t first, size_t count,
                      const void *pixels, struct err *err)
{
    hsize_t start[3] = {first, 0, 0};
    hsize_t extent[3] = {count, make->rows, make->columns};
    hid_t space = H5Dget_space(make->set[kind]);
    hid_t memory = H5Screate_simple(3, extent, NULL);
    bool good = space >= 0 && memory >= 0 &&
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, extent, NULL) >= 0 &&
        H5Dwrite(make->set[kind], make->type, memory, space, H5P_DEFAULT, pixels) >= 0;

    hdf5_drop(memory);
    hdf5_drop(space);
    return good ? true : hdf5_fail(err, ERR_IO, "writing %s", make->path);
}

bool hdf5_make_close(struct hdf5_make *make, struct err *err)
{
    return make == NULL || release(make) || hdf5_fail(err, ERR_IO, "writing a scan");
}
