/* Scans in HDF5: both layouts described and read, and what is wrong with a file said in one line.
 */
#include "test.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "image/hdf5-make.h"
#include "image/hdf5-scan.h"
#include "image/hdf5-volume.h"

#define FRAMES 5
#define ROWS 3
#define COLUMNS 4

struct fixture {
    char *folder, *path;
};

static int setup(void **state)
{
    struct err err = {0};
    struct fixture *f = mem_zero(sizeof *f, &err);
    hdf5_setup();
    f->folder = test_folder("hdf5");
    f->path = mem_printf(&err, "%s/скан 1.h5", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    (void)rmdir(f->folder);
    mem_free(f->path);
    mem_free(f->folder);
    mem_free(f);
    return 0;
}

static uint16_t value_at(size_t frame, size_t row, size_t column)
{
    return (uint16_t)(frame * 100 + row * 10 + column);
}

/* FRAMES projections, `angles` angles; the angle `nan_at` is NaN when it is one of them. */
static void make(const char *path, size_t angles, size_t nan_at)
{
    struct err err = {0};
    double theta[16];
    uint16_t pixels[FRAMES][ROWS][COLUMNS];
    for (size_t i = 0; i < angles; i++) {
        theta[i] = i == nan_at ? NAN : 30.0 * (double)i;
    }
    for (size_t f = 0; f < FRAMES; f++) {
        for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++) {
            pixels[f][i / COLUMNS][i % COLUMNS] = value_at(f, i / COLUMNS, i % COLUMNS);
        }
    }
    struct hdf5_make_spec spec = {FRAMES, ROWS, COLUMNS, 2, 1, theta, angles, SCAN_PIXEL_U16};
    struct hdf5_make *m = hdf5_make_open(path, &spec, &err);
    assert_non_null(m);
    assert_ok(hdf5_make_frames(m, SCAN_PROJECTIONS, 0, FRAMES, pixels, &err), err);
    assert_ok(hdf5_make_frames(m, SCAN_WHITE, 0, 2, pixels, &err), err);
    assert_ok(hdf5_make_frames(m, SCAN_DARK, 0, 1, pixels, &err), err);
    assert_ok(hdf5_make_close(m, &err), err);
}

static void described(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    double theta[FRAMES];
    make(f->path, FRAMES, 99);
    struct hdf5_scan *scan = hdf5_scan_open(f->path, &err);
    assert_non_null(scan);
    const struct hdf5_scan_info *info = hdf5_scan_info(scan);
    assert_int_equal(info->layout, SCAN_EXCHANGE);
    assert_int_equal(info->frames, FRAMES);
    assert_int_equal(info->angles, FRAMES);
    assert_int_equal(info->rows, ROWS);
    assert_int_equal(info->columns, COLUMNS);
    assert_int_equal(info->n_white, 2);
    assert_int_equal(info->n_dark, 1);
    assert_int_equal(info->logical_bytes, FRAMES * ROWS * COLUMNS * 2);
    assert_string_equal(info->dtype, "uint16");
    assert_true(info->complete && info->theta_ok && !info->unallocated);
    assert_string_equal(info->reason, "");
    assert_ok(hdf5_scan_ready(scan, &err), err);
    hdf5_scan_theta(scan, theta);
    assert_true(theta[0] == 0 && theta[4] == 120);
    hdf5_scan_close(scan);
}

