/*
 * Opening describes the file once, from headers and the angles alone. Reading maps projections,
 * flats and darks to frames of a data set: the frames themselves in Data Exchange, those with the
 * right image_key (0, 1, 2) in NXtomo, where they are read in runs of neighbours. HDF5's chunk
 * cache is off: we read large blocks, so a cached chunk would never be asked for again, and
 * uncompressed chunks are then read only as far as needed.
 */
#include "image/hdf5-scan.h"
#include <errno.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "image/hdf5-describe.h"
#include "image/hdf5-error.h"
#include "image/hdf5-expect.h"
#include "image/hdf5-writing.h"

/* The scan, described; NULL and freed when memory ran out. */
static struct hdf5_scan *described(struct hdf5_scan *scan, struct err *err)
{
    if (!hdf5_describe(scan)) {
        err_set(err, ERR_NOMEM, "%s: out of memory", scan->path);
        hdf5_scan_close(scan);
        return NULL;
    }
    return scan;
}

/* ---- opening ---- */

void hdf5_setup(void)
{
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static hid_t file_access(void)
{
    hid_t plist = H5Pcreate(H5P_FILE_ACCESS);

    if (plist >= 0) {
        H5Pset_fclose_degree(plist, H5F_CLOSE_STRONG);
        H5Pset_cache(plist, 0, 521, 0, 1.0); /* no chunk cache, see the top of this file */
    }
    return plist;
}

static struct hdf5_scan *scan_new(const char *name, struct err *err)
{
    struct hdf5_scan *scan = mem_zero(sizeof(*scan), err);

    if (scan == NULL) {
        return NULL;
    }
    scan->file = -1;
    scan->at = (struct hdf5_layout){SCAN_NONE, -1, -1, -1, -1, -1};
    scan->path = mem_strdup(name, err);
    if (scan->path == NULL) {
        mem_free(scan);
        return NULL;
    }
    return scan;
}

/* Why a file did not open: not HDF5 at all, cut off, or damaged. `why` is HDF5's own reason, as ":
 * reason". */
static void explain(const char *path, const struct err *why, struct err *err)
{
    static const char cut[] = "truncated file: ";
    const char *text = strstr(why->text, cut);
    unsigned long long has;
    unsigned long long base;
    unsigned long long wants;

    bool writer = hdf5_in_a_writer(path);
    if (text != NULL &&
        sscanf(text + strlen(cut), "eof = %llu, sblock->base_addr = %llu, stored_eof = %llu", &has,
               &base, &wants) == 3) {
        err_set(err, ERR_FORMAT, "%s: %s: has %llu of %llu bytes", path,
                writer ? "being written by another program" : "truncated HDF5 file", has, wants);
    } else if (writer) {
        err_set(err, ERR_FORMAT, "%s: being written by another program", path);
    } else if (H5Fis_hdf5(path) <= 0) {
        err_set(err, ERR_FORMAT, "%s: not an HDF5 file", path);
    } else if (text != NULL) {
        err_set(err, ERR_FORMAT, "%s: truncated HDF5 file (%s)", path, text + strlen(cut));
    } else if (strstr(why->text, "already open for write") != NULL) {
        err_set(
            err, ERR_FORMAT,
            "%s: marked as being written: by a program on another computer, or one that did not "
            "end well (h5clear -s takes the mark away)",
            path);
    } else {
        err_set(err, ERR_FORMAT, "%s: damaged HDF5 file%s", path, why->text);
    }
    H5Eclear2(H5E_DEFAULT);
}

/* Open for reading; -1 with HDF5's reason in `why`. */
static hid_t open_file(const char *path, struct err *why)
{
    hid_t plist = file_access();
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, plist);

    if (file < 0) {
        hdf5_fail(why, ERR_FORMAT, "%s", "");
    }
    /* A detector that still writes in SWMR mode marks the file; such a file opens for SWMR readers
     * only. */
    if (file < 0 &&
        (strstr(why->text, "SWMR") != NULL ||
         strstr(why->text, "already open for write") != NULL)) {
        file = H5Fopen(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, plist);
    }
    hdf5_drop(plist);
    H5Eclear2(H5E_DEFAULT);
    return file;
}

struct hdf5_scan *hdf5_scan_open(const char *path, struct err *err)
{
    struct hdf5_scan *scan;
    struct err why = {ERR_NONE, ""};
    struct stat st;
    if (stat(path, &st) == 0 &&
        !S_ISREG(st.st_mode)) { /* opening a FIFO would wait for its writer */
        (void)err_set(err, ERR_FORMAT, "%s: not a plain file", path);
        return NULL;
    }
    FILE *probe = fopen(path, "rbe");

    if (probe == NULL || fstat(fileno(probe), &st) != 0) {
        err_errno(err, errno, "%s", path);
        if (probe != NULL) {
            fclose(probe);
        }
        return NULL;
    }
    fclose(probe);
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        err_set(err, ERR_FORMAT, "%s: %s", path,
                !S_ISREG(st.st_mode)         ? "not a plain file"
                    : hdf5_in_a_writer(path) ? "being written by another program"
                                             : "empty file");
        return NULL;
    }
    scan = scan_new(path, err);
    if (scan == NULL) {
        return NULL;
    }
    scan->on_disk = true;
    scan->file = open_file(path, &why);
    if (scan->file < 0) {
        explain(path, &why, err);
        hdf5_scan_close(scan);
        return NULL;
    }
    return described(scan, err);
}

