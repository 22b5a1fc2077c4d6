/* HDF5: any bytes as a scan, described and read as far as it says it can be. */
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "image/hdf5-scan.h"

/* A damaged header may claim any size; what is asked for stays small. */
#define SMALL 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    hdf5_setup();
    struct hdf5_scan *scan = hdf5_scan_open_bytes("fuzz", data, size, &err);
    if (!scan) {
        return 0;
    }
    const struct hdf5_scan_info *info = hdf5_scan_info(scan);
    if (hdf5_scan_ready(scan, &err) && info->frames <= 1000000) {
        struct scan_block block = {SCAN_PROJECTIONS,
                                   0,
                                   info->frames < SMALL ? info->frames : SMALL,
                                   0,
                                   info->rows < SMALL ? info->rows : SMALL,
                                   0,
                                   info->columns < SMALL ? info->columns : SMALL};
        float *pixels = mem_array((size_t)SMALL * SMALL, SMALL * sizeof(float), &err);
        double *theta = mem_array(info->frames + 1, sizeof(double), &err);
        if (pixels && theta) {
            bool read = hdf5_scan_read(scan, &block, SCAN_PIXEL_F32, pixels, &err);
            (void)read;
            hdf5_scan_theta(scan, theta);
        }
        mem_free(theta);
        mem_free(pixels);
    }
    hdf5_scan_close(scan);
    return 0;
}
