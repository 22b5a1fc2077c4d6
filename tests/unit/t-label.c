/* Packed pictures, connected components and morphology (DESIGN 10, REQUIREMENTS T3). Expectations
 * are counted by hand on small pictures drawn as text. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "math/label.h"
#include "math/morph.h"

/* '#' is set; rows are split by '/'. */
static struct bitmap draw(const char *text)
{
    struct err err = {ERR_NONE, ""};
    struct bitmap b;
    size_t columns = strcspn(text, "/"), rows = 1;
    for (const char *p = text; *p; p++) {
        rows += *p == '/';
    }
    assert_ok(bitmap_new(&b, columns, rows, &err), err);
    for (size_t y = 0; y < rows; y++) {
        for (size_t x = 0; x < columns; x++) {
            bitmap_run(&b, y, x, x + 1, text[y * (columns + 1) + x] == '#');
        }
    }
    return b;
}

static void assert_drawn(const struct bitmap *b, const char *text)
{
    struct str got = STR_INIT;
    for (size_t y = 0; y < b->rows; y++) {
        str_add(&got, y ? "/" : "");
        for (size_t x = 0; x < b->columns; x++) {
            str_addc(&got, bitmap_get(b, x, y) ? '#' : '.');
        }
    }
    assert_string_equal(str_text(&got), text);
    str_fini(&got);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Rows that are no whole number of words: bits stay in their row, and the tail stays empty. */
static void bits(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 7, 63, 64, 65, 128, 130};
    uint32_t seed = 3;
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        enum { ROWS = 5 };
        struct err err = {ERR_NONE, ""};
        struct bitmap b, c;
        float value[130 * ROWS];
        uint8_t byte[130 * ROWS], back[130 * ROWS];
        size_t n = widths[w] * ROWS, below = 0;
        for (size_t i = 0; i < n; i++) {
            value[i] = i % 11 == 3 ? NAN : (float)(next_random(&seed) % 7);
            byte[i] = value[i] < 3;
            below += byte[i];
        }
        assert_ok(bitmap_new(&b, widths[w], ROWS, &err), err);
        assert_ok(bitmap_new(&c, widths[w], ROWS, &err), err);
        bitmap_below(&b, value, 3);
        bitmap_to_bytes(&b, back);
        assert_memory_equal(back, byte, n);
        assert_int_equal(bitmap_count(&b), below);
        bitmap_from_bytes(&c, byte);
        assert_memory_equal(c.word, b.word, b.rows * b.stride * sizeof *b.word);
        bitmap_invert(&b);
        assert_int_equal(bitmap_count(&b), n - below);
        bitmap_run(&b, 2, 0, widths[w], true);
        assert_int_equal(bitmap_next(&b, 2, 0, false), widths[w]);
        bitmap_run(&b, 2, 0, widths[w] - 1, false);
        assert_int_equal(bitmap_next(&b, 2, 0, true), widths[w] - 1);
        bitmap_fini(&b);
        bitmap_fini(&c);
    }
}

/* A spiral is one part however it is walked; corners join only when asked. */
static void parts_of_a_slice(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct labels l = {0};
    struct bitmap b = draw("#.#..../"
                           ".#...##/"
                           "...#.#./"
                           "...####/"
                           "#......");
    uint32_t painted[35];
    size_t largest[3];

    assert_ok(labels_bitmap(&l, &b, false, &err), err);
    assert_int_equal(l.parts, 5);
    labels_paint(&l, painted);
    assert_int_equal(painted[0], 1);
    assert_int_equal(painted[2], 2);
    assert_int_equal(painted[8], 3);
    assert_int_equal(painted[12], 4);
    assert_int_equal(painted[17], 4); /* reached from below */
    assert_int_equal(painted[28], 5);
    assert_int_equal(l.part[3].voxels, 8);
    assert_int_equal(l.part[3].low[0], 3);
    assert_int_equal(l.part[3].high[0], 6);
    assert_int_equal(l.part[3].low[1], 1);
    assert_int_equal(l.part[3].high[1], 3);
    assert_true(l.part[3].border && l.part[0].border && l.part[1].border && !l.part[2].border);
    /* columns 5 6 3 5 3 4 5 6, rows 1 1 2 2 3 3 3 3 */
    assert_true(fabs(l.part[3].centre[0] - 37.0 / 8) < 1e-12);
    assert_true(fabs(l.part[3].centre[1] - 18.0 / 8) < 1e-12);
    assert_int_equal(labels_largest(&l, 3, largest), 3);
    assert_int_equal(largest[0], 3);
    assert_int_equal(largest[1], 0); /* of equal ones the first */
    assert_int_equal(largest[2], 1);

    assert_ok(labels_bitmap(&l, &b, true, &err), err);
    assert_int_equal(l.parts, 3);
    assert_int_equal(l.part[0].voxels, 3);
    assert_true(l.part[0].border);
    labels_fini(&l);
    bitmap_fini(&b);
}

