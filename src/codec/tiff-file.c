/*
 * TIFF through libtiff. Every handle carries its own error handler (libtiff 4.5), so nothing is
 * printed and the first message of a handle becomes the error's text; errno at that moment tells a
 * full disk from bad data.
 */
#include "codec/tiff-file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <tiffio.h>
#include <unistd.h>
#include "base/mem.h"

/* Classic TIFF has 32-bit offsets; leave room for the header and the directory. */
#define CLASSIC_LIMIT ((uint64_t)0xFFFFFFFF - 65536)
/* One strip a file is the fastest to write and read; readers with 32-bit strip sizes stop at 2 GiB.
 */
#define STRIP_LIMIT ((size_t)1 << 30)
/* A directory of a damaged file can ask for any amount of memory. */
#define DIRECTORY_MEMORY ((tmsize_t)1 << 30)

struct complaint {
    char text[320];
    int errno_value;
};

struct bytes {
    const uint8_t *data;
    uint64_t size;
    uint64_t pos;
};

static int complain(TIFF *tif, void *user, const char *module, const char *fmt, va_list args)
{
    struct complaint *c = user;

    (void)tif;
    (void)module;
    if (c->text[0] == '\0') {
        c->errno_value = errno;
        vsnprintf(c->text, sizeof(c->text), fmt, args);
    }
    return 1;
}

static int hush(TIFF *tif, void *user, const char *module, const char *fmt, va_list args)
{
    (void)tif;
    (void)user;
    (void)module;
    (void)fmt;
    (void)args;
    return 1;
}

static TIFFOpenOptions *options_for(struct complaint *c)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();

    c->text[0] = '\0';
    c->errno_value = 0;
    if (options != NULL) {
        TIFFOpenOptionsSetErrorHandlerExtR(options, complain, c);
        TIFFOpenOptionsSetWarningHandlerExtR(options, hush, NULL);
        TIFFOpenOptionsSetMaxSingleMemAlloc(options, DIRECTORY_MEMORY);
    }
    return options;
}

static TIFF *open_with(const char *path, const char *mode, struct complaint *c, struct err *err)
{
    TIFFOpenOptions *options = options_for(c);
    TIFF *tif;

    if (options == NULL) {
        err_set(err, ERR_NOMEM, "opening %s: out of memory", path);
        return NULL;
    }
    errno = 0;
    tif = TIFFOpenExt(path, mode, options);
    TIFFOpenOptionsFree(options);
    if (tif == NULL && c->errno_value != 0 && (mode[0] == 'w' || access(path, R_OK) != 0)) {
        err_errno(err, c->errno_value, "%s", path);
    } else if (tif == NULL) {
        err_set(err, ERR_FORMAT, "%s: not a TIFF: %s", path,
                c->text[0] ? c->text : "cannot be opened");
    }
    return tif;
}

/* ---- writing ---- */

static size_t pixel_bytes(enum tiff_pixel pixel)
{
    return pixel == TIFF_PIXEL_U8 ? 1 : pixel == TIFF_PIXEL_U16 ? 2 : 4;
}

static void set_fields(TIFF *tif, const struct tiff_image *image, size_t rows_per_strip)
{
    TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, (uint32_t)image->columns);
    TIFFSetField(tif, TIFFTAG_IMAGELENGTH, (uint32_t)image->rows);
    TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, (int)pixel_bytes(image->pixel) * 8);
    TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tif, TIFFTAG_SAMPLEFORMAT,
                 image->pixel == TIFF_PIXEL_F32 ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
    TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tif, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
    TIFFSetField(tif, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, (uint32_t)rows_per_strip);
    TIFFSetField(tif, TIFFTAG_SOFTWARE, "gantry " GANTRY_VERSION);
    if (image->description != NULL) {
        TIFFSetField(tif, TIFFTAG_IMAGEDESCRIPTION, image->description);
    }
}

static bool write_strips(TIFF *tif, const struct tiff_image *image, size_t rows_per_strip)
{
    size_t row_bytes = image->columns * pixel_bytes(image->pixel);
    const char *at = image->pixels;
    uint32_t strip = 0;

    for (size_t row = 0; row < image->rows; row += rows_per_strip) {
        size_t rows = image->rows - row < rows_per_strip ? image->rows - row : rows_per_strip;
        /* libtiff's parameter is not const, but uncompressed native pixels are only read. */
        if (TIFFWriteEncodedStrip(tif, strip++, (void *)(uintptr_t)at,
                                  (tmsize_t)(rows * row_bytes)) < 0) {
            return false;
        }
        at += rows * row_bytes;
    }
    return TIFFWriteDirectory(tif) == 1;
}

