/* TIFF slices: what is written comes back, and a cut or foreign file is told from a whole one. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "codec/tiff-file.h"

static char *file_in(const char *folder, const char *name)
{
    struct err err;
    char *path = mem_printf(&err, "%s/%s", folder, name);
    assert_non_null(path);
    return path;
}

static void round_trip(enum tiff_pixel pixel, const void *pixels, const float *want)
{
    struct err err = {0};
    char *folder = test_folder("tiff"), *path = file_in(folder, "a b.tiff");
    struct tiff_image image = {3, 2, pixel, pixels, "what it is"};
    size_t columns = 0, rows = 0;
    float *back = NULL;
    assert_ok(tiff_write(path, &image, &err), err);
    assert_ok(tiff_check(path, &err), err);
    assert_ok(tiff_read(path, &columns, &rows, &back, &err), err);
    assert_int_equal(columns, 3);
    assert_int_equal(rows, 2);
    assert_memory_equal(back, want, 6 * sizeof(float));
    mem_free(back);
    (void)unlink(path);
    (void)rmdir(folder);
    mem_free(path);
    mem_free(folder);
}

static void three_types(void **state)
{
    (void)state;
    const uint8_t u8[6] = {0, 1, 2, 3, 4, 255};
    const uint16_t u16[6] = {0, 1, 2, 300, 4, 65535};
    const float f32[6] = {-1.5f, 0, 1e-20f, 3.25f, 4, 1e20f};
    const float from8[6] = {0, 1, 2, 3, 4, 255}, from16[6] = {0, 1, 2, 300, 4, 65535};
    round_trip(TIFF_PIXEL_U8, u8, from8);
    round_trip(TIFF_PIXEL_U16, u16, from16);
    round_trip(TIFF_PIXEL_F32, f32, f32);
}

static void cut_anywhere_is_noticed(void **state)
{
    (void)state;
    struct err err = {0};
    char *folder = test_folder("tiff"), *path = file_in(folder, "a.tif");
    float pixels[12 * 12] = {0};
    struct tiff_image image = {12, 12, TIFF_PIXEL_F32, pixels, NULL};
    static uint8_t bytes[8192];
    assert_ok(tiff_write(path, &image, &err), err);
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, bytes, sizeof bytes);
    close(fd);
    assert_true(size > 12 * 12 * 4);
    assert_ok(tiff_check_bytes("whole", bytes, (size_t)size, &err), err);
    for (size_t cut = 0; cut < 12 * 12 * 4; cut += 7) {
        assert_false(tiff_check_bytes("cut", bytes, cut, &err));
        assert_int_equal(err.code, ERR_FORMAT);
    }
    (void)unlink(path);
    (void)rmdir(folder);
    mem_free(path);
    mem_free(folder);
}

static void errors_have_their_code(void **state)
{
    (void)state;
    struct err err = {0};
    float pixel = 1;
    struct tiff_image image = {1, 1, TIFF_PIXEL_F32, &pixel, NULL},
                      none = {0, 1, TIFF_PIXEL_F32, &pixel, NULL};
    assert_false(tiff_check("/nonexistent/x.tif", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "/nonexistent/x.tif"));
    assert_false(tiff_write("/nonexistent/x.tif", &image, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_false(tiff_write("/tmp/never.tif", &none, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_false(tiff_check("/dev/null", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_types),
        cmocka_unit_test(cut_anywhere_is_noticed),
        cmocka_unit_test(errors_have_their_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
