/*
 * The inside of struct hdf5_scan, shared by opening and reading (hdf5-scan.c) and describing
 * (hdf5-describe.c). No other file needs it.
 */
#ifndef GANTRY_IMAGE_HDF5_DESCRIBE_H
#define GANTRY_IMAGE_HDF5_DESCRIBE_H

#include <hdf5.h>
#include <stdbool.h>
#include "image/hdf5-layout.h"
#include "image/hdf5-scan.h"

#define FRAME_KINDS 3 /* enum scan_frames */

struct hdf5_scan {
    char *path;
    hid_t file;
    struct hdf5_layout at;
    struct hdf5_scan_info info;
    size_t *frame_index[FRAME_KINDS]; /* NXtomo: frames of each kind; NULL in Data Exchange */
    bool on_disk;                     /* opened by its path */
    double *theta_deg;                /* [info.frames] when theta_ok */
    bool no_memory;                   /* describing ran out of it */
};

/* Fill scan->at, scan->info, scan->frame_index and scan->theta_deg from the open file. False when
 * memory ran out; what is wrong with the file is told in scan->info.reason. */
bool hdf5_describe(struct hdf5_scan *scan) CHECK_RESULT;

#endif
