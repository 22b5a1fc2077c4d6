/* Packed and plain files in order (DESIGN 7, .nii and .nii.gz): both come back, and a cut or
 * damaged one is told from a whole one. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "codec/gzfile.h"

#define BYTES 300000

struct file {
    char *folder, *path;
    unsigned char *bytes;
};

static void begin(struct file *f)
{
    struct err err;
    uint32_t x = 1;
    f->folder = test_folder("gz");
    f->path = mem_printf(&err, "%s/a b.gz", f->folder);
    f->bytes = mem_array(BYTES, 1, &err);
    assert_true(f->path && f->bytes);
    for (size_t i = 0; i < BYTES; i++) {
        x = x * 1664525u + 1013904223u;
        f->bytes[i] = (unsigned char)(x >> 28);
    }
}

static void end(struct file *f)
{
    (void)unlink(f->path);
    (void)rmdir(f->folder);
    mem_free(f->bytes);
    mem_free(f->path);
    mem_free(f->folder);
}

static void put(const struct file *f, int level)
{
    struct err err = {0};
    (void)unlink(f->path);
    struct gz *g = gz_create(f->path, level, &err);
    assert_non_null(g);
    assert_ok(gz_write(g, f->bytes, 1000, &err), err);
    assert_ok(gz_write(g, f->bytes + 1000, BYTES - 1000, &err), err);
    assert_ok(gz_finish(g, &err), err);
    gz_close(g);
}

static bool get(const struct file *f, size_t *ret, struct err *err)
{
    unsigned char *back = mem_array(BYTES + 10, 1, err);
    struct gz *g = gz_open(f->path, err);
    bool ok = back && g && gz_read(g, back, 10, ret, err) &&
        gz_read(g, back + *ret, BYTES, ret, err) && gz_end(g, INT64_MAX, err);
    if (ok) {
        assert_memory_equal(back, f->bytes, *ret + 10);
    }
    gz_close(g);
    mem_free(back);
    return ok;
}

static void round_trip(void **state)
{
    (void)state;
    for (int level = 0; level <= 9; level += 3) {
        struct err err = {0};
        struct file f;
        size_t n = 0;
        begin(&f);
        put(&f, level);
        assert_ok(get(&f, &n, &err), err);
        assert_int_equal(n, BYTES - 10);
        struct gz *g = gz_open(f.path, &err);
        assert_int_equal(gz_packed(g), level > 0);
        assert_true(level > 0 ? gz_disk_bytes(g) < BYTES : gz_disk_bytes(g) == BYTES);
        gz_close(g);
        assert_null(gz_create(f.path, level, &err)); /* never over another file */
        end(&f);
    }
}

static void cut_and_damaged(void **state)
{
    (void)state;
    struct err err = {0};
    struct file f;
    size_t n = 0;
    begin(&f);
    put(&f, 6);
    int fd = open(f.path, O_RDWR);
    off_t size = lseek(fd, -6, SEEK_END) + 6;
    assert_int_equal(write(fd, "\x55", 1), 1); /* inside the checksum */
    assert_false(get(&f, &n, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "damaged"));
    close(fd);
    put(&f, 6);
    fd = open(f.path, O_RDWR);
    for (off_t left = size - 1; left > 20; left -= size / 7) {
        assert_int_equal(ftruncate(fd, left), 0);
        assert_false(get(&f, &n, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        assert_non_null(strstr(err.text, "cut short"));
    }
    close(fd);
    end(&f);
}

static void what_is_no_file(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(gz_open("/nonexistent/x", &err));
    assert_int_equal(err.code, ERR_IO);
    assert_null(gz_open("/tmp", &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_null(gz_open("/dev/null", &err));
    assert_null(gz_create("/nonexistent/x", 1, &err));
    assert_int_equal(err.code, ERR_IO);
    gz_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(cut_and_damaged),
        cmocka_unit_test(what_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
