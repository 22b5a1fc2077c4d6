/* NIfTI: any bytes as a file, its header and then its voxels. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "image/nifti.h"

/* What a header may claim and a few packed bytes may hold; more says nothing new. */
#define SMALL ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct nifti_info info;
    struct volume v;
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        return fd < 0 ? 0 : close(fd);
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    (void)nifti_sniff(path);
    if (nifti_look(path, &info, &err) && info.n[0] * info.n[1] * info.n[2] * info.n[3] <= SMALL &&
        nifti_read(path, &v, &info, &err)) {
        double low, high, mm[3];
        char word[4];
        size_t bad;
        volume_range(&v, &low, &high, &bad);
        volume_spacing(&v, mm);
        volume_orientation(&v, word);
        volume_fini(&v);
    }
    (void)close(fd);
    return 0;
}
