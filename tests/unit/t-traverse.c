/* Which voxels a line passes through (REQUIREMENTS P6, density and regions). */
#include "test.h"

#include "math/traverse.h"

struct found {
    size_t voxel[64], n;
};

static bool note(void *arg, size_t voxel)
{
    struct found *f = arg;
    assert_true(f->n < 64);
    f->voxel[f->n++] = voxel;
    return true;
}

static bool first(void *arg, size_t voxel)
{
    *(size_t *)arg = voxel;
    return false;
}

static void lines(void **state)
{
    (void)state;
    static const double affine[3][4] = {{2, 0, 0, 10}, {0, 2, 0, 0}, {0, 0, 2, 0}};
    static const size_t n[3] = {4, 3, 2};
    static const struct {
        float from[3], to[3];
        size_t count, voxel[8];
    } cases[] = {
        {{10, 0, 0}, {16, 0, 0}, 4, {0, 1, 2, 3}},
        {{16, 0, 0}, {10, 0, 0}, 4, {3, 2, 1, 0}},
        {{-90, 4, 2}, {900, 4, 2}, 4, {20, 21, 22, 23}},
        {{12, 2, 2}, {12, 2, 2}, 1, {17}},
        {{10, 0, 0}, {10, 0, 9}, 2, {0, 12}},
        {{10, 0, 5}, {16, 0, 5}, 0, {0}},
        {{10, 0, 0}, {12.2f, 1.8f, 0}, 3, {0, 1, 5}},
        {{8, 9, 0}, {9, 20, 0}, 0, {0}},
        {{10, 0, 0}, {1.8f, 12.2f, 0}, 2, {0, 4}},
    };
    struct traverse t;
    assert_true(traverse_init(&t, n, affine));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct found f = {.n = 0};
        assert_true(traverse_segment(&t, cases[i].from, cases[i].to, note, &f));
        if (f.n != cases[i].count) {
            fail_msg("case %zu: %zu voxels, not %zu", i, f.n, cases[i].count);
        }
        for (size_t k = 0; k < f.n; k++) {
            assert_int_equal(f.voxel[k], cases[i].voxel[k]);
        }
    }
    size_t hit = 99;
    assert_false(traverse_segment(&t, cases[0].from, cases[0].to, first, &hit));
    assert_int_equal(hit, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
