/*
 * The kernel grants a read lease only on a file that nobody has open for writing: asked for and
 * given back at once, it answers the question without looking through every process. Filled frames
 * are found by bisection, so that a scan of thousands costs a dozen reads.
 */
#include "image/hdf5-writing.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "image/hdf5-error.h"

bool hdf5_in_a_writer(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool writer = false;

    if (fd < 0) {
        return false;
    }
    /* Should somebody open it for writing in this very moment, the notice is one that nobody heeds.
     */
    if (fcntl(fd, F_SETSIG, SIGURG) == 0) {
        writer = fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    }
    (void)close(fd);
    return writer;
}

/* Is there a bit set in frame `at`? What cannot be read counts as filled: reading it later tells
 * why. */
static bool filled(hid_t dataset, hid_t type, const struct hdf5_scan_info *info, size_t at,
                   unsigned char *frame, size_t bytes)
{
    hsize_t start[3] = {at, 0, 0};
    hsize_t count[3] = {1, info->rows, info->columns};
    hid_t space = H5Dget_space(dataset);
    hid_t memory = H5Screate_simple(3, count, NULL);
    bool read = space >= 0 && memory >= 0 &&
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, frame) >= 0;

    hdf5_drop(memory);
    hdf5_drop(space);
    H5Eclear2(H5E_DEFAULT);
    return !read || frame[0] != 0 || memcmp(frame, frame + 1, bytes - 1) != 0;
}

size_t hdf5_frames_filled(hid_t dataset, const struct hdf5_scan_info *info)
{
    size_t bytes = info->rows * info->columns * info->pixel_bytes;
    unsigned char *frame = mem_big(bytes, 1, err_ignore("then all frames count"));
    hid_t type = H5Dget_type(dataset);
    size_t first = 0;
    size_t end = info->frames; /* the last filled frame lies in [first, end) */

    if (frame == NULL || end == 0 || filled(dataset, type, info, end - 1, frame, bytes)) {
        first = end;
    }
    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (filled(dataset, type, info, middle, frame, bytes)) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    hdf5_drop(type);
    mem_free(frame);
    return end;
}
