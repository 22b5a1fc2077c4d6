/*
 * PNG through libpng. libpng leaves by longjmp on errors; the one function that calls it keeps
 * nothing in locals that change after setjmp. Checking walks the chunk chain itself (PNG
 * specification, 5.3): no decoding is needed to know that a file is whole.
 */
#include "codec/png-file.h"
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "codec/mapped.h"

#define SIGNATURE "\x89PNG\r\n\x1a\n"
#define SIGNATURE_SIZE 8u
#define CHUNK_OVERHEAD 12u /* length, type, CRC */
/* A study's picture: 35 ms and 319 KB; libpng's defaults take 115 ms for 306 KB. */
#define LEVEL 3

static void note_error(png_structp png, png_const_charp message)
{
    char *text = png_get_error_ptr(png);

    snprintf(text, 120, "%s", message);
    png_longjmp(png, 1);
}

static void note_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* Rows to `file`; false with errno or `text` set. */
static bool encode(FILE *file, const struct png_picture *picture, char *text)
{
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, text, note_error, note_warning);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);

    if (info == NULL) {
        png_destroy_write_struct(&png, NULL);
        errno = ENOMEM;
        return false;
    }
    if (setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)picture->columns, (png_uint_32)picture->rows, 8,
                 picture->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, LEVEL);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
    png_write_info(png, info);
    for (size_t row = 0; row < picture->rows; row++) {
        png_write_row(png, picture->pixels + row * picture->columns * picture->channels);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return true;
}

bool png_write(const char *path, const struct png_picture *picture, struct err *err)
{
    char text[120] = "";
    FILE *file;
    bool good;
    int saved;

    if (picture->columns == 0 || picture->rows == 0 || picture->columns > 100000 ||
        picture->rows > 100000 || (picture->channels != 1 && picture->channels != 3)) {
        return err_set(err, ERR_FORMAT, "%s: a PNG of %zu x %zu pixels cannot be written", path,
                       picture->columns, picture->rows);
    }
    file = fopen(path, "wbe");
    if (file == NULL) {
        return err_errno(err, errno, "writing %s", path);
    }
    errno = 0;
    good = encode(file, picture, text);
    saved = errno;
    if (fclose(file) != 0 && good) {
        good = false;
        saved = errno;
    }
    if (!good) {
        unlink(path);
        return err_errno(err, saved ? saved : EIO, "writing %s%s%s", path, text[0] ? ": " : "",
                         text);
    }
    return true;
}

static uint32_t big32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool png_check_bytes(const char *name, const void *bytes, size_t size, struct err *err)
{
    const uint8_t *data = bytes;
    size_t at = SIGNATURE_SIZE;
    bool pixels = false;

    if (size < SIGNATURE_SIZE || memcmp(data, SIGNATURE, SIGNATURE_SIZE) != 0) {
        return err_set(err, ERR_FORMAT, "%s: not a PNG", name);
    }
    while (size - at >= CHUNK_OVERHEAD) {
        uint32_t length = big32(data + at);

        if (at == SIGNATURE_SIZE && (memcmp(data + at + 4, "IHDR", 4) != 0 || length != 13)) {
            return err_set(err, ERR_FORMAT, "%s: a PNG without a header", name);
        }
        if (length > size - at - CHUNK_OVERHEAD) {
            break;
        }
        pixels = pixels || memcmp(data + at + 4, "IDAT", 4) == 0;
        if (memcmp(data + at + 4, "IEND", 4) == 0) {
            return pixels ? true : err_set(err, ERR_FORMAT, "%s: a PNG without pixels", name);
        }
        at += CHUNK_OVERHEAD + length;
    }
    return err_set(err, ERR_FORMAT, "%s: truncated PNG: no end within its %zu bytes", name, size);
}

bool png_check(const char *path, struct err *err)
{
    struct mapped mapped = {NULL, 0};
    bool good =
        mapped_open(path, &mapped, err) && png_check_bytes(path, mapped.bytes, mapped.size, err);

    mapped_close(&mapped);
    return good;
}
