/*
 * Runs, then union-find over runs: a run is compared with those of the rows before it that can
 * touch it. Roots are always the run that comes first, so roots in order are parts in order.
 */
#include "math/label.h"

#include <string.h>
#include "base/mem.h"

/* Rows of all slices together, and runs, are counted in 32 bits. */
#define COUNT_MAX ((size_t)UINT32_MAX - 1)

static bool grow(void **block, size_t *room, size_t need, size_t size, struct err *err)
{
    if (need <= *room) {
        return true;
    }
    size_t more = need + need / 2 + 64;
    void *bigger = mem_resize(*block, more, size, err);
    if (!bigger) {
        return false;
    }
    *block = bigger;
    *room = more;
    return true;
}

static bool start(struct labels *l, size_t columns, size_t rows, size_t slices, struct err *err)
{
    size_t all = 0;
    if (columns == 0 || rows == 0 || slices == 0 || columns > COUNT_MAX ||
        __builtin_mul_overflow(rows, slices, &all) || all > COUNT_MAX) {
        return err_set(err, ERR_FORMAT, "no components in %zu x %zu x %zu voxels", columns, rows,
                       slices);
    }
    l->n[0] = columns;
    l->n[1] = rows;
    l->n[2] = slices;
    l->runs = l->parts = 0;
    return grow((void **)&l->row, &l->row_room, all + 1, sizeof *l->row, err);
}

static bool add_run(struct labels *l, size_t row, size_t first, size_t end, struct err *err)
{
    if (l->runs >= COUNT_MAX) {
        return err_set(err, ERR_FORMAT, "more than %zu runs of voxels", COUNT_MAX);
    }
    if (!grow((void **)&l->run, &l->run_room, l->runs + 1, sizeof *l->run, err)) {
        return false;
    }
    l->run[l->runs++] = (struct label_run){(uint32_t)first, (uint32_t)end, (uint32_t)row, 0};
    return true;
}