/* Faces, edges and corners between slices. */
static void parts_of_a_volume(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct labels l = {0};
    static const size_t n[3] = {3, 3, 3};
    uint8_t mask[27] = {0};

    mask[0] = mask[13] = mask[26] = 1; /* the diagonal of the cube */
    assert_ok(labels_mask(&l, mask, n, false, &err), err);
    assert_int_equal(l.parts, 3);
    assert_true(!l.part[1].border && l.part[2].border);
    assert_ok(labels_mask(&l, mask, n, true, &err), err);
    assert_int_equal(l.parts, 1);
    assert_true(fabs(l.part[0].centre[2] - 1) < 1e-12);
    mask[22] = mask[4] = 1; /* the middle of the first and last slice touch the middle by a face */
    assert_ok(labels_mask(&l, mask, n, false, &err), err);
    assert_int_equal(l.parts, 3);
    assert_int_equal(l.part[1].voxels, 3);
    assert_int_equal(l.part[1].low[2], 0);
    assert_int_equal(l.part[1].high[2], 2);

    mask[1] = mask[2] = 5;
    assert_ok(morph_keep_largest(mask, n, 1, false, &err), err); /* 0 1 2 4 13 22 and not 26 */
    assert_true(mask[0] && mask[2] && mask[22] && !mask[26]);
    memset(mask, 0, sizeof mask);
    assert_ok(labels_mask(&l, mask, n, true, &err), err);
    assert_int_equal(l.parts, 0);
    labels_fini(&l);
}

/* Flood fill, one voxel at a time, as the plain definition: the same parts with the same numbers on
 * random volumes. */
static size_t flood(const uint8_t *mask, const size_t n[3], bool corners, uint32_t *ret)
{
    size_t total = n[0] * n[1] * n[2], parts = 0;
    size_t *todo = malloc(total * sizeof *todo);
    memset(ret, 0, total * sizeof *ret);
    for (size_t start = 0; start < total; start++) {
        if (!mask[start] || ret[start]) {
            continue;
        }
        size_t open = 0;
        ret[start] = (uint32_t)++parts;
        todo[open++] = start;
        while (open > 0) {
            size_t at = todo[--open];
            long x = (long)(at % n[0]), y = (long)(at / n[0] % n[1]), z = (long)(at / n[0] / n[1]);
            for (int k = 0; k < 27; k++) {
                long dx = k % 3 - 1, dy = k / 3 % 3 - 1, dz = k / 9 - 1;
                long u = x + dx, v = y + dy, w = z + dz;
                if ((!corners && labs(dx) + labs(dy) + labs(dz) > 1) || u < 0 || v < 0 || w < 0 ||
                    u >= (long)n[0] || v >= (long)n[1] || w >= (long)n[2]) {
                    continue;
                }
                size_t to = ((size_t)w * n[1] + (size_t)v) * n[0] + (size_t)u;
                if (mask[to] && !ret[to]) {
                    ret[to] = (uint32_t)parts;
                    todo[open++] = to;
                }
            }
        }
    }
    free(todo);
    return parts;
}

static void same_as_flood_fill(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{17, 13, 9}, {70, 40, 1}, {1, 30, 30}, {5, 1, 40}};
    uint32_t seed = 11;
    struct labels l = {0};
    for (size_t round = 0; round < 24; round++) {
        const size_t *n = sizes[round % 4];
        size_t total = n[0] * n[1] * n[2];
        uint8_t mask[2800];
        uint32_t want[2800], got[2800];
        struct err err = {ERR_NONE, ""};
        for (size_t i = 0; i < total; i++) {
            mask[i] = next_random(&seed) % 100 < 15 + round * 2;
        }
        for (int corners = 0; corners < 2; corners++) {
            assert_ok(labels_mask(&l, mask, n, corners, &err), err);
            assert_int_equal(l.parts, flood(mask, n, corners, want));
            labels_paint(&l, got);
            assert_memory_equal(got, want, total * sizeof *got);
        }
    }
    labels_fini(&l);
}