bool tiff_write(const char *path, const struct tiff_image *image, struct err *err)
{
    size_t row_bytes = image->columns * pixel_bytes(image->pixel);
    size_t rows_per_strip;
    struct complaint c;
    bool good;
    TIFF *tif;

    if (image->columns == 0 || image->rows == 0 || image->columns > UINT32_MAX ||
        image->rows > UINT32_MAX) {
        return err_set(err, ERR_FORMAT, "%s: a TIFF of %zu x %zu pixels cannot be written", path,
                       image->columns, image->rows);
    }
    rows_per_strip = STRIP_LIMIT / row_bytes < image->rows ? STRIP_LIMIT / row_bytes : image->rows;
    rows_per_strip = rows_per_strip > 0 ? rows_per_strip : 1;
    tif = open_with(path, (uint64_t)row_bytes * image->rows > CLASSIC_LIMIT ? "w8" : "w", &c, err);
    if (tif == NULL) {
        return false;
    }
    set_fields(tif, image, rows_per_strip);
    good = write_strips(tif, image, rows_per_strip);
    TIFFClose(tif);
    if (!good || c.text[0] != '\0') {
        unlink(path);
        return err_errno(err, c.errno_value ? c.errno_value : EIO, "writing %s", path);
    }
    return true;
}

/* ---- checking ---- */

/* All strips or tiles named by the first directory must lie within the file. */
static bool check_handle(TIFF *tif, const char *name, uint64_t file_size, struct err *err)
{
    uint32_t columns = 0;
    uint32_t rows = 0;
    uint32_t pieces;

    if (!TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &columns) ||
        !TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &rows) || columns == 0 || rows == 0) {
        return err_set(err, ERR_FORMAT, "%s: a TIFF without an image", name);
    }
    pieces = TIFFIsTiled(tif) ? TIFFNumberOfTiles(tif) : TIFFNumberOfStrips(tif);
    if (pieces == 0) {
        return err_set(err, ERR_FORMAT, "%s: a TIFF without pixels", name);
    }
    for (uint32_t i = 0; i < pieces; i++) {
        int bad = 0;
        uint64_t offset = TIFFGetStrileOffsetWithErr(tif, i, &bad);
        uint64_t count = bad ? 0 : TIFFGetStrileByteCountWithErr(tif, i, &bad);

        if (bad || count == 0) {
            return err_set(err, ERR_FORMAT, "%s: strip %u of %u was never written", name, i + 1,
                           pieces);
        }
        if (offset > file_size || count > file_size - offset) {
            return err_set(err, ERR_FORMAT,
                           "%s: truncated: pixels end at byte %llu, the file has %llu", name,
                           (unsigned long long)offset + count, (unsigned long long)file_size);
        }
    }
    return true;
}

/* Uncompressed strips must hold as many bytes as the image needs. */
static bool check_amount(TIFF *tif, const char *name, struct err *err)
{
    uint16_t compression = COMPRESSION_NONE;
    uint64_t have = 0;

    TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &compression);
    if (compression != COMPRESSION_NONE || TIFFIsTiled(tif)) {
        return true;
    }
    for (uint32_t i = 0; i < TIFFNumberOfStrips(tif); i++) {
        uint64_t count = TIFFGetStrileByteCount(tif, i);

        if (__builtin_add_overflow(have, count, &have)) {
            return err_set(err, ERR_FORMAT, "%s: impossible strip sizes", name);
        }
    }
    uint32_t rows = 0;
    uint16_t planes = 1;
    uint16_t planar = PLANARCONFIG_CONTIG;
    uint64_t need;

    TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &rows);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLESPERPIXEL, &planes);
    TIFFGetFieldDefaulted(tif, TIFFTAG_PLANARCONFIG, &planar);
    if (__builtin_mul_overflow(TIFFScanlineSize64(tif), rows, &need) || need == 0) {
        return err_set(err, ERR_FORMAT, "%s: impossible image size", name);
    }
    if (planar == PLANARCONFIG_SEPARATE && __builtin_mul_overflow(need, planes, &need)) {
        return err_set(err, ERR_FORMAT, "%s: impossible image size", name);
    }
    if (have < need) {
        return err_set(err, ERR_FORMAT, "%s: truncated: has %llu of %llu bytes of pixels", name,
                       (unsigned long long)have, (unsigned long long)need);
    }
    return true;
}

