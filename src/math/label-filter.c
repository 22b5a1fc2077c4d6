/* Only the box around a label is looked at: most labels are small. */
#include "math/label-filter.h"

#include <string.h>
#include "base/mem.h"
#include "math/label.h"

struct extent {
    size_t low[3], n[3];
    bool any;
};

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t most_of(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The box that holds all voxels of the label. */
static struct extent find(const uint8_t *labels, const size_t n[3], uint8_t label)
{
    size_t low[3] = {n[0], n[1], n[2]};
    size_t high[3] = {0, 0, 0};
    struct extent e = {{0, 0, 0}, {0, 0, 0}, false};

    for (size_t row = 0; row < n[1] * n[2]; row++) {
        const uint8_t *at = labels + row * n[0];
        const uint8_t *first = memchr(at, label, n[0]);

        if (first != NULL) {
            const size_t c[3] = {(size_t)(first - at), row % n[1], row / n[1]};
            size_t last = n[0];
            while (at[last - 1] != label) {
                last--;
            }
            for (size_t a = 0; a < 3; a++) {
                low[a] = least_of(low[a], c[a]);
                high[a] = most_of(high[a], a == 0 ? last : c[a] + 1);
            }
            e.any = true;
        }
    }
    for (size_t a = 0; e.any && a < 3; a++) {
        e.low[a] = low[a];
        e.n[a] = high[a] - low[a];
    }
    return e;
}

static uint8_t *row_of(uint8_t *labels, const size_t n[3], const struct extent *e, size_t row)
{
    size_t y = e->low[1] + row % e->n[1];
    size_t z = e->low[2] + row / e->n[1];

    return labels + (z * n[1] + y) * n[0] + e->low[0];
}

static void take_away(uint8_t *labels, const size_t n[3], const struct extent *e,
                      const struct labels *parts, size_t least, bool largest)
{
    size_t best = 0;
    bool any = largest && labels_largest(parts, 1, &best) > 0;

    for (size_t i = 0; i < parts->runs; i++) {
        const struct label_run *run = &parts->run[i];

        if (parts->part[run->part].voxels < least || (any && run->part != best)) {
            memset(row_of(labels, n, e, run->row) + run->first, 0, run->end - run->first);
        }
    }
}

bool label_filter(uint8_t *labels, const size_t n[3], uint8_t label, size_t least, bool largest,
                  struct err *err)
{
    struct labels parts = {.run = NULL};
    const struct extent e = find(labels, n, label);
    uint8_t *mask = NULL;
    bool good = true;

    if (!e.any || label == 0 || (least <= 1 && !largest)) {
        return true;
    }
    mask = mem_array(e.n[0] * e.n[1] * e.n[2], 1, err);
    for (size_t row = 0; mask != NULL && row < e.n[1] * e.n[2]; row++) {
        const uint8_t *from = row_of(labels, n, &e, row);
        for (size_t x = 0; x < e.n[0]; x++) {
            mask[row * e.n[0] + x] = from[x] == label;
        }
    }
    good = mask != NULL && labels_mask(&parts, mask, e.n, true, err);
    if (good) {
        take_away(labels, n, &e, &parts, least, largest);
    }
    labels_fini(&parts);
    mem_free(mask);
    return good;
}
