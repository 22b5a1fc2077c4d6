/*
 * posix_fadvise(WILLNEED) starts reading and returns: the disk works while we compute, without a
 * thread of our own. Contiguous data sets are addressed by arithmetic, chunks by HDF5's index.
 * Amounts are bounded, because what is asked for too early pushes out what is needed now.
 */
#include "image/hdf5-expect.h"
#include <fcntl.h>
#include "base/mem.h"
#include "image/hdf5-error.h"

/* Bytes and pieces asked for in one call. */
#define MOST_BYTES ((uint64_t)1 << 30)
#define MOST_PIECES 20000u

struct ahead {
    int fd;
    uint64_t bytes;
    size_t pieces;
};

/* False once enough was asked for. */
static bool ask(struct ahead *a, uint64_t offset, uint64_t length)
{
    if (a->bytes + length > MOST_BYTES || a->pieces >= MOST_PIECES) {
        return false;
    }
    a->bytes += length;
    a->pieces++;
    return posix_fadvise(a->fd, (off_t)offset, (off_t)length, POSIX_FADV_WILLNEED) == 0;
}

static void ask_contiguous(struct ahead *a, haddr_t start, const struct hdf5_scan_info *info,
                           const size_t *index, const struct scan_block *b)
{
    uint64_t row_bytes = (uint64_t)info->columns * info->pixel_bytes;

    for (size_t i = b->first; i < b->first + b->count; i++) {
        uint64_t row = (uint64_t)(index == NULL ? i : index[i]) * info->rows + b->row;

        if (!ask(a, start + row * row_bytes, b->rows * row_bytes)) {
            return;
        }
    }
}

static void ask_chunks(struct ahead *a, hid_t data, const struct hdf5_scan_info *info,
                       const size_t *index, const struct scan_block *b)
{
    const size_t *chunk = info->chunk;
    size_t before = SIZE_MAX; /* layer of chunks that was asked for last */

    for (size_t i = b->first; i < b->first + b->count; i++) {
        size_t layer = (index == NULL ? i : index[i]) / chunk[0];

        for (size_t row = b->row / chunk[1]; layer != before && row * chunk[1] < b->row + b->rows;
             row++) {
            for (size_t column = b->column / chunk[2]; column * chunk[2] < b->column + b->columns;
                 column++) {
                hsize_t at[3] = {layer * chunk[0], row * chunk[1], column * chunk[2]};
                unsigned mask = 0;
                haddr_t address = HADDR_UNDEF;
                hsize_t size = 0;

                if (H5Dget_chunk_info_by_coord(data, at, &mask, &address, &size) < 0 ||
                    address == HADDR_UNDEF || !ask(a, address, size)) {
                    return;
                }
            }
        }
        before = layer;
    }
}

void hdf5_expect(hid_t file, hid_t data, const struct hdf5_scan_info *info, const size_t *index,
                 const struct scan_block *block)
{
    void *handle = NULL;
    struct ahead a = {-1, 0, 0};
    haddr_t start;

    if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) >= 0 && handle != NULL) {
        a.fd = *(const int *)handle;
    }
    if (a.fd >= 0 && info->chunk[0] > 0) {
        ask_chunks(&a, data, info, index, block);
    } else if (a.fd >= 0) {
        start = H5Dget_offset(data);
        if (start != HADDR_UNDEF) {
            ask_contiguous(&a, start, info, index, block);
        }
    }
    H5Eclear2(H5E_DEFAULT);
}