bool tiff_check(const char *path, struct err *err)
{
    struct complaint c;
    struct stat st;
    bool good;
    TIFF *tif;

    if (stat(path, &st) != 0) {
        return err_errno(err, errno, "%s", path);
    }
    tif = open_with(path, "rm", &c, err);
    if (tif == NULL) {
        return false;
    }
    good = check_handle(tif, path, (uint64_t)st.st_size, err) && check_amount(tif, path, err);
    TIFFClose(tif);
    return good;
}

/* ---- bytes in memory as a file ---- */

static tmsize_t bytes_read(thandle_t handle, void *buffer, tmsize_t size)
{
    struct bytes *b = (struct bytes *)handle;
    uint64_t left = b->pos < b->size ? b->size - b->pos : 0;
    uint64_t n = (uint64_t)size < left ? (uint64_t)size : left;

    memcpy(buffer, b->data + (n ? b->pos : 0), (size_t)n);
    b->pos += n;
    return (tmsize_t)n;
}

static tmsize_t bytes_write(thandle_t handle, void *buffer, tmsize_t size)
{
    (void)handle;
    (void)buffer;
    (void)size;
    return -1;
}

static toff_t bytes_seek(thandle_t handle, toff_t offset, int whence)
{
    struct bytes *b = (struct bytes *)handle;

    b->pos = whence == SEEK_CUR ? b->pos + offset : whence == SEEK_END ? b->size + offset : offset;
    return b->pos;
}

static int bytes_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t bytes_size(thandle_t handle)
{
    return ((struct bytes *)handle)->size;
}

static int bytes_map(thandle_t handle, void **ret_base, toff_t *ret_size)
{
    (void)handle;
    (void)ret_base;
    (void)ret_size;
    return 0;
}

static void bytes_unmap(thandle_t handle, void *base, toff_t size)
{
    (void)handle;
    (void)base;
    (void)size;
}

bool tiff_check_bytes(const char *name, const void *bytes, size_t size, struct err *err)
{
    struct bytes b = {bytes, size, 0};
    struct complaint c;
    TIFFOpenOptions *options = options_for(&c);
    bool good;
    TIFF *tif;

    if (options == NULL) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", name);
    }
    tif = TIFFClientOpenExt(name, "rm", (thandle_t)&b, bytes_read, bytes_write, bytes_seek,
                            bytes_close, bytes_size, bytes_map, bytes_unmap, options);
    TIFFOpenOptionsFree(options);
    if (tif == NULL) {
        return err_set(err, ERR_FORMAT, "%s: not a TIFF: %s", name,
                       c.text[0] ? c.text : "cannot be opened");
    }
    good = check_handle(tif, name, size, err) && check_amount(tif, name, err);
    TIFFClose(tif);
    return good;
}

/* ---- reading ---- */

static bool readable_pixel(TIFF *tif, const char *path, enum tiff_pixel *ret, struct err *err)
{
    uint16_t bits = 1;
    uint16_t samples = 1;
    uint16_t format = SAMPLEFORMAT_UINT;

    TIFFGetFieldDefaulted(tif, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLEFORMAT, &format);
    if (samples == 1 && bits == 8 && format == SAMPLEFORMAT_UINT) {
        *ret = TIFF_PIXEL_U8;
    } else if (samples == 1 && bits == 16 && format == SAMPLEFORMAT_UINT) {
        *ret = TIFF_PIXEL_U16;
    } else if (samples == 1 && bits == 32 && format == SAMPLEFORMAT_IEEEFP) {
        *ret = TIFF_PIXEL_F32;
    } else {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: TIFF of %u bits x %u samples, format %u, is not read", path, bits,
                       samples, format);
    }
    if (TIFFIsTiled(tif)) {
        return err_set(err, ERR_UNSUPPORTED, "%s: tiled TIFF is not read", path);
    }
    return true;
}

/* Widen the row in place of its float32 twin, from the end so that nothing is overwritten before it
 * is read. */
static void widen(float *row, enum tiff_pixel pixel, size_t columns)
{
    const uint8_t *u8 = (const uint8_t *)row;
    const uint16_t *u16 = (const uint16_t *)(const void *)row;

    if (pixel == TIFF_PIXEL_F32) {
        return;
    }
    for (size_t i = columns; i-- > 0;) {
        float value = pixel == TIFF_PIXEL_U8 ? (float)u8[i] : (float)u16[i];

        memcpy(&row[i], &value, sizeof(value));
    }
}

struct tiff_reader {
    char *path;
    TIFF *tif;
    struct complaint complaint;
    enum tiff_pixel pixel;
    uint32_t columns, rows;
};