/* disk(2) and disk(3) as scikit-image draws them, cut at the border. */
static void disks(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct morph m = {0};
    struct bitmap b = draw("........./........./........./........./....#..../"
                           "........./........./........./.........");
    assert_ok(morph_dilate(&m, &b, 3, &err), err);
    assert_drawn(&b,
                 "........./....#..../..#####../..#####../.#######./"
                 "..#####../..#####../....#..../.........");
    assert_ok(morph_erode(&m, &b, 3, &err), err);
    assert_drawn(&b,
                 "........./........./........./........./....#..../"
                 "........./........./........./.........");
    bitmap_fini(&b);
    b = draw("#..../...../...../...../.....");
    assert_ok(morph_dilate(&m, &b, 2, &err), err);
    assert_drawn(&b, "###../##.../#..../...../.....");
    assert_ok(morph_dilate(&m, &b, 0, &err), err);
    assert_drawn(&b, "###../##.../#..../...../.....");
    assert_false(morph_dilate(&m, &b, MORPH_RADIUS_MAX + 1, &err));
    assert_int_equal(err.code, ERR_USAGE);
    bitmap_fini(&b);
    morph_fini(&m);
}

/* Closing fills what the disk does not fit into: a hole, a notch, and the strip along a border,
 * because outside counts as full for the erosion. Agrees with scikit-image's binary_closing. */
static void closing(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct morph m = {0};
    struct bitmap b = draw("......./..###../..#.#../..###../......./..#.#../..#.#../.......");
    assert_ok(morph_close(&m, &b, 1, &err), err);
    assert_drawn(&b, "...#.../..###../..###../..###../...#.../..###../..#.#../.......");
    bitmap_fini(&b);
    b = draw(".#..../.#..../.#..../.#....");
    assert_ok(morph_close(&m, &b, 1, &err), err);
    assert_drawn(&b, "##..../##..../##..../##....");
    bitmap_fini(&b);
    morph_fini(&m);
}

static void small_things(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct morph m = {0};
    static const char *const picture =
        "##......./##..####./....#..#./..#.#..#./....####./.........";
    struct bitmap b = draw(picture);
    /* parts: 4 (touches the border), a ring of 12, 1 */
    assert_ok(morph_remove_objects(&m, &b, 4, false, &err), err);
    assert_drawn(&b, "##......./##..####./....#..#./....#..#./....####./.........");
    assert_ok(morph_remove_objects(&m, &b, 5, false, &err), err);
    assert_drawn(&b, "........./....####./....#..#./....#..#./....####./.........");
    assert_ok(morph_remove_holes(&m, &b, 4, false, &err), err); /* of 4: not fewer than 4 */
    assert_int_equal(bitmap_count(&b), 12);
    assert_ok(morph_remove_holes(&m, &b, 5, false, &err), err);
    assert_int_equal(bitmap_count(&b), 16);
    bitmap_fini(&b);
    b = draw(picture);
    assert_ok(morph_clear_border(&m, &b, true, &err), err);
    assert_drawn(&b, "........./....####./....#..#./..#.#..#./....####./.........");
    bitmap_fini(&b);
    /* Touching the border through a corner only. */
    b = draw("#..../.#.../..#../...../.....");
    assert_ok(morph_clear_border(&m, &b, false, &err), err);
    assert_drawn(&b, "...../.#.../..#../...../.....");
    assert_ok(morph_clear_border(&m, &b, true, &err), err);
    assert_int_equal(bitmap_count(&b), 2);
    bitmap_run(&b, 0, 0, 1, true);
    assert_ok(morph_clear_border(&m, &b, true, &err), err);
    assert_int_equal(bitmap_count(&b), 0);
    bitmap_fini(&b);
    /* A hole at the border is filled too, as scikit-image does. */
    b = draw(".###/####/####/####");
    assert_ok(morph_remove_holes(&m, &b, 2, false, &err), err);
    assert_int_equal(bitmap_count(&b), 16);
    bitmap_fini(&b);
    morph_fini(&m);
}

static bool all_of_it(void *arg, struct err *err)
{
    struct morph m = {0};
    struct bitmap b = {0};
    (void)arg;
    bool good = bitmap_new(&b, 70, 9, err);
    if (good) {
        bitmap_run(&b, 4, 10, 60, true);
        bitmap_run(&b, 6, 20, 30, true);
        good = morph_close(&m, &b, 2, err) && morph_clear_border(&m, &b, true, err) &&
            morph_remove_holes(&m, &b, 2, false, err);
    }
    bitmap_fini(&b);
    morph_fini(&m);
    return good;
}

static void out_of_memory(void **state)
{
    (void)state;
    test_every_failure(all_of_it, NULL);
}

static void no_pixels(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct bitmap b;
    struct labels l = {0};
    static const size_t none[3] = {4, 0, 1};
    assert_false(bitmap_new(&b, 0, 5, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_false(labels_mask(&l, (const uint8_t *)"", none, false, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    labels_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits),
        cmocka_unit_test(parts_of_a_slice),
        cmocka_unit_test(parts_of_a_volume),
        cmocka_unit_test(same_as_flood_fill),
        cmocka_unit_test(disks),
        cmocka_unit_test(closing),
        cmocka_unit_test(small_things),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(no_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
