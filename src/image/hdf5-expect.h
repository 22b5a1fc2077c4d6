/* Reading ahead: where projections lie in the file, told to the kernel. Part of hdf5-scan.c; no
 * other file needs it. */
#ifndef GANTRY_IMAGE_HDF5_EXPECT_H
#define GANTRY_IMAGE_HDF5_EXPECT_H

#include <hdf5.h>
#include "image/hdf5-scan.h"

/* Ask for the block's frames of `data`, which has the extent and chunks of `info`; `index` maps its
 * frames (NULL: they are the data set's own). */
void hdf5_expect(hid_t file, hid_t data, const struct hdf5_scan_info *info, const size_t *index,
                 const struct scan_block *block);

#endif
