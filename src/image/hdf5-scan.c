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
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/str.h"
#include "image/hdf5-error.h"
#include "image/hdf5-layout.h"

/* Longest list of angles or keys that is believed: more than a day of frames at 1 kHz is a damaged
 * header. */
#define MAX_ANGLES ((hsize_t)100000000)
#define FRAME_KINDS 3

struct hdf5_scan {
    char *path;
    hid_t file;
    struct hdf5_layout at;
    struct hdf5_scan_info info;
    size_t *frame_index[FRAME_KINDS]; /* NXtomo: frames of each kind; NULL in Data Exchange */
    double *theta_deg;                /* [info.frames] when theta_ok */
    bool no_memory;                   /* describing ran out of it */
};

/* ---- describing ---- */

/* The first reason that was found is the one that is told. */
static void because(struct hdf5_scan_info *info, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void because(struct hdf5_scan_info *info, const char *fmt, ...)
{
    va_list args;

    if (info->reason[0] == '\0') {
        va_start(args, fmt);
        vsnprintf(info->reason, sizeof(info->reason), fmt, args);
        va_end(args);
    }
}

static void describe_pixel(hid_t dataset, struct hdf5_scan_info *info)
{
    hid_t type = H5Dget_type(dataset);
    H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    size_t size = type < 0 ? 0 : H5Tget_size(type);
    bool is_signed = class == H5T_INTEGER && H5Tget_sign(type) != H5T_SGN_NONE;

    info->pixel = SCAN_PIXEL_OTHER;
    info->pixel_bytes = size;
    if (class == H5T_INTEGER) {
        snprintf(info->dtype, sizeof(info->dtype), "%sint%zu", is_signed ? "" : "u", size * 8);
        info->pixel = is_signed ? SCAN_PIXEL_OTHER
            : size == 1         ? SCAN_PIXEL_U8
            : size == 2         ? SCAN_PIXEL_U16
                                : SCAN_PIXEL_OTHER;
    } else if (class == H5T_FLOAT) {
        snprintf(info->dtype, sizeof(info->dtype), "float%zu", size * 8);
        info->pixel = size == 4 ? SCAN_PIXEL_F32 : SCAN_PIXEL_OTHER;
    } else {
        snprintf(info->dtype, sizeof(info->dtype), "%s",
                 class == H5T_COMPOUND     ? "compound"
                     : class == H5T_STRING ? "text"
                                           : "other");
    }
    if (info->pixel == SCAN_PIXEL_OTHER) {
        because(info, "pixels are %s; uint8, uint16 and float32 are read", info->dtype);
    }
    hdf5_drop(type);
}

/* Were all chunks written? The library counts what is allocated on disk. */
static void describe_storage(hid_t dataset, const hsize_t *dims, struct hdf5_scan_info *info)
{
    hid_t plist = H5Dget_create_plist(dataset);
    H5D_layout_t layout = plist < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(plist);
    hsize_t chunk[3] = {0, 0, 0};
    hsize_t expected = 1;
    hsize_t written = 0;
    hid_t space;

    if (layout == H5D_CHUNKED && H5Pget_chunk(plist, 3, chunk) == 3) {
        for (size_t i = 0; i < 3; i++) {
            info->chunk[i] = (size_t)chunk[i];
            expected *= chunk[i] > 0 ? (dims[i] + chunk[i] - 1) / chunk[i] : 0;
        }
        info->filtered = H5Pget_nfilters(plist) > 0;
        space = H5Dget_space(dataset);
        if (H5Dget_num_chunks(dataset, space, &written) >= 0) {
            info->unallocated = written < expected;
        }
        hdf5_drop(space);
    } else if (layout == H5D_CONTIGUOUS && H5Pget_external_count(plist) == 0) {
        info->unallocated = info->logical_bytes > 0 && H5Dget_storage_size(dataset) == 0;
    }
    H5Eclear2(H5E_DEFAULT);
    if (info->unallocated) {
        because(info, "%llu of %llu chunks were never written",
                (unsigned long long)(expected - written), (unsigned long long)expected);
    }
    info->missing_filter = hdf5_missing_filter(dataset);
    if (info->missing_filter != 0) {
        because(info, "needs HDF5 filter %d (%s), which is not installed", info->missing_filter,
                hdf5_filter_name(info->missing_filter)[0] ? hdf5_filter_name(info->missing_filter)
                                                          : "unknown");
    }
    hdf5_drop(plist);
}

/* The data set of projections: [frames][rows][columns]. False: this is no scan. */
static bool describe_data(struct hdf5_scan *scan)
{
    struct hdf5_scan_info *info = &scan->info;
    hsize_t dims[3] = {0, 0, 0};
    int64_t bytes;

    describe_pixel(scan->at.data, info);
    if (hdf5_extent(scan->at.data, 3, dims) != 3) {
        info->reason[0] = '\0';
        because(info, "its data has not the three dimensions [projections, rows, columns]");
        return false;
    }
    if (dims[1] == 0 || dims[2] == 0 || __builtin_mul_overflow(dims[0], dims[1], &bytes) ||
        __builtin_mul_overflow(bytes, dims[2], &bytes) ||
        __builtin_mul_overflow(bytes, info->pixel_bytes, &bytes)) {
        info->reason[0] = '\0';
        because(info, "its data has the impossible shape %llu x %llu x %llu",
                (unsigned long long)dims[0], (unsigned long long)dims[1],
                (unsigned long long)dims[2]);
        return false;
    }
    info->frames = (size_t)dims[0];
    info->rows = (size_t)dims[1];
    info->columns = (size_t)dims[2];
    info->logical_bytes = bytes;
    describe_storage(scan->at.data, dims, info);
    return true;
}

/* Frames of a flat or dark data set: [n][rows][columns], or one frame [rows][columns]; 0 when
 * absent or of other size. */
static size_t describe_reference(hid_t dataset, const char *name, struct hdf5_scan_info *info)
{
    hsize_t dims[3] = {0, 0, 0};
    size_t rank = dataset < 0 ? 0 : hdf5_extent(dataset, 3, dims);
    const hsize_t *frame = rank == 3 ? dims + 1 : dims;

    if (rank < 2) {
        because(info, "has no %s", name);
        return 0;
    }
    if (frame[0] != info->rows || frame[1] != info->columns) {
        because(info, "%s is %llu x %llu pixels, the projections are %zu x %zu", name,
                (unsigned long long)frame[0], (unsigned long long)frame[1], info->rows,
                info->columns);
        return 0;
    }
    if (rank == 3 && dims[0] == 0) {
        because(info, "%s has no frames", name);
    }
    return rank == 3 ? (size_t)dims[0] : 1;
}

/* All values of a numeric data set, converted by HDF5; NULL without an error text when it cannot be
 * had. */
static void *read_list(struct hdf5_scan *scan, hid_t dataset, hid_t memory_type, size_t size,
                       size_t *ret_count)
{
    hid_t space = H5Dget_space(dataset);
    hssize_t points = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    void *values = NULL;

    hdf5_drop(space);
    if (points >= 0 && (hsize_t)points <= MAX_ANGLES) {
        values = mem_array((size_t)points + 1, size, NULL);
        scan->no_memory = scan->no_memory || values == NULL;
    }
    if (values != NULL && points > 0 &&
        H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
        mem_free(values);
        values = NULL;
    }
    H5Eclear2(H5E_DEFAULT);
    *ret_count = values == NULL ? 0 : (size_t)points;
    return values;
}

/* Angles are degrees unless the data set says radians. */
static double angle_unit(hid_t dataset)
{
    char units[32] = "";
    hid_t attribute = H5Aexists(dataset, "units") > 0 ? H5Aopen(dataset, "units", H5P_DEFAULT) : -1;
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);

    if (type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0) {
        char *text = NULL;
        if (H5Aread(attribute, type, &text) >= 0 && text != NULL) {
            snprintf(units, sizeof(units), "%s", text);
        }
        H5free_memory(text);
    } else if (type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tget_size(type) < sizeof(units)) {
        if (H5Aread(attribute, type, units) < 0) {
            units[0] = '\0';
        }
    }
    hdf5_drop(type);
    hdf5_drop(attribute);
    H5Eclear2(H5E_DEFAULT);
    return str_starts(units, "rad") ? 180.0 / M_PI : 1.0;
}

