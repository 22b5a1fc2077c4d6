/*
 * One tomographic scan in an HDF5 file: Data Exchange (/exchange/data, data_white, data_dark, theta
 * in degrees) or NeXus NXtomo (data, image_key, rotation_angle). Order of calls: hdf5_setup() once,
 * hdf5_scan_open(), look at hdf5_scan_info() (headers only, no pixel is touched), hdf5_scan_ready()
 * when it is to be reconstructed, hdf5_scan_theta() and hdf5_scan_read() as often as wanted,
 * hdf5_scan_close(). One thread.
 */
#ifndef GANTRY_IMAGE_HDF5_SCAN_H
#define GANTRY_IMAGE_HDF5_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum scan_pixel { SCAN_PIXEL_U8, SCAN_PIXEL_U16, SCAN_PIXEL_F32, SCAN_PIXEL_OTHER };
enum scan_layout { SCAN_NONE, SCAN_EXCHANGE, SCAN_NXTOMO };
enum scan_frames { SCAN_PROJECTIONS, SCAN_WHITE, SCAN_DARK };

struct hdf5_scan_info {
    enum scan_layout layout; /* SCAN_NONE: an HDF5 file, but not a scan (kind "other") */
    enum scan_pixel pixel;
    char dtype[24]; /* "uint16", "float32", "int32", ... as stored */
    size_t pixel_bytes;
    size_t frames; /* projections written; unwritten chunks are none */
    size_t angles; /* projections planned: theta's length, or the zeros of image_key */
    size_t rows, columns;
    size_t n_white, n_dark;
    int64_t logical_bytes; /* shape x item size of the data set that holds the projections */
    bool complete;         /* frames >= angles; NXtomo: image_key as long as data */
    bool unallocated;      /* chunks (or the whole contiguous block) were never written */
    bool theta_ok;         /* an angle for each projection, all finite */
    double theta_first_deg, theta_last_deg; /* NaN when theta_ok is false */
    size_t chunk[3];    /* frames, rows, columns of a chunk; 0 when contiguous */
    bool filtered;      /* compressed: chunks must be read whole */
    int missing_filter; /* number of a filter that cannot be loaded here, 0 when none */
    char reason[200]; /* why it is not a scan, or not one that can be reconstructed; "" when all is
                         well */
};

struct hdf5_scan;

/* Once, before any other HDF5 call of the program: no locks (they fail on network file systems and
 * we only read), no messages on stderr. */
void hdf5_setup(void);

/* Open and describe. Fails when the file cannot be read (ERR_IO, ERR_PERM) or is not a whole HDF5
 * file (ERR_FORMAT: not HDF5, truncated, damaged). An HDF5 file that is not a scan opens well:
 * layout is SCAN_NONE. */
struct hdf5_scan *hdf5_scan_open(const char *path, struct err *err) CHECK_RESULT;
/* The same from bytes in memory, which must stay until the scan is closed. */
struct hdf5_scan *hdf5_scan_open_bytes(const char *name, const void *bytes, size_t size,
                                       struct err *err) CHECK_RESULT;
void hdf5_scan_close(struct hdf5_scan *scan);

const struct hdf5_scan_info *hdf5_scan_info(const struct hdf5_scan *scan);

/* Can it be reconstructed? ERR_FORMAT with the reason: not a scan, aborted (frames < angles), theta
 * of another length or not finite, no flat or dark fields, a pixel type that is not read, a filter
 * that is not installed. */
bool hdf5_scan_ready(const struct hdf5_scan *scan, struct err *err) CHECK_RESULT;

/* Angles of the projections in degrees, `frames` of them. Needs theta_ok. */
void hdf5_scan_theta(const struct hdf5_scan *scan, double *ret_theta_deg);

/* A block of frames [first, first + count) x rows [row, row + rows) x columns [column, column +
 * columns). */
struct scan_block {
    enum scan_frames frames;
    size_t first, count;
    size_t row, rows;
    size_t column, columns;
};

/* Read a block as pixels of type `pixel` (the file's own, or SCAN_PIXEL_F32 to have HDF5 convert):
 * ret_pixels[count][rows][columns]. ERR_FORMAT with HDF5's own reason when pixels cannot be read.
 */
bool hdf5_scan_read(struct hdf5_scan *scan, const struct scan_block *block, enum scan_pixel pixel,
                    void *ret_pixels, struct err *err) CHECK_RESULT;

/* Projections that will be read soon: the kernel is asked to fetch them while we compute. Best
 * effort, costs little; does nothing for data that is not on disk as it stands (virtual data sets,
 * files in memory). */
void hdf5_scan_expect(struct hdf5_scan *scan, const struct scan_block *block);

size_t scan_pixel_bytes(enum scan_pixel pixel);

/* Compression plug-ins that scans in the field use: name and number of the i-th, NULL behind the
 * last; is it there? */
const char *hdf5_plugin(size_t i, int *ret_id, bool *ret_here);
/* "1.10.8" */
const char *hdf5_version(char *buffer, size_t size);

#endif