static uint32_t find(uint32_t *parent, uint32_t at)
{
    while (parent[at] != at) {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    return at;
}

static void unite(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = find(parent, a);
    b = find(parent, b);
    if (a < b) {
        parent[b] = a;
    } else {
        parent[a] = b;
    }
}

/* Runs of two rows that share a column, or with `reach` 1 that meet at a corner. */
static void join_rows(struct labels *l, size_t row_a, size_t row_b, uint32_t reach)
{
    size_t a = l->row[row_a], b = l->row[row_b];
    size_t end_a = l->row[row_a + 1], end_b = l->row[row_b + 1];
    while (a < end_a && b < end_b) {
        const struct label_run *p = &l->run[a], *q = &l->run[b];
        if (p->first < q->end + reach && q->first < p->end + reach) {
            unite(l->parent, (uint32_t)a, (uint32_t)b);
        }
        if (p->end < q->end) {
            a++;
        } else {
            b++;
        }
    }
}

static void join_all(struct labels *l, bool corners)
{
    uint32_t reach = corners;
    for (size_t z = 0; z < l->n[2]; z++) {
        for (size_t y = 0; y < l->n[1]; y++) {
            size_t row = z * l->n[1] + y;
            if (y > 0) {
                join_rows(l, row - 1, row, reach);
            }
            if (z == 0) {
                continue;
            }
            size_t before = row - l->n[1];
            join_rows(l, before, row, reach);
            if (corners && y > 0) {
                join_rows(l, before - 1, row, reach);
            }
            if (corners && y + 1 < l->n[1]) {
                join_rows(l, before + 1, row, reach);
            }
        }
    }
}

static void add_to_part(struct label_part *p, const struct label_run *run, const size_t n[3])
{
    size_t at[3] = {run->first, run->row % n[1], run->row / n[1]};
    size_t last = run->end - 1, length = run->end - run->first;
    if (p->voxels == 0) {
        memcpy(p->low, at, sizeof at);
        memcpy(p->high, at, sizeof at);
    }
    p->voxels += length;
    p->centre[0] += (double)length * ((double)run->first + (double)last) / 2;
    p->high[0] = last > p->high[0] ? last : p->high[0];
    for (size_t i = 0; i < 3; i++) {
        p->low[i] = at[i] < p->low[i] ? at[i] : p->low[i];
        p->high[i] = at[i] > p->high[i] ? at[i] : p->high[i];
        p->centre[i] += i > 0 ? (double)length * (double)at[i] : 0;
    }
}

static bool number_parts(struct labels *l, struct err *err)
{
    for (size_t i = 0; i < l->runs; i++) {
        uint32_t root = find(l->parent, (uint32_t)i);
        if (root == i) {
            if (!grow((void **)&l->part, &l->part_room, l->parts + 1, sizeof *l->part, err)) {
                return false;
            }
            l->part[l->parts] = (struct label_part){0};
            l->run[i].part = (uint32_t)l->parts++;
        } else {
            l->run[i].part = l->run[root].part;
        }
        add_to_part(&l->part[l->run[i].part], &l->run[i], l->n);
    }
    for (size_t k = 0; k < l->parts; k++) {
        struct label_part *p = &l->part[k];
        for (size_t i = 0; i < 3; i++) {
            p->centre[i] /= (double)p->voxels;
            p->border |= (i < 2 || l->n[2] > 1) && (p->low[i] == 0 || p->high[i] + 1 == l->n[i]);
        }
    }
    return true;
}

static bool finish(struct labels *l, bool corners, struct err *err)
{
    if (!grow((void **)&l->parent, &l->parent_room, l->runs, sizeof *l->parent, err)) {
        return false;
    }
    for (size_t i = 0; i < l->runs; i++) {
        l->parent[i] = (uint32_t)i;
    }
    join_all(l, corners);
    return number_parts(l, err);
}

bool labels_bitmap(struct labels *l, const struct bitmap *b, bool corners, struct err *err)
{
    if (!start(l, b->columns, b->rows, 1, err)) {
        return false;
    }
    for (size_t y = 0; y < b->rows; y++) {
        l->row[y] = l->runs;
        size_t x = bitmap_next(b, y, 0, true);
        while (x < b->columns) {
            size_t end = bitmap_next(b, y, x, false);
            if (!add_run(l, y, x, end, err)) {
                return false;
            }
            x = end < b->columns ? bitmap_next(b, y, end, true) : end;
        }
    }
    l->row[b->rows] = l->runs;
    return finish(l, corners, err);
}

bool labels_mask(struct labels *l, const uint8_t *mask, const size_t n[3], bool corners,
                 struct err *err)
{
    if (!start(l, n[0], n[1], n[2], err)) {
        return false;
    }
    for (size_t row = 0; row < n[1] * n[2]; row++) {
        const uint8_t *at = mask + row * n[0];
        l->row[row] = l->runs;
        for (size_t x = 0; x < n[0];) {
            if (!at[x]) {
                x++;
                continue;
            }
            size_t end = x;
            while (end < n[0] && at[end]) {
                end++;
            }
            if (!add_run(l, row, x, end, err)) {
                return false;
            }
            x = end;
        }
    }
    l->row[n[1] * n[2]] = l->runs;
    return finish(l, corners, err);
}

void labels_fini(struct labels *l)
{
    mem_free(l->run);
    mem_free(l->part);
    mem_free(l->row);
    mem_free(l->parent);
    *l = (struct labels){0};
}

void labels_paint(const struct labels *l, uint32_t *ret)
{
    memset(ret, 0, l->n[0] * l->n[1] * l->n[2] * sizeof *ret);
    for (size_t i = 0; i < l->runs; i++) {
        const struct label_run *run = &l->run[i];
        for (size_t x = run->first; x < run->end; x++) {
            ret[(size_t)run->row * l->n[0] + x] = run->part + 1;
        }
    }
}

size_t labels_largest(const struct labels *l, size_t most, size_t *ret_part)
{
    size_t count = 0;
    for (size_t k = 0; k < l->parts; k++) {
        size_t at = count < most ? count : most;
        while (at > 0 && l->part[ret_part[at - 1]].voxels < l->part[k].voxels) {
            if (at < most) {
                ret_part[at] = ret_part[at - 1];
            }
            at--;
        }
        if (at < most) {
            ret_part[at] = k;
            count += count < most;
        }
    }
    return count;
}