static void blocks_are_read(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    make(f->path, FRAMES, 99);
    struct hdf5_scan *scan = hdf5_scan_open(f->path, &err);
    struct scan_block block = {SCAN_PROJECTIONS, 1, 3, 1, 2, 2, 2};
    uint16_t raw[3][2][2];
    float converted[3][2][2];
    assert_ok(hdf5_scan_read(scan, &block, SCAN_PIXEL_U16, raw, &err), err);
    assert_ok(hdf5_scan_read(scan, &block, SCAN_PIXEL_F32, converted, &err), err);
    for (size_t i = 0; i < 12; i++) {
        uint16_t want = value_at(1 + i / 4, 1 + i / 2 % 2, 2 + i % 2);
        assert_int_equal(raw[i / 4][i / 2 % 2][i % 2], want);
        assert_true(converted[i / 4][i / 2 % 2][i % 2] == (float)want);
    }
    struct scan_block outside = {SCAN_PROJECTIONS, 3, 3, 0, 1, 0, 1},
                      beside = {SCAN_WHITE, 0, 1, 0, 1, 3, 2};
    assert_false(hdf5_scan_read(scan, &outside, SCAN_PIXEL_U16, raw, &err));
    assert_false(hdf5_scan_read(scan, &beside, SCAN_PIXEL_U16, raw, &err));
    hdf5_scan_close(scan);
}

/* Open `path`, expect a scan that cannot be used, and why. */
static void refused(const char *path, const char *why)
{
    struct err err = {0};
    struct hdf5_scan *scan = hdf5_scan_open(path, &err);
    if (scan && hdf5_scan_ready(scan, &err)) {
        fail_msg("accepted; expected '%s'", why);
    }
    hdf5_scan_close(scan);
    assert_int_equal(err.code, ERR_FORMAT);
    if (!strstr(err.text, why) || !strstr(err.text, path)) {
        fail_msg("'%s' does not say '%s' and the file", err.text, why);
    }
}

static void angles_must_fit(void **state)
{
    struct fixture *f = *state;
    make(f->path, FRAMES + 4, 99);
    refused(f->path, "5 of 9 projections");
    make(f->path, FRAMES - 1, 99);
    refused(f->path, "4 angles for 5 projections");
    make(f->path, FRAMES, 2);
    refused(f->path, "angle 3 of 5 is not a number");
}

static void cut_files_are_named(void **state)
{
    struct fixture *f = *state;
    make(f->path, FRAMES, 99);
    FILE *file = fopen(f->path, "r+");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    assert_int_equal(truncate(f->path, size * 2 / 3), 0);
    refused(f->path, "truncated HDF5 file: has");
    assert_int_equal(truncate(f->path, 3), 0);
    refused(f->path, "not an HDF5 file");
    assert_int_equal(truncate(f->path, 0), 0);
    refused(f->path, "empty file");
    refused("/dev/null", "not a plain file");
}