/* NXtomo: sort the frames by their key, as far as both data and key go. */
static bool sort_frames(struct hdf5_scan *scan)
{
    struct hdf5_scan_info *info = &scan->info;
    size_t found[FRAME_KINDS] = {0, 0, 0};
    size_t data_frames = info->frames;
    size_t keys = 0;
    int *key = read_list(scan, scan->at.key, H5T_NATIVE_INT, sizeof(int), &keys);

    if (key == NULL) {
        because(info, "its image_key cannot be read");
        return false;
    }
    info->angles = 0;
    for (size_t k = 0; k < FRAME_KINDS; k++) {
        scan->frame_index[k] = mem_array(keys + 1, sizeof(size_t), NULL);
        if (scan->frame_index[k] == NULL) {
            mem_free(key);
            scan->no_memory = true;
            return false;
        }
    }
    for (size_t i = 0; i < keys; i++) {
        info->angles += key[i] == 0;
        if (key[i] >= 0 && key[i] < FRAME_KINDS && i < data_frames) {
            scan->frame_index[key[i]][found[key[i]]++] = i;
        }
    }
    mem_free(key);
    info->frames = found[SCAN_PROJECTIONS];
    info->n_white = found[SCAN_WHITE];
    info->n_dark = found[SCAN_DARK];
    info->complete = keys == data_frames && info->frames > 0;
    if (!info->complete) {
        because(info, "image_key names %zu frames, %zu are written", keys, data_frames);
    }
    if (info->n_white == 0 || info->n_dark == 0) {
        because(info, "has no %s (image_key %d)",
                info->n_white == 0 ? "flat fields" : "dark fields", info->n_white == 0 ? 1 : 2);
    }
    return true;
}

