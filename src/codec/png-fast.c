/*
 * A PNG by hand (PNG specification, 5 and 10) around libdeflate, which is several times faster than
 * the zlib below libpng: signature, IHDR, PLTE, one IDAT, IEND. Stored rows are not filtered,
 * compressed ones are filtered "Up" (9.2), which suits slices with smooth ground.
 */
#include "codec/png-fast.h"
#include <libdeflate.h>
#include <string.h>
#include "base/mem.h"

#define SIGNATURE "\x89PNG\r\n\x1a\n"
#define SIGNATURE_SIZE 8u
#define CHUNK_OVERHEAD 12u /* length, type, CRC */
#define PALETTE_SIZE 768u
#define SIDE_MAX 100000u
/* A chunk's length has 31 bits. */
#define IDAT_MAX ((size_t)0x7fffffff)

enum { FILTER_NONE, FILTER_UP = 2 };

static size_t raw_size(const struct png_fast *p)
{
    return p->rows * (p->columns + 1);
}

size_t png_fast_bound(const struct png_fast *p)
{
    size_t data;

    if (p->columns == 0 || p->rows == 0 || p->columns > SIDE_MAX || p->rows > SIDE_MAX) {
        return 0;
    }
    data = libdeflate_zlib_compress_bound(NULL, raw_size(p));
    if (data > IDAT_MAX) {
        return 0;
    }
    return SIGNATURE_SIZE + 4 * CHUNK_OVERHEAD + 13 + PALETTE_SIZE + data;
}

static void put32(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* A chunk whose data already stands at at + 8; returns where the next one begins. */
static uint8_t *end_chunk(uint8_t *at, const char *type, size_t length)
{
    put32(at, length);
    memcpy(at + 4, type, 4);
    put32(at + 8 + length, libdeflate_crc32(0, at + 4, length + 4));
    return at + CHUNK_OVERHEAD + length;
}

static void filter_up(const uint8_t *restrict row, const uint8_t *restrict above, size_t n,
                      uint8_t *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)(row[i] - above[i]);
    }
}

/* Rows with their filter bytes in front. */
static void lay_out(const struct png_fast *p, uint8_t *raw)
{
    for (size_t y = 0; y < p->rows; y++) {
        const uint8_t *row = p->pixels + y * p->columns;
        uint8_t *out = raw + y * (p->columns + 1);

        if (p->level == 0 || y == 0) {
            out[0] = FILTER_NONE;
            memcpy(out + 1, row, p->columns);
        } else {
            out[0] = FILTER_UP;
            filter_up(row, row - p->columns, p->columns, out + 1);
        }
    }
}

bool png_fast_encode(const struct png_fast *p, void *out, size_t *ret_length, struct err *err)
{
    struct libdeflate_compressor *deflate = libdeflate_alloc_compressor(p->level);
    size_t bound = png_fast_bound(p);
    uint8_t *raw = bound == 0 ? NULL : mem_big(raw_size(p), 1, err);
    uint8_t *at = out;
    size_t length = 0;

    if (bound == 0) {
        err_set(err, ERR_FORMAT, "a PNG of %zu x %zu pixels cannot be made", p->columns, p->rows);
    } else if (deflate == NULL) {
        err_set(err, ERR_NOMEM, "out of memory");
    } else if (raw != NULL) {
        lay_out(p, raw);
        memcpy(at, SIGNATURE, SIGNATURE_SIZE);
        at += SIGNATURE_SIZE;
        put32(at + 8, p->columns);
        put32(at + 12, p->rows);
        /* 8 bits; grey or palette; deflate, filters, no interlacing */
        memcpy(at + 16, p->palette != NULL ? "\x08\x03\0\0\0" : "\x08\0\0\0\0", 5);
        at = end_chunk(at, "IHDR", 13);
        if (p->palette != NULL) {
            memcpy(at + 8, p->palette, PALETTE_SIZE);
            at = end_chunk(at, "PLTE", PALETTE_SIZE);
        }
        length = libdeflate_zlib_compress(deflate, raw, raw_size(p), at + 8,
                                          libdeflate_zlib_compress_bound(NULL, raw_size(p)));
        if (length == 0) {
            err_bug(err, "libdeflate's bound was too small");
        } else {
            at = end_chunk(at, "IDAT", length);
            at = end_chunk(at, "IEND", 0);
            *ret_length = (size_t)(at - (uint8_t *)out);
        }
    }
    mem_free(raw);
    libdeflate_free_compressor(deflate);
    return length > 0;
}