static void put(hid_t file, const char *path, hid_t type, size_t rank, const hsize_t *dims,
                const void *data)
{
    hid_t links = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple((int)rank, dims, NULL);
    H5Pset_create_intermediate_group(links, 1);
    hid_t set = H5Dcreate2(file, path, type, space, links, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(set >= 0);
    if (data) {
        assert_true(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    }
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(links);
}

static void nxtomo(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const int key[7] = {2, 1, 0, 0, 3, 0, 1};
    const double angle[7] = {0, 0, 10, 20, 25, 30, 30};
    const hsize_t frames = 7, dims[3] = {7, 1, 2};
    uint8_t pixels[14], got[6];
    for (size_t i = 0; i < 14; i++) {
        pixels[i] = (uint8_t)i;
    }
    hid_t file = H5Fcreate(f->path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put(file, "/entry0000/instrument/detector/data", H5T_NATIVE_UCHAR, 3, dims, pixels);
    put(file, "/entry0000/instrument/detector/image_key", H5T_NATIVE_INT, 1, &frames, key);
    put(file, "/entry0000/sample/rotation_angle", H5T_NATIVE_DOUBLE, 1, &frames, angle);
    H5Fclose(file);
    struct hdf5_scan *scan = hdf5_scan_open(f->path, &err);
    assert_non_null(scan);
    const struct hdf5_scan_info *info = hdf5_scan_info(scan);
    assert_int_equal(info->layout, SCAN_NXTOMO);
    assert_int_equal(info->frames, 3);
    assert_int_equal(info->n_white, 2);
    assert_int_equal(info->n_dark, 1);
    assert_true(info->complete);
    assert_ok(hdf5_scan_ready(scan, &err), err);
    double theta[3];
    hdf5_scan_theta(scan, theta);
    assert_true(theta[0] == 10 && theta[1] == 20 && theta[2] == 30);
    struct scan_block all = {SCAN_PROJECTIONS, 0, 3, 0, 1, 0, 2},
                      white = {SCAN_WHITE, 0, 2, 0, 1, 0, 2};
    assert_ok(hdf5_scan_read(scan, &all, SCAN_PIXEL_U8, got, &err), err);
    assert_true(got[0] == 4 && got[2] == 6 && got[4] == 10 && got[5] == 11);
    assert_ok(hdf5_scan_read(scan, &white, SCAN_PIXEL_U8, got, &err), err);
    assert_true(got[0] == 2 && got[2] == 12);
    hdf5_scan_close(scan);
}

static void what_is_missing_is_named(void **state)
{
    struct fixture *f = *state;
    const hsize_t dims[3] = {2, 2, 2}, flat = 4, angles = 2;
    const double theta[2] = {0, 90};
    hid_t file = H5Fcreate(f->path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    refused(f->path, "has no projections");
    file = H5Fopen(f->path, H5F_ACC_RDWR, H5P_DEFAULT);
    put(file, "/exchange/data", H5T_NATIVE_INT, 3, dims, NULL);
    H5Fclose(file);
    refused(f->path, "has no angles");
    file = H5Fopen(f->path, H5F_ACC_RDWR, H5P_DEFAULT);
    put(file, "/exchange/theta", H5T_NATIVE_DOUBLE, 1, &angles, theta);
    H5Fclose(file);
    refused(f->path, "pixels are int32");
    file = H5Fcreate(f->path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put(file, "/exchange/data", H5T_NATIVE_UCHAR, 1, &flat, NULL);
    put(file, "/exchange/theta", H5T_NATIVE_DOUBLE, 1, &angles, theta);
    H5Fclose(file);
    refused(f->path, "three dimensions");
    file = H5Fcreate(f->path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put(file, "/exchange/data", H5T_NATIVE_UCHAR, 3, dims, "12345678");
    put(file, "/exchange/theta", H5T_NATIVE_DOUBLE, 1, &angles, theta);
    H5Fclose(file);
    refused(f->path, "has no flat fields");
}

static void volumes(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const float slices[4] = {1, 2, 3, 4};
    size_t columns, rows;
    float *back;
    struct hdf5_volume *v = hdf5_volume_create(f->path, 4, 1, 1, 7, &err);
    assert_non_null(v);
    assert_ok(hdf5_volume_write(v, 0, 2, slices, &err), err);
    assert_ok(hdf5_volume_write(v, 2, 2, slices + 2, &err), err);
    assert_false(hdf5_volume_write(v, 3, 2, slices, &err));
    assert_ok(hdf5_volume_finish(v, &err), err);
    hdf5_volume_free(v);
    assert_ok(hdf5_check(f->path, &err), err);
    struct hdf5_volume_info info;
    assert_ok(hdf5_volume_look(f->path, &info, &err), err);
    assert_true(info.slices == 4 && info.done == 4 && info.first == 7);
    assert_ok(hdf5_volume_read(f->path, -1, &columns, &rows, &back, &err), err);
    assert_true(columns == 1 && rows == 1 && back[0] == 3);
    mem_free(back);
    assert_false(hdf5_volume_read(f->path, 4, &columns, &rows, &back, &err));
    assert_int_equal(truncate(f->path, 1000), 0);
    assert_false(hdf5_check(f->path, &err));
    assert_int_equal(err.code, ERR_FORMAT);
}

static bool open_and_close(void *arg, struct err *err)
{
    struct hdf5_scan *scan = hdf5_scan_open(arg, err);
    hdf5_scan_close(scan);
    return scan != NULL;
}

static void out_of_memory(void **state)
{
    struct fixture *f = *state;
    make(f->path, FRAMES, 99);
    test_every_failure(open_and_close, f->path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(described, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(angles_must_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_files_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(nxtomo, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_missing_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(volumes, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