static void describe_theta(struct hdf5_scan *scan)
{
    struct hdf5_scan_info *info = &scan->info;
    const size_t *index = scan->frame_index[SCAN_PROJECTIONS];
    double unit = angle_unit(scan->at.theta);
    size_t count = 0;
    double *all = read_list(scan, scan->at.theta, H5T_NATIVE_DOUBLE, sizeof(double), &count);

    if (all == NULL) {
        because(info, "its angles cannot be read");
        return;
    }
    if (index == NULL) {
        info->angles = count;
        info->complete = info->frames > 0 && info->frames >= count;
    }
    if (index == NULL ? count < info->frames
                      : info->frames > 0 && index[info->frames - 1] >= count) {
        because(info, "has %zu angles for %zu projections", count, info->frames);
        goto out;
    }
    if (!info->complete) {
        because(info, "aborted, or still being written: %zu of %zu projections", info->frames,
                info->angles);
    }
    for (size_t i = 0; i < info->frames; i++) {
        all[i] = all[index == NULL ? i : index[i]] * unit;
        if (!isfinite(all[i])) {
            because(info, "angle %zu of %zu is not a number", i + 1, info->frames);
            goto out;
        }
    }
    if (info->frames > 0) {
        info->theta_ok = true;
        info->theta_first_deg = all[0];
        info->theta_last_deg = all[info->frames - 1];
        scan->theta_deg = all;
        all = NULL;
    }
out:
    mem_free(all);
}

static void describe_all(struct hdf5_scan *scan)
{
    struct hdf5_scan_info *info = &scan->info;

    info->pixel = SCAN_PIXEL_OTHER;
    info->theta_first_deg = info->theta_last_deg = NAN;
    hdf5_layout_find(scan->file, &scan->at, info->reason, sizeof(info->reason));
    if (scan->at.layout == SCAN_NONE || !describe_data(scan)) {
        return;
    }
    if (scan->at.layout == SCAN_NXTOMO) {
        if (!sort_frames(scan)) {
            return;
        }
        describe_theta(scan);
    } else {
        describe_theta(scan);
        info->n_white =
            describe_reference(scan->at.white, "flat fields (/exchange/data_white)", info);
        info->n_dark = describe_reference(scan->at.dark, "dark fields (/exchange/data_dark)", info);
    }
    info->layout = scan->at.layout;
    if (info->frames == 0) {
        because(info, "has no projections yet");
    }
}

/* The scan, described; NULL and freed when memory ran out. */
static struct hdf5_scan *describe(struct hdf5_scan *scan, struct err *err)
{
    describe_all(scan);
    if (scan->no_memory) {
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

    if (H5Fis_hdf5(path) <= 0) {
        err_set(err, ERR_FORMAT, "%s: not an HDF5 file", path);
    } else if (text != NULL &&
               sscanf(text + strlen(cut), "eof = %llu, sblock->base_addr = %llu, stored_eof = %llu",
                      &has, &base, &wants) == 3) {
        err_set(err, ERR_FORMAT, "%s: truncated HDF5 file: has %llu of %llu bytes", path, has,
                wants);
    } else if (text != NULL) {
        err_set(err, ERR_FORMAT, "%s: truncated HDF5 file (%s)", path, text + strlen(cut));
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
    if (file < 0 && strstr(why->text, "SWMR") != NULL) {
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
                S_ISREG(st.st_mode) ? "empty file" : "not a plain file");
        return NULL;
    }
    scan = scan_new(path, err);
    if (scan == NULL) {
        return NULL;
    }
    scan->file = open_file(path, &why);
    if (scan->file < 0) {
        explain(path, &why, err);
        hdf5_scan_close(scan);
        return NULL;
    }
    return describe(scan, err);
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
    return describe(scan, err);
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
