/*
 * Files that another program is still writing. Nothing in HDF5 tells for sure: a file opened with
 * the newest format carries a mark (which a crash leaves behind), others none.
 */
#ifndef GANTRY_IMAGE_HDF5_WRITING_H
#define GANTRY_IMAGE_HDF5_WRITING_H

#include <hdf5.h>
#include <stdbool.h>
#include "image/hdf5-scan.h"

/* Has any process of this machine the file open for writing? False also where that cannot be
 * known (a network file system, another user's file). */
bool hdf5_in_a_writer(const char *path);

/* Frames of a preallocated data set [frames][rows][columns] that hold something, when they are
 * written in order: those behind the last that is not all zero do not count. */
size_t hdf5_frames_filled(hid_t dataset, const struct hdf5_scan_info *info);

#endif
