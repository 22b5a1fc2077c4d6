/*
 * Pixels of one file. Uncompressed ones are copied, and put right where they are stored in fewer
 * bits or in the other byte order (PS3.5, 8.1.1). Compressed ones are decoded by GDCM, which takes
 * truncated data for whole: so the fragments are counted here before it sees them.
 */
#include <string.h>
#include "base/mem.h"
#include "image/dicom-codec.h"
#include "image/dicom-gdcm.h"
#include "image/dicom-tags.h"
#include "image/dicom.h"

enum voxel dicom_voxel(const struct dicom_pixels *p)
{
    if (p->is_float) {
        return p->bits_allocated == 64 ? VOXEL_F64 : VOXEL_F32;
    }
    return p->bits_allocated == 8 ? (p->is_signed ? VOXEL_I8 : VOXEL_U8)
        : p->bits_allocated == 16 ? (p->is_signed ? VOXEL_I16 : VOXEL_U16)
                                  : (p->is_signed ? VOXEL_I32 : VOXEL_U32);
}

size_t dicom_frame_bytes(const struct dicom_pixels *p)
{
    return p->rows * p->columns * p->samples * (p->bits_allocated / 8);
}

bool dicom_pixels_whole(const struct dicom_pixels *p, struct err *err)
{
    uint64_t wants = (uint64_t)dicom_frame_bytes(p) * p->frames;
    uint64_t has = p->whole > p->at ? p->whole - p->at : 0;
    if (p->compressed) {
        return true;
    }
    has = p->length < has ? p->length : has;
    return has >= wants ||
        err_set(err, ERR_FORMAT, "truncated pixel data: has %llu of %llu bytes",
                (unsigned long long)has, (unsigned long long)wants);
}

/* ---- putting right ---- */

static void swap_pairs(uint8_t *b, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        uint8_t first = b[i];
        b[i] = b[i + 1];
        b[i + 1] = first;
    }
}

static void swap_words(uint8_t *b, size_t n, size_t width)
{
    for (size_t i = 0; i + width <= n; i += width) {
        for (size_t k = 0; k < width / 2; k++) {
            uint8_t first = b[i + k];
            b[i + k] = b[i + width - 1 - k];
            b[i + width - 1 - k] = first;
        }
    }
}

/* Bits outside of BitsStored may hold overlays or nothing of meaning: shift them out on the left,
 * then back, which also spreads the sign. */
#define KEEP_BITS(type, wide, voxels, n, left, right)         \
    for (size_t i_ = 0; i_ < (n); i_++) {                     \
        type *v_ = (type *)(voxels) + i_;                     \
        *v_ = (type)((type)((wide)*v_ << (left)) >> (right)); \
    }

static void keep_stored(const struct dicom_pixels *p, void *voxels, size_t n)
{
    unsigned left = p->bits_allocated - 1 - p->high_bit;
    unsigned right = p->bits_allocated - p->bits_stored;
    if (p->is_float || right == 0) {
        return;
    }
    switch (dicom_voxel(p)) {
    case VOXEL_U8:
        KEEP_BITS(uint8_t, uint8_t, voxels, n, left, right)
        break;
    case VOXEL_I8:
        KEEP_BITS(int8_t, uint8_t, voxels, n, left, right)
        break;
    case VOXEL_U16:
        KEEP_BITS(uint16_t, uint16_t, voxels, n, left, right)
        break;
    case VOXEL_I16:
        KEEP_BITS(int16_t, uint16_t, voxels, n, left, right)
        break;
    case VOXEL_U32:
        KEEP_BITS(uint32_t, uint32_t, voxels, n, left, right)
        break;
    case VOXEL_I32:
        KEEP_BITS(int32_t, uint32_t, voxels, n, left, right)
        break;
    default:
        break;
    }
}

bool dicom_pixels_frame(const struct dicom_pixels *p, const uint8_t *file, size_t size,
                        size_t frame, void *ret_voxels, struct err *err)
{
    struct dicom_pixels here = *p;
    size_t bytes = dicom_frame_bytes(p);
    here.whole = size;
    if (p->compressed || frame >= p->frames) {
        return err_bug(err, "a frame was asked for that is not there");
    }
    if (!dicom_pixels_whole(&here, err)) {
        return false;
    }
    memcpy(ret_voxels, file + p->at + frame * bytes, bytes);
    if (p->swap && p->bits_allocated == 8) {
        swap_pairs(ret_voxels, bytes);
    } else if (p->swap) {
        swap_words(ret_voxels, bytes, p->bits_allocated / 8);
    }
    keep_stored(p, ret_voxels, bytes / (p->bits_allocated / 8));
    return true;
}

/* ---- compressed ---- */

/* The fragments of encapsulated pixels (PS3.5, A.4): all there, and enough for the frames? */
static bool fragments_whole(const struct dicom_pixels *p, const uint8_t *file, size_t size,
                            struct err *err)
{
    struct tags t = {.bytes = file, .size = size, .at = p->at, .open = true};
    struct tags item;
    size_t pieces = 0;
    enum tags_result r;
    if (p->length != TAGS_UNDEFINED) {
        return size >= p->at && p->length <= size - p->at
            ? true
            : err_set(err, ERR_FORMAT, "truncated pixel data: has %zu of %u bytes",
                      size > p->at ? size - p->at : 0, p->length);
    }
    if (p->at > size) {
        return err_set(err, ERR_FORMAT, "truncated pixel data: it is not there");
    }
    while ((r = tags_item(&t, &item)) == TAGS_OK) {
        pieces++;
        t.at = item.open ? item.at : item.size;
    }
    if (r != TAGS_END) {
        return err_set(err, ERR_FORMAT, "truncated pixel data: it ends in piece %zu of the frames",
                       pieces);
    }
    /* the first piece is the table of offsets */
    return pieces > p->frames ||
        err_set(err, ERR_FORMAT, "truncated pixel data: %zu pieces for %zu frames",
                pieces ? pieces - 1 : 0, p->frames);
}

static bool decode(const struct dicom_pixels *p, const uint8_t *file, size_t size, void *ret_voxels,
                   struct err *err)
{
    struct dicom_decoded d = {0};
    size_t bytes = dicom_frame_bytes(p) * p->frames;
    if (!fragments_whole(p, file, size, err) || !dicom_codec_open(err) ||
        !dicom_codec_decode(file, size, ret_voxels, bytes, &d, err)) {
        return false;
    }
    if (d.rows != p->rows || d.columns != p->columns || d.frames != p->frames ||
        d.samples != p->samples || d.bits_allocated != p->bits_allocated ||
        (d.is_signed != 0) != p->is_signed) {
        return err_set(err, ERR_FORMAT,
                       "decodes to %u x %u x %u pixels of %u %s bits, its header promises %zu x "
                       "%zu x %zu of %u %s",
                       d.columns, d.rows, d.frames, d.bits_allocated,
                       d.is_signed ? "signed" : "unsigned", p->columns, p->rows, p->frames,
                       p->bits_allocated, p->is_signed ? "signed" : "unsigned");
    }
    keep_stored(p, ret_voxels, bytes / (p->bits_allocated / 8));
    return true;
}

bool dicom_pixels_read(const struct dicom_pixels *p, const uint8_t *file, size_t size,
                       void *ret_voxels, struct err *err)
{
    if (p->compressed) {
        return decode(p, file, size, ret_voxels, err);
    }
    for (size_t frame = 0; frame < p->frames; frame++) {
        if (!dicom_pixels_frame(p, file, size, frame,
                                (uint8_t *)ret_voxels + frame * dicom_frame_bytes(p), err)) {
            return false;
        }
    }
    return true;
}
