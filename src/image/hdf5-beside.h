/*
 * Which other files a scan's pixels come from: by external links, virtual data sets or external
 * storage. Whoever shows pixels to people with rights on some folders only asks this first.
 */
#ifndef GANTRY_IMAGE_HDF5_BESIDE_H
#define GANTRY_IMAGE_HDF5_BESIDE_H

#include "image/hdf5-scan.h"

/* May pixels come from this file (absolute path; it may not exist)? False fills err. */
typedef bool hdf5_beside_fn(void *arg, const char *path, struct err *err);

/* Ask for every file besides the scan's own, those that the others refer to included. False when
 * one may not, or when files refer to each other too deeply to be followed. */
bool hdf5_beside(const struct hdf5_scan *scan, hdf5_beside_fn *may, void *arg,
                 struct err *err) CHECK_RESULT;

/* The same for the volume in a file (image/hdf5-volume.h). True when it has none: reading says so.
 */
bool hdf5_beside_volume(const char *path, hdf5_beside_fn *may, void *arg,
                        struct err *err) CHECK_RESULT;

#endif
