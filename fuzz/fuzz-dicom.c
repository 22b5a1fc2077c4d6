/* DICOM: any bytes as a file, and as a ZIP of files: headers, series and their geometry, and pixels
 * as long as they are not GDCM's to decode. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/mem.h"
#include "image/dicom-series.h"
#include "image/dicom.h"

#define SMALL ((size_t)1 << 20)

static void one_file(const uint8_t *data, size_t size, size_t whole)
{
    struct err err;
    struct dicom_header h;
    static uint8_t voxels[SMALL];
    if (dicom_header_parse(data, size, whole, &h, &err) == DICOM_IMAGE &&
        dicom_frame_bytes(&h.pixels) <= SMALL / h.pixels.frames) {
        err_waive(dicom_pixels_whole(&h.pixels, &err));
        /* without the module, compressed pixels go as far as their fragments */
        err_waive(dicom_pixels_read(&h.pixels, data, size, voxels, &err));
    }
    dicom_header_fini(&h);
}

static void as_a_set(const char *path)
{
    const struct dicom_limits limits = {{100, SMALL, 8 * SMALL, 100}, 200, 4, SMALL, false};
    const struct dicom_progress progress = {NULL, NULL, 1};
    const struct dicom_series *series;
    struct err err;
    struct dicom_set *set = dicom_set_open(path, &limits, &err);
    size_t n = set ? dicom_set_series(set, &series) : 0;
    for (size_t i = 0; i < n && i < 4; i++) {
        struct volume v = {0};
        struct dicom_fact *facts = NULL;
        size_t n_facts;
        if (series[i].slices < 1000 && series[i].times < 100 &&
            series[i].rows * series[i].columns * series[i].slices * series[i].times < SMALL) {
            err_waive(dicom_set_read(set, i, &v, &progress, &err));
        }
        volume_fini(&v);
        if (dicom_set_facts(set, i, &facts, &n_facts, &err)) {
            mem_free(facts);
        }
    }
    dicom_set_close(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    one_file(data, size, size);
    one_file(data, size / 2, size);
    if (fd >= 0 && write(fd, data, size) == (ssize_t)size) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        as_a_set(path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return 0;
}
