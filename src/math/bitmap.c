/* One bit a pixel. Work is done a word at a time; the tail of a row's last word stays 0. */
#include "math/bitmap.h"

#include <string.h>
#include "base/mem.h"

#define SIDE_MAX ((size_t)1 << 31)

/* The bits of a row's last word that are columns. */
static uint64_t tail_mask(size_t columns)
{
    return columns % 64 ? ((uint64_t)1 << columns % 64) - 1 : ~(uint64_t)0;
}

bool bitmap_new(struct bitmap *ret, size_t columns, size_t rows, struct err *err)
{
    if (columns == 0 || rows == 0 || columns > SIDE_MAX || rows > SIDE_MAX) {
        return err_set(err, ERR_FORMAT, "a picture of %zu x %zu pixels", columns, rows);
    }
    size_t stride = (columns + 63) / 64;
    uint64_t *word = mem_array(rows * stride, sizeof *word, err);
    if (!word) {
        return false;
    }
    *ret = (struct bitmap){columns, rows, stride, word};
    return true;
}

void bitmap_fini(struct bitmap *b)
{
    mem_free(b->word);
    *b = (struct bitmap){0};
}

/* Up to 64 flags of 0 or 1 into bits. Eight bytes, the first lowest, come together in the top byte
 * of their product with this constant. */
static uint64_t gather_bits(const uint8_t flag[64])
{
    uint64_t bits = 0;
    for (size_t i = 0; i < 8; i++) {
        uint64_t eight;
        memcpy(&eight, flag + 8 * i, sizeof eight);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        eight = __builtin_bswap64(eight);
#endif
        bits |= (eight * 0x0102040810204080u >> 56) << 8 * i;
    }
    return bits;
}

static uint64_t below_64(const float *values, float limit)
{
    uint8_t flag[64];
    for (size_t i = 0; i < 64; i++) {
        flag[i] = values[i] < limit;
    }
    return gather_bits(flag);
}

void bitmap_below(struct bitmap *b, const float *values, float limit)
{
    for (size_t y = 0; y < b->rows; y++) {
        uint64_t *row = bitmap_row(b, y);
        const float *from = values + y * b->columns;
        size_t x = 0;
        for (; x + 64 <= b->columns; x += 64) {
            row[x / 64] = below_64(from + x, limit);
        }
        if (x < b->columns) {
            uint8_t flag[64] = {0};
            for (size_t i = 0; x + i < b->columns; i++) {
                flag[i] = from[x + i] < limit;
            }
            row[x / 64] = gather_bits(flag);
        }
    }
}

void bitmap_from_bytes(struct bitmap *b, const uint8_t *bytes)
{
    for (size_t y = 0; y < b->rows; y++) {
        const uint8_t *from = bytes + y * b->columns;
        for (size_t x = 0; x < b->columns; x += 64) {
            uint8_t flag[64] = {0};
            for (size_t i = 0; i < 64 && x + i < b->columns; i++) {
                flag[i] = from[x + i] != 0;
            }
            bitmap_row(b, y)[x / 64] = gather_bits(flag);
        }
    }
}

void bitmap_to_bytes(const struct bitmap *b, uint8_t *ret)
{
    for (size_t y = 0; y < b->rows; y++) {
        for (size_t x = 0; x < b->columns; x += 64) {
            uint64_t bits = bitmap_row(b, y)[x / 64];
            size_t count = b->columns - x < 64 ? b->columns - x : 64;
            for (size_t i = 0; i < count; i++) {
                ret[y * b->columns + x + i] = bits >> i & 1;
            }
        }
    }
}

void bitmap_copy(struct bitmap *to, const struct bitmap *from)
{
    memcpy(to->word, from->word, from->rows * from->stride * sizeof *from->word);
}

void bitmap_invert(struct bitmap *b)
{
    uint64_t tail = tail_mask(b->columns);
    for (size_t i = 0; i < b->rows * b->stride; i++) {
        b->word[i] = ~b->word[i];
    }
    for (size_t y = 0; y < b->rows; y++) {
        bitmap_row(b, y)[b->stride - 1] &= tail;
    }
}

void bitmap_run(struct bitmap *b, size_t row, size_t first, size_t end, bool on)
{
    uint64_t *word = bitmap_row(b, row);
    while (first < end) {
        size_t low = first % 64, count = end - first < 64 - low ? end - first : 64 - low;
        uint64_t bits = (count == 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1) << low;
        word[first / 64] = on ? word[first / 64] | bits : word[first / 64] & ~bits;
        first += count;
    }
}

size_t bitmap_count(const struct bitmap *b)
{
    size_t count = 0;
    for (size_t i = 0; i < b->rows * b->stride; i++) {
        count += (size_t)__builtin_popcountll(b->word[i]);
    }
    return count;
}

size_t bitmap_next(const struct bitmap *b, size_t row, size_t from, bool on)
{
    const uint64_t *word = bitmap_row(b, row);
    uint64_t flip = on ? 0 : ~(uint64_t)0, keep = ~(uint64_t)0 << from % 64;
    for (size_t i = from / 64; i < b->stride; i++) {
        uint64_t bits = (word[i] ^ flip) & keep;
        if (bits) {
            size_t at = i * 64 + (size_t)__builtin_ctzll(bits);
            return at < b->columns ? at : b->columns;
        }
        keep = ~(uint64_t)0;
    }
    return b->columns;
}
