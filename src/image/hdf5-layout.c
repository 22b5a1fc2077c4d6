/*
 * Finding the data sets. Data Exchange has fixed names. NXtomo lies in an entry group of any name,
 * at one of a few places that beamlines really use (docs/formats/hdf5-scans.md); the first entry
 * with image_key and data wins.
 */
#include "image/hdf5-layout.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "image/hdf5-error.h"

/* Entries of the root that are looked into; files with more are not tomography. */
#define MAX_ENTRIES 64u
#define NAME_SIZE 256u

static const char *const entry_inside[] = {"", "/tomo_entry"};
static const char *const key_places[] = {"/instrument/detector/image_key", "/data/image_key",
                                         "/instrument/detector/image_key_control"};
static const char *const data_places[] = {"/instrument/detector/data", "/data/data",
                                          "/instrument/detector/image_data"};
static const char *const angle_places[] = {"/sample/rotation_angle", "/data/rotation_angle",
                                           "/instrument/detector/rotation_angle"};

/* Open a data set without complaint: -1 when a part of the path is missing or it is something else.
 */
static hid_t open_quietly(hid_t file, const char *path)
{
    char part[NAME_SIZE * 2];
    size_t length = strlen(path);
    hid_t id;

    if (length >= sizeof(part)) {
        return -1;
    }
    /* H5Lexists wants every group above to exist, so ask for each in turn. */
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (H5Lexists(file, part, H5P_DEFAULT) <= 0) {
            H5Eclear2(H5E_DEFAULT);
            return -1;
        }
    }
    id = H5Oopen(file, path, H5P_DEFAULT);
    if (id >= 0 && H5Iget_type(id) != H5I_DATASET) {
        hdf5_drop(id);
        id = -1;
    }
    H5Eclear2(H5E_DEFAULT);
    return id;
}

static hid_t open_first(hid_t file, const char *entry, const char *const *places, size_t count)
{
    char path[NAME_SIZE * 2];

    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s%s", entry, places[i]);
        hid_t id = open_quietly(file, path);
        if (id >= 0) {
            return id;
        }
    }
    return -1;
}

static bool try_entry(hid_t file, const char *entry, struct hdf5_layout *l)
{
    l->key = open_first(file, entry, key_places, sizeof(key_places) / sizeof(key_places[0]));
    if (l->key < 0) {
        return false;
    }
    l->data = open_first(file, entry, data_places, sizeof(data_places) / sizeof(data_places[0]));
    l->theta =
        open_first(file, entry, angle_places, sizeof(angle_places) / sizeof(angle_places[0]));
    if (l->data >= 0 && l->theta >= 0) {
        l->layout = SCAN_NXTOMO;
        return true;
    }
    hdf5_layout_close(l);
    return false;
}

static bool find_nxtomo(hid_t file, struct hdf5_layout *l)
{
    H5G_info_t info;

    if (H5Gget_info(file, &info) < 0) {
        return false;
    }
    for (hsize_t i = 0; i < info.nlinks && i < MAX_ENTRIES; i++) {
        char name[NAME_SIZE] = "/";
        ssize_t length = H5Lget_name_by_idx(file, ".", H5_INDEX_NAME, H5_ITER_INC, i, name + 1,
                                            sizeof(name) - 1, H5P_DEFAULT);

        if (length <= 0 || (size_t)length >= sizeof(name) - 1) {
            continue;
        }
        for (size_t k = 0; k < sizeof(entry_inside) / sizeof(entry_inside[0]); k++) {
            char entry[NAME_SIZE + 16];

            snprintf(entry, sizeof(entry), "%s%s", name, entry_inside[k]);
            if (try_entry(file, entry, l)) {
                return true;
            }
        }
    }
    return false;
}

void hdf5_layout_find(hid_t file, struct hdf5_layout *ret_layout, char *reason, size_t reason_size)
{
    struct hdf5_layout l = {SCAN_NONE, -1, -1, -1, -1, -1};

    reason[0] = '\0';
    l.data = open_quietly(file, "/exchange/data");
    if (l.data >= 0) {
        l.white = open_quietly(file, "/exchange/data_white");
        l.dark = open_quietly(file, "/exchange/data_dark");
        l.theta = open_quietly(file, "/exchange/theta");
        l.layout = l.theta >= 0 ? SCAN_EXCHANGE : SCAN_NONE;
        if (l.theta < 0) {
            snprintf(reason, reason_size, "has no angles (/exchange/theta)");
        }
    } else if (!find_nxtomo(file, &l)) {
        snprintf(reason, reason_size,
                 "has no projections (neither /exchange/data nor an NXtomo entry)");
    }
    H5Eclear2(H5E_DEFAULT);
    *ret_layout = l;
}

void hdf5_layout_close(struct hdf5_layout *layout)
{
    hdf5_drop(layout->data);
    hdf5_drop(layout->white);
    hdf5_drop(layout->dark);
    hdf5_drop(layout->theta);
    hdf5_drop(layout->key);
    *layout = (struct hdf5_layout){SCAN_NONE, -1, -1, -1, -1, -1};
}

size_t hdf5_extent(hid_t dataset, size_t max, hsize_t *ret_dims)
{
    hid_t space = H5Dget_space(dataset);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);

    if (rank > 0 && (size_t)rank <= max) {
        H5Sget_simple_extent_dims(space, ret_dims, NULL);
    }
    hdf5_drop(space);
    return rank > 0 && (size_t)rank <= max ? (size_t)rank : 0;
}
