/* Volumes (DESIGN 7, geometry is kept): sizes are checked, values and orientation come out right.
 */
#include "test.h"

#include <math.h>
#include <string.h>
#include "image/volume.h"

static void sizes_are_checked(void **state)
{
    (void)state;
    struct err err = {0};
    struct volume v = {0};
    const size_t good[4] = {3, 2, 2, 1};
    const size_t none[4] = {3, 0, 2, 1};
    const size_t large[4] = {1 << 12, 1 << 12, 1 << 10, 1};
    const size_t over[4] = {SIZE_MAX / 2, 3, 1, 1};

    assert_ok(volume_new(&v, good, VOXEL_I16, &err), err);
    assert_int_equal(volume_count(&v), 12);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(((int16_t *)v.voxels)[i], 0);
    }
    assert_true(v.slope == 1 && v.intercept == 0 && v.affine[1][1] == 1);
    volume_fini(&v);
    volume_fini(&v); /* twice is fine */
    assert_false(volume_new(&v, none, VOXEL_U8, &err));
    assert_non_null(strstr(err.text, "is empty"));
    assert_false(volume_new(&v, large, VOXEL_I16, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "more than 8 GiB"));
    assert_false(volume_new(&v, over, VOXEL_F64, &err));
}

/* Every type: the third column of the second row of the second slice holds 5, stored as such. */
static void values_of_every_type(void **state)
{
    (void)state;
    const size_t n[4] = {3, 2, 2, 2};
    const size_t at = ((1 * 2 + 1) * 2 + 1) * 3 + 2;
    for (enum voxel kind = VOXEL_U8; kind <= VOXEL_F64; kind++) {
        struct err err = {0};
        struct volume v;
        float line[3], slice[6];
        double low, high;
        size_t bad;
        assert_ok(volume_new(&v, n, kind, &err), err);
        char *bytes = v.voxels;
        const float f = 5;
        const double d = 5;
        if (kind == VOXEL_F32) {
            memcpy(bytes + at * 4, &f, 4);
        } else if (kind == VOXEL_F64) {
            memcpy(bytes + at * 8, &d, 8);
        } else {
            bytes[at * voxel_bytes(kind)] = 5;
        }
        v.slope = -2;
        v.intercept = 1;
        volume_line(&v, 1, 1, 1, line);
        assert_true(line[0] == 1 && line[1] == 1 && line[2] == -9);
        volume_slice(&v, 1, 1, slice);
        assert_true(slice[0] == 1 && slice[5] == -9);
        volume_slice(&v, 1, 0, slice);
        assert_true(slice[5] == 1);
        volume_range(&v, &low, &high, &bad);
        assert_true(low == -9 && high == 1 && bad == 0);
        volume_fini(&v);
    }
}

static void signs_and_what_is_not_finite(void **state)
{
    (void)state;
    struct err err = {0};
    const size_t n[4] = {4, 1, 1, 1};
    double low, high;
    size_t bad;
    struct volume v;
    assert_ok(volume_new(&v, n, VOXEL_I8, &err), err);
    memcpy(v.voxels, (int8_t[]){-128, 127, -1, 0}, 4);
    volume_range(&v, &low, &high, &bad);
    assert_true(low == -128 && high == 127);
    volume_fini(&v);
    assert_ok(volume_new(&v, n, VOXEL_F32, &err), err);
    memcpy(v.voxels, (float[]){NAN, 2, INFINITY, -3}, 16);
    volume_range(&v, &low, &high, &bad);
    assert_true(low == -3 && high == 2 && bad == 2);
    memcpy(v.voxels, (float[]){NAN, NAN, NAN, NAN}, 16);
    volume_range(&v, &low, &high, &bad);
    assert_true(low == 0 && high == 0 && bad == 4);
    volume_fini(&v);
}

static void orientation_and_spacing(void **state)
{
    (void)state;
    struct volume v = {.affine = {{0, 0, -2, 0}, {0.5, 0, 0, 0}, {0, -3, 0, 0}}};
    struct volume oblique = {
        .affine = {{0.7071, -0.7071, 0, 0}, {0.7071, 0.7071, 0, 0}, {0, 0, 1, 0}}};
    struct volume flat = {.affine = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 0, 0}}};
    char word[4];
    double mm[3];
    volume_orientation(&v, word);
    assert_string_equal(word, "AIL");
    volume_spacing(&v, mm);
    assert_true(mm[0] == 0.5 && mm[1] == 3 && mm[2] == 2);
    volume_orientation(&oblique, word); /* exactly between: each axis is still named once */
    assert_true(word[0] != word[1] && word[2] == 'S' && !strchr(word, '?'));
    volume_orientation(&flat, word);
    assert_string_equal(word, "???");
}

static bool make_one(void *arg, struct err *err)
{
    (void)arg;
    const size_t n[4] = {3, 2, 2, 1};
    struct volume v = {0};
    bool ok = volume_new(&v, n, VOXEL_U8, err);
    volume_fini(&v);
    return ok;
}

static void out_of_memory(void **state)
{
    (void)state;
    test_every_failure(make_one, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(values_of_every_type),
        cmocka_unit_test(signs_and_what_is_not_finite),
        cmocka_unit_test(orientation_and_spacing),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
