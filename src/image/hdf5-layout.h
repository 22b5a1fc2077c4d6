/*
 * Where a scan's data sets are in an HDF5 file, by the two layouts in use. Part of hdf5-scan.c; no
 * other file needs it.
 */
#ifndef GANTRY_IMAGE_HDF5_LAYOUT_H
#define GANTRY_IMAGE_HDF5_LAYOUT_H

#include <hdf5.h>
#include "image/hdf5-scan.h"

/* Identifiers of what was found; -1 for what is not there. Closed by hdf5_layout_close. */
struct hdf5_layout {
    enum scan_layout layout;
    hid_t data;  /* projections; NXtomo: all frames */
    hid_t white; /* Data Exchange only */
    hid_t dark;
    hid_t theta; /* theta, or rotation_angle */
    hid_t key;   /* NXtomo only */
};

/* Look for either layout. Not finding one is no failure: layout is SCAN_NONE and `reason` says what
 * is missing. */
void hdf5_layout_find(hid_t file, struct hdf5_layout *ret_layout, char *reason, size_t reason_size);
void hdf5_layout_close(struct hdf5_layout *layout);

/* Extent of a data set: number of dimensions (at most `max`), 0 when it is scalar, empty or has
 * more. */
size_t hdf5_extent(hid_t dataset, size_t max, hsize_t *ret_dims);

#endif
