/*
 * What a file is, from headers and the angles alone: shape, pixel type, chunks that were never
 * written, frames by their image_key, and the first reason why it cannot be reconstructed.
 */
#include "image/hdf5-describe.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include "base/mem.h"
#include "base/str.h"
#include "image/hdf5-error.h"
#include "image/hdf5-writing.h"

/* Longest list of angles or keys that is believed: more than a day of frames at 1 kHz is a damaged
 * header. */
#define MAX_ANGLES ((hsize_t)100000000)

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
        if (info->unallocated && chunk[0] > 0) { /* chunks of one layer cover the same frames */
            hsize_t layers = (dims[0] + chunk[0] - 1) / chunk[0];
            hsize_t each = layers > 0 ? expected / layers : 0;
            size_t frames = each > 0 ? (size_t)(written / each * chunk[0]) : info->frames;
            info->frames = frames < info->frames ? frames : info->frames;
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
    hsize_t most[3] = {0, 0, 0};
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
    hid_t space = H5Dget_space(scan->at.data);
    (void)H5Sget_simple_extent_dims(space, NULL, most);
    hdf5_drop(space);
    info->frames = (size_t)dims[0];
    info->rows = (size_t)dims[1];
    info->columns = (size_t)dims[2];
    info->logical_bytes = bytes;
    describe_storage(scan->at.data, dims, info);
    if (scan->on_disk && most[0] == dims[0] && !info->unallocated && info->missing_filter == 0 &&
        hdf5_in_a_writer(scan->path)) {
        info->frames = hdf5_frames_filled(scan->at.data, info);
        info->unallocated = info->frames < (size_t)dims[0];
    }
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

bool hdf5_describe(struct hdf5_scan *scan)
{
    struct hdf5_scan_info *info = &scan->info;

    info->pixel = SCAN_PIXEL_OTHER;
    info->theta_first_deg = info->theta_last_deg = NAN;
    hdf5_layout_find(scan->file, &scan->at, info->reason, sizeof(info->reason));
    if (scan->at.layout == SCAN_NONE || !describe_data(scan)) {
        return !scan->no_memory;
    }
    if (scan->at.layout == SCAN_NXTOMO) {
        if (!sort_frames(scan)) {
            return !scan->no_memory;
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
    return !scan->no_memory;
}