static bool read_rows(struct tiff_reader *r, float *pixels, struct err *err)
{
    size_t columns = r->columns;

    for (uint32_t row = 0; row < r->rows; row++) {
        if (TIFFReadScanline(r->tif, pixels + row * columns, row, 0) != 1) {
            return err_set(err, ERR_FORMAT, "%s: row %u cannot be read: %s", r->path, row,
                           r->complaint.text);
        }
        widen(pixels + row * columns, r->pixel, columns);
    }
    return true;
}

/* Uncompressed floats in this machine's order are the pixels: strips are read straight into them.
 */
static bool plain_floats(TIFF *tif, const struct tiff_reader *r)
{
    uint16_t compression = COMPRESSION_NONE;

    TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &compression);
    return r->pixel == TIFF_PIXEL_F32 && compression == COMPRESSION_NONE && !TIFFIsByteSwapped(tif);
}

static bool read_strips(struct tiff_reader *r, float *pixels, struct err *err)
{
    size_t row_bytes = (size_t)r->columns * sizeof(float);
    uint32_t rows_per_strip = 0;
    char *at = (char *)pixels;

    TIFFGetFieldDefaulted(r->tif, TIFFTAG_ROWSPERSTRIP, &rows_per_strip);
    rows_per_strip = rows_per_strip == 0 || rows_per_strip > r->rows ? r->rows : rows_per_strip;
    for (uint32_t row = 0, strip = 0; row < r->rows; row += rows_per_strip, strip++) {
        uint32_t rows = r->rows - row < rows_per_strip ? r->rows - row : rows_per_strip;
        tmsize_t want = (tmsize_t)(rows * row_bytes);

        if (TIFFReadRawStrip(r->tif, strip, at, want) != want) {
            return err_set(err, ERR_FORMAT, "%s: rows from %u cannot be read: %s", r->path, row,
                           r->complaint.text[0] ? r->complaint.text : "strip too short");
        }
        at += want;
    }
    return true;
}

struct tiff_reader *tiff_reader_open(const char *path, size_t *ret_columns, size_t *ret_rows,
                                     struct err *err)
{
    struct tiff_reader *r;
    struct stat st;

    if (stat(path, &st) != 0) {
        err_errno(err, errno, "%s", path);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) { /* opening a FIFO would wait for its writer */
        err_set(err, ERR_FORMAT, "%s: not a plain file", path);
        return NULL;
    }
    r = mem_zero(sizeof(*r), err);
    if (r == NULL) {
        return NULL;
    }
    r->path = mem_strdup(path, err);
    r->tif = r->path == NULL ? NULL : open_with(path, "rm", &r->complaint, err);
    if (r->tif == NULL || !check_handle(r->tif, path, (uint64_t)st.st_size, err) ||
        !readable_pixel(r->tif, path, &r->pixel, err)) {
        tiff_reader_close(r);
        return NULL;
    }
    TIFFGetField(r->tif, TIFFTAG_IMAGEWIDTH, &r->columns);
    TIFFGetField(r->tif, TIFFTAG_IMAGELENGTH, &r->rows);
    if ((size_t)TIFFScanlineSize(r->tif) != r->columns * pixel_bytes(r->pixel)) {
        err_set(err, ERR_FORMAT, "%s: odd row length", path);
        tiff_reader_close(r);
        return NULL;
    }
    *ret_columns = r->columns;
    *ret_rows = r->rows;
    return r;
}

bool tiff_reader_pixels(struct tiff_reader *r, float *ret_pixels, struct err *err)
{
    return plain_floats(r->tif, r) ? read_strips(r, ret_pixels, err)
                                   : read_rows(r, ret_pixels, err);
}

void tiff_reader_close(struct tiff_reader *r)
{
    if (r != NULL) {
        if (r->tif != NULL) {
            TIFFClose(r->tif);
        }
        mem_free(r->path);
        mem_free(r);
    }
}

bool tiff_read(const char *path, size_t *ret_columns, size_t *ret_rows, float **ret_pixels,
               struct err *err)
{
    size_t columns = 0;
    size_t rows = 0;
    struct tiff_reader *r = tiff_reader_open(path, &columns, &rows, err);
    float *pixels = r == NULL ? NULL : mem_array(columns * rows, sizeof(float), err);
    bool good = pixels != NULL && tiff_reader_pixels(r, pixels, err);

    tiff_reader_close(r);
    if (!good) {
        mem_free(pixels);
        return false;
    }
    *ret_columns = columns;
    *ret_rows = rows;
    *ret_pixels = pixels;
    return true;
}
