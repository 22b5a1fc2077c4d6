/*
 * TIFF files of one grey image: written for slices, read back for contact sheets and statistics,
 * checked for publishing. Pixels are row after row from the top; a file is classic TIFF, or BigTIFF
 * once it would pass 4 GiB. No order of calls: each function opens and closes its own file.
 */
#ifndef GANTRY_CODEC_TIFF_FILE_H
#define GANTRY_CODEC_TIFF_FILE_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum tiff_pixel { TIFF_PIXEL_U8, TIFF_PIXEL_U16, TIFF_PIXEL_F32 };

struct tiff_image {
    size_t columns;
    size_t rows;
    enum tiff_pixel pixel;
    const void *pixels;      /* rows x columns, borrowed */
    const char *description; /* ImageDescription, NULL for none */
};

/* Write `image` to `path` (created or replaced; uncompressed, one strip up to 1 GiB). Not synced:
 * whoever publishes the file does that. ERR_DISKFULL, ERR_PERM, ERR_IO name the path; what was
 * written is removed on failure. */
bool tiff_write(const char *path, const struct tiff_image *image, struct err *err) CHECK_RESULT;

/* Read the first image as float32: grey, 8 or 16 bit unsigned or 32 bit float, any compression
 * libtiff knows. The pixels are the caller's (mem_free). ERR_FORMAT for what is not such a TIFF. */
bool tiff_read(const char *path, size_t *ret_columns, size_t *ret_rows, float **ret_pixels,
               struct err *err) CHECK_RESULT;

/* The same in two steps, so that the caller chooses where the pixels go: open, tiff_reader_pixels
 * into rows x columns floats, close (NULL is fine). The file is never mapped: one that is cut short
 * meanwhile is an error and no signal. */
struct tiff_reader;
struct tiff_reader *tiff_reader_open(const char *path, size_t *ret_columns, size_t *ret_rows,
                                     struct err *err) CHECK_RESULT;
bool tiff_reader_pixels(struct tiff_reader *reader, float *ret_pixels,
                        struct err *err) CHECK_RESULT;
void tiff_reader_close(struct tiff_reader *reader);

/* Is the file a whole TIFF? Header, first directory, and every strip or tile within the file;
 * pixels are not read. ERR_FORMAT says what is wrong. */
bool tiff_check(const char *path, struct err *err) CHECK_RESULT;

/* The same for bytes in memory; `name` is for the message. */
bool tiff_check_bytes(const char *name, const void *bytes, size_t size,
                      struct err *err) CHECK_RESULT;

#endif