struct hdf5_scan *hdf5_scan_open_bytes(const char *name, const void *bytes, size_t size,
                                       struct err *err)
{
    struct hdf5_scan *scan = scan_new(name, err);
    hid_t access_plist = scan == NULL ? -1 : file_access();

    if (scan == NULL) {
        return NULL;
    }
    /* The core driver copies the bytes. It wants a name of no file: one that exists it would open,
     * and leak. */
    H5Pset_fapl_core(access_plist, 65536, 0);
    if (H5Pset_file_image(access_plist, (void *)(uintptr_t)bytes, size) >= 0) {
        scan->file = H5Fopen("/nonexistent/bytes", H5F_ACC_RDONLY, access_plist);
    }
    if (scan->file < 0) {
        hdf5_fail(err, ERR_FORMAT, "%s: not a whole HDF5 file", name);
        hdf5_drop(access_plist);
        hdf5_scan_close(scan);
        return NULL;
    }
    hdf5_drop(access_plist);
    return described(scan, err);
}

void hdf5_scan_close(struct hdf5_scan *scan)
{
    if (scan == NULL) {
        return;
    }
    hdf5_layout_close(&scan->at);
    if (scan->file >= 0) {
        H5Fclose(scan->file);
    }
    H5Eclear2(H5E_DEFAULT);
    for (size_t k = 0; k < FRAME_KINDS; k++) {
        mem_free(scan->frame_index[k]);
    }
    mem_free(scan->theta_deg);
    mem_free(scan->path);
    mem_free(scan);
}

const struct hdf5_scan_info *hdf5_scan_info(const struct hdf5_scan *scan)
{
    return &scan->info;
}

bool hdf5_scan_ready(const struct hdf5_scan *scan, struct err *err)
{
    const struct hdf5_scan_info *info = &scan->info;

    if (info->layout == SCAN_NONE || info->reason[0] != '\0') {
        return err_set(err, ERR_FORMAT, "%s: %s", scan->path, info->reason);
    }
    return true;
}

void hdf5_scan_theta(const struct hdf5_scan *scan, double *ret_theta_deg)
{
    if (scan->theta_deg != NULL) {
        memcpy(ret_theta_deg, scan->theta_deg, scan->info.frames * sizeof(double));
    }
}

/* ---- reading ---- */

size_t scan_pixel_bytes(enum scan_pixel pixel)
{
    return pixel == SCAN_PIXEL_U8 ? 1 : pixel == SCAN_PIXEL_U16 ? 2 : 4;
}

static hid_t memory_type(enum scan_pixel pixel)
{
    return pixel == SCAN_PIXEL_U8 ? H5T_NATIVE_UCHAR
        : pixel == SCAN_PIXEL_U16 ? H5T_NATIVE_USHORT
                                  : H5T_NATIVE_FLOAT;
}

/* Neighbouring frames [first, first + count) of `dataset` (rank 3, or 2 for a single frame). */
static bool read_run(hid_t dataset, const struct scan_block *b, size_t first, size_t count,
                     hid_t type, void *out)
{
    hid_t space = H5Dget_space(dataset);
    int rank = space < 0 ? 0 : H5Sget_simple_extent_ndims(space);
    hsize_t start[3] = {first, b->row, b->column};
    hsize_t extent[3] = {count, b->rows, b->columns};
    hid_t memory = H5Screate_simple(3, extent, NULL);
    bool good = (rank == 3 || (rank == 2 && first == 0 && count == 1)) && memory >= 0 &&
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start + (3 - rank), NULL, extent + (3 - rank),
                            NULL) >= 0 &&
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, out) >= 0;

    hdf5_drop(memory);
    hdf5_drop(space);
    return good;
}

bool hdf5_scan_read(struct hdf5_scan *scan, const struct scan_block *block, enum scan_pixel pixel,
                    void *ret_pixels, struct err *err)
{
    static const char *const names[FRAME_KINDS] = {"projection", "flat field", "dark field"};
    const struct hdf5_scan_info *info = &scan->info;
    const size_t totals[FRAME_KINDS] = {info->frames, info->n_white, info->n_dark};
    const size_t *index = scan->frame_index[block->frames];
    hid_t dataset = index != NULL || block->frames == SCAN_PROJECTIONS ? scan->at.data
        : block->frames == SCAN_WHITE                                  ? scan->at.white
                                                                       : scan->at.dark;
    size_t frame_bytes = block->rows * block->columns * scan_pixel_bytes(pixel);
    size_t end = block->first + block->count;
    char *out = ret_pixels;

    if (end > totals[block->frames] || block->row + block->rows > info->rows ||
        block->column + block->columns > info->columns || block->rows == 0 || block->columns == 0) {
        return err_bug(err, "a block outside the scan was asked for");
    }
    for (size_t i = block->first; i < end;) {
        size_t run = index == NULL ? end - i : 1;

        while (index != NULL && i + run < end && index[i + run] == index[i] + run) {
            run++;
        }
        if (!read_run(dataset, block, index == NULL ? i : index[i], run, memory_type(pixel), out)) {
            return hdf5_fail(err, ERR_FORMAT, "%s: %s %zu to %zu cannot be read", scan->path,
                             names[block->frames], i, i + run - 1);
        }
        out += run * frame_bytes;
        i += run;
    }
    return true;
}

void hdf5_scan_expect(struct hdf5_scan *scan, const struct scan_block *block)
{
    if (scan->on_disk && block->first + block->count <= scan->info.frames) {
        hdf5_expect(scan->file, scan->at.data, &scan->info, scan->frame_index[SCAN_PROJECTIONS],
                    block);
    }
}
