/*
 * A disk is a stack of horizontal segments. A row, widened step by step, is or-ed into the rows
 * above and below it whose segment has that half width: r steps and 2 r + 1 ors a row, 64 pixels at
 * a time. Erosion is dilation of the complement.
 */
#include "math/morph.h"

#include <string.h>
#include "base/mem.h"

void morph_fini(struct morph *m)
{
    bitmap_fini(&m->spare);
    mem_free(m->line);
    labels_fini(&m->labels);
    *m = (struct morph){0};
}

static bool prepare(struct morph *m, const struct bitmap *b, struct err *err)
{
    if (m->spare.columns != b->columns || m->spare.rows != b->rows) {
        bitmap_fini(&m->spare);
        if (!bitmap_new(&m->spare, b->columns, b->rows, err)) {
            return false;
        }
    }
    if (m->line_room < b->stride) {
        uint64_t *line = mem_resize(m->line, b->stride, sizeof *line, err);
        if (!line) {
            return false;
        }
        m->line = line;
        m->line_room = b->stride;
    }
    return true;
}

/* One pixel to the left and to the right. */
static void widen(uint64_t *line, size_t words, uint64_t tail)
{
    uint64_t before = 0;
    for (size_t i = 0; i < words; i++) {
        uint64_t here = line[i], next = i + 1 < words ? line[i + 1] : 0;
        line[i] = here | here << 1 | here >> 1 | before >> 63 | next << 63;
        before = here;
    }
    line[words - 1] &= tail;
}

static bool any(const uint64_t *line, size_t words)
{
    uint64_t all = 0;
    for (size_t i = 0; i < words; i++) {
        all |= line[i];
    }
    return all != 0;
}

static void or_into(struct bitmap *to, size_t row, const uint64_t *line)
{
    uint64_t *out = bitmap_row(to, row);
    for (size_t i = 0; i < to->stride; i++) {
        out[i] |= line[i];
    }
}

/* half[d]: how far the disk reaches left and right in the rows d above and below its middle. */
static void disk(unsigned radius, unsigned half[MORPH_RADIUS_MAX + 1])
{
    for (unsigned d = 0; d <= radius; d++) {
        unsigned x = radius;
        while (x * x + d * d > radius * radius) {
            x--;
        }
        half[d] = x;
    }
}

static void spread(struct morph *m, const struct bitmap *b, unsigned radius)
{
    unsigned half[MORPH_RADIUS_MAX + 1];
    uint64_t tail = b->columns % 64 ? ((uint64_t)1 << b->columns % 64) - 1 : ~(uint64_t)0;
    disk(radius, half);
    memset(m->spare.word, 0, b->rows * b->stride * sizeof *b->word);
    for (size_t y = 0; y < b->rows; y++) {
        if (!any(bitmap_row(b, y), b->stride)) {
            continue;
        }
        memcpy(m->line, bitmap_row(b, y), b->stride * sizeof *m->line);
        unsigned wide = 0;
        for (unsigned d = radius + 1; d-- > 0;) {
            for (; wide < half[d]; wide++) {
                widen(m->line, b->stride, tail);
            }
            if (y >= d) {
                or_into(&m->spare, y - d, m->line);
            }
            if (d > 0 && y + d < b->rows) {
                or_into(&m->spare, y + d, m->line);
            }
        }
    }
}

bool morph_dilate(struct morph *m, struct bitmap *b, unsigned radius, struct err *err)
{
    if (radius > MORPH_RADIUS_MAX) {
        return err_set(err, ERR_USAGE, "a disk of radius %u; at most %u", radius, MORPH_RADIUS_MAX);
    }
    if (!prepare(m, b, err)) {
        return false;
    }
    spread(m, b, radius);
    uint64_t *word = b->word;
    b->word = m->spare.word;
    m->spare.word = word;
    return true;
}

bool morph_erode(struct morph *m, struct bitmap *b, unsigned radius, struct err *err)
{
    bitmap_invert(b);
    bool good = morph_dilate(m, b, radius, err);
    bitmap_invert(b);
    return good;
}

bool morph_close(struct morph *m, struct bitmap *b, unsigned radius, struct err *err)
{
    return morph_dilate(m, b, radius, err) && morph_erode(m, b, radius, err);
}

bool morph_clear_border(struct morph *m, struct bitmap *b, bool corners, struct err *err)
{
    struct labels *l = &m->labels;
    if (!labels_bitmap(l, b, corners, err)) {
        return false;
    }
    for (size_t i = 0; i < l->runs; i++) {
        const struct label_run *run = &l->run[i];
        if (l->part[run->part].border) {
            bitmap_run(b, run->row, run->first, run->end, false);
        }
    }
    return true;
}

bool morph_remove_objects(struct morph *m, struct bitmap *b, size_t least, bool corners,
                          struct err *err)
{
    struct labels *l = &m->labels;
    if (!labels_bitmap(l, b, corners, err)) {
        return false;
    }
    for (size_t i = 0; i < l->runs; i++) {
        const struct label_run *run = &l->run[i];
        if (l->part[run->part].voxels < least) {
            bitmap_run(b, run->row, run->first, run->end, false);
        }
    }
    return true;
}

bool morph_remove_holes(struct morph *m, struct bitmap *b, size_t least, bool corners,
                        struct err *err)
{
    bitmap_invert(b);
    bool good = morph_remove_objects(m, b, least, corners, err);
    bitmap_invert(b);
    return good;
}

bool morph_keep_largest(uint8_t *mask, const size_t n[3], size_t most, bool corners,
                        struct err *err)
{
    struct labels l = {0};
    size_t *largest = mem_array(most, sizeof *largest, err);
    bool good = largest != NULL && labels_mask(&l, mask, n, corners, err);
    size_t kept = good ? labels_largest(&l, most, largest) : 0;

    for (size_t i = 0; i < (good ? l.runs : 0); i++) {
        const struct label_run *run = &l.run[i];
        bool keep = false;
        for (size_t k = 0; k < kept; k++) {
            keep |= largest[k] == run->part;
        }
        if (!keep) {
            memset(mask + (size_t)run->row * n[0] + run->first, 0, run->end - run->first);
        }
    }
    labels_fini(&l);
    mem_free(largest);
    return good;
}
