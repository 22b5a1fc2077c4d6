/* Tractograms: any bytes as a file, read to the end. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "image/streamlines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {ERR_NONE, ""};
    struct streamlines_info info;
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        return fd < 0 ? 0 : close(fd);
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    (void)streamlines_sniff(path);
    struct streamlines *s = streamlines_open(path, &info, &err);
    const float *points;
    size_t n = 0;
    bool more = s != NULL;
    float sum = 0;
    while (more && streamlines_next(s, &points, &n, &more, &err)) {
        for (size_t i = 0; i < 3 * n; i++) {
            sum += points[i];
        }
    }
    (void)sum;
    streamlines_close(s);
    (void)close(fd);
    return 0;
}
