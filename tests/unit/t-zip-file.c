/* ZIP archives (DESIGN 7, R8): entries come out as they went in, and what is not honest or not
 * whole is refused in one line. */
#include "test.h"

#include <stdlib.h>
#include <unistd.h>
#include "codec/inflate.h"
#include "codec/zip-file.h"
#include "dicom-make.h"

struct fixture {
    char *folder, *path;
    uint8_t *bytes; /* of the archive */
    size_t n;
};

static int setup(void **state)
{
    static struct fixture f;
    struct err err;
    f = (struct fixture){.folder = test_folder("zip")};
    f.path = mem_printf(&err, "%s/a.zip", f.folder);
    assert_non_null(f.path);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    (void)rmdir(f->folder);
    mem_free(f->path);
    mem_free(f->folder);
    free(f->bytes);
    return 0;
}

static void load(struct fixture *f)
{
    FILE *file = fopen(f->path, "rb");
    assert_non_null(file);
    free(f->bytes);
    f->bytes = malloc(1 << 20);
    assert_non_null(f->bytes);
    f->n = fread(f->bytes, 1, 1 << 20, file);
    fclose(file);
}

static void refused_as(struct zip_archive *a, const struct err *err, const char *words)
{
    if (a) {
        fail_msg("not refused: %s", words);
    }
    assert_int_equal(err->code, ERR_FORMAT);
    if (!strstr(err->text, words)) {
        fail_msg("'%s' does not say '%s'", err->text, words);
    }
}

static void entries_come_back(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    static uint8_t noise[50000], back[50000];
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)(i * i >> 3);
    }
    made_zip(f->path, "a folder/noise.bin", noise, sizeof noise);
    made_zip(f->path, "снимок", "x", 1);
    struct zip_archive *a = zip_archive_open(f->path, NULL, &err);
    struct zip_entry_info info;
    size_t n = 0;
    assert_non_null(a);
    assert_int_equal(zip_archive_count(a), 2);
    zip_archive_entry(a, 0, &info);
    assert_string_equal(info.name, "a folder/noise.bin");
    assert_true(info.plain);
    assert_int_equal(info.size, sizeof noise);
    assert_ok(zip_archive_head(a, 0, back, 100, &n, &err), err);
    assert_int_equal(n, 100);
    assert_memory_equal(back, noise, 100);
    assert_ok(zip_archive_read(a, 0, back, &err), err);
    assert_memory_equal(back, noise, sizeof noise);
    zip_archive_entry(a, 1, &info);
    assert_string_equal(info.name, "снимок");
    assert_ok(zip_archive_head(a, 1, back, 100, &n, &err), err);
    assert_int_equal(n, 1);
    assert_ok(zip_archive_read(a, 1, back, &err), err);
    assert_int_equal(back[0], 'x');
    zip_archive_close(a);
    load(f);
    a = zip_archive_open_bytes("inner.zip", f->bytes, f->n, NULL, &err);
    assert_non_null(a);
    assert_ok(zip_archive_read(a, 0, back, &err), err);
    assert_memory_equal(back, noise, sizeof noise);
    zip_archive_close(a);
}

static void names_that_lead_outside(void **state)
{
    struct fixture *f = *state;
    const char *const names[] = {"../x", "/etc/x", "a/../../x", "C:\\x", "a\\..\\x", "\\x", ".."};
    struct err err = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        made_zip(f->path, names[i], "x", 1);
        refused_as(zip_archive_open(f->path, NULL, &err), &err, "leads outside");
        (void)unlink(f->path);
    }
    made_zip(f->path, "a/..b/c..", "x", 1);
    struct zip_archive *a = zip_archive_open(f->path, NULL, &err);
    assert_non_null(a);
    zip_archive_close(a);
}

static void limits_hold(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[300000];
    struct err err = {0};
    struct zip_limits limits = ZIP_LIMITS_DEFAULT;
    made_zip(f->path, "a", zeros, sizeof zeros);
    made_zip(f->path, "b", zeros, sizeof zeros);
    struct zip_archive *a = zip_archive_open(f->path, &limits, &err); /* blank slices are honest */
    assert_non_null(a);
    zip_archive_close(a);
    limits.entries = 1;
    refused_as(zip_archive_open(f->path, &limits, &err), &err, "2 entries, over the limit of 1");
    limits.entries = 2;
    limits.entry_bytes = sizeof zeros - 1;
    refused_as(zip_archive_open(f->path, &limits, &err), &err, "entry 'a' unpacks to 300000 bytes");
    limits.entry_bytes = sizeof zeros;
    limits.total_bytes = 599999;
    refused_as(zip_archive_open(f->path, &limits, &err), &err, "unpacks to 600000 bytes, over");
}

/* Position of the n-th central header (APPNOTE 4.3.12). */
static size_t central(const struct fixture *f, size_t n)
{
    for (size_t i = 0; i + 46 <= f->n; i++) {
        if (memcmp(f->bytes + i, "PK\1\2", 4) == 0 && n-- == 0) {
            return i;
        }
    }
    fail_msg("no central header");
    return 0;
}

static void bombs_and_passwords(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    made_zip(f->path, "a", "hello hello hello hello", 23);
    load(f);
    size_t at = central(f, 0);
    memcpy(f->bytes + at + 24, "\xff\xff\xff\x7f", 4); /* claims to unpack to 2 GiB */
    refused_as(zip_archive_open_bytes("x.zip", f->bytes, f->n, NULL, &err), &err, "ZIP bomb");
    load(f);
    f->bytes[at + 8] |= 1; /* encrypted */
    refused_as(zip_archive_open_bytes("x.zip", f->bytes, f->n, NULL, &err), &err, "encrypted");
    load(f);
    memcpy(f->bytes + at + 20, "\xff\xff\xff\x7f", 4); /* packed size */
    refused_as(zip_archive_open_bytes("x.zip", f->bytes, f->n, NULL, &err), &err,
               "longer than the file");
}

/* Cut at any place, or with any byte changed: refused, or read with its error; never anything but
 * the truth. */
static void damage_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char text[2000], back[2000];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + i * i % 7);
    }
    made_zip(f->path, "a", text, sizeof text);
    load(f);
    for (size_t cut = 0; cut < f->n; cut++) {
        struct zip_archive *a = zip_archive_open_bytes("cut.zip", f->bytes, cut, NULL, &err);
        assert_null(a);
        assert_int_equal(err.code, ERR_FORMAT);
    }
    refused_as(zip_archive_open_bytes("cut.zip", f->bytes, f->n / 2, NULL, &err), &err,
               "truncated or damaged ZIP");
    size_t read = 0;
    for (size_t i = 0; i < f->n; i++) {
        struct zip_entry_info info;
        f->bytes[i] ^= 0x55;
        struct zip_archive *a = zip_archive_open_bytes("odd.zip", f->bytes, f->n, NULL, &err);
        if (a && zip_archive_count(a) == 1) {
            zip_archive_entry(a, 0, &info);
            if (info.size == sizeof text && zip_archive_read(a, 0, back, &err)) {
                assert_memory_equal(back, text, sizeof text);
                read++;
            }
        }
        zip_archive_close(a);
        f->bytes[i] ^= 0x55;
    }
    assert_true(read > 0 && read < f->n / 2);
}

static void what_is_no_zip(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    refused_as(zip_archive_open(f->folder, NULL, &err), &err, "not a plain file");
    assert_null(zip_archive_open(f->path, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    refused_as(zip_archive_open_bytes("t", "text, not a ZIP at all", 22, NULL, &err), &err,
               "not a ZIP");
    assert_false(zip_archive_mine("PK", 2));
    assert_true(zip_archive_mine("PK\3\4", 4));
}

static void inflate_has_a_limit(void **state)
{
    (void)state;
    /* the smallest deflate stream: one empty final block with fixed codes */
    static const uint8_t empty[] = {3, 0};
    static const uint8_t stored[] = {1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c'};
    struct err err = {0};
    uint8_t *out = NULL;
    size_t n = 9;
    assert_ok(inflate_raw(empty, sizeof empty, 10, &out, &n, &err), err);
    assert_int_equal(n, 0);
    mem_free(out);
    assert_ok(inflate_raw(stored, sizeof stored, 3, &out, &n, &err), err);
    assert_memory_equal(out, "abc", 3);
    mem_free(out);
    assert_false(inflate_raw(stored, sizeof stored, 2, &out, &n, &err));
    assert_non_null(strstr(err.text, "more than 2 bytes"));
    assert_false(inflate_raw(stored, 6, 10, &out, &n, &err));
}

static bool open_and_read(void *arg, struct err *err)
{
    char back[100];
    struct zip_archive *a = zip_archive_open(arg, NULL, err);
    bool good = a && zip_archive_read(a, 0, back, err);
    zip_archive_close(a);
    return good;
}

static void out_of_memory(void **state)
{
    struct fixture *f = *state;
    made_zip(f->path, "a", "hello hello hello hello", 23);
    test_every_failure(open_and_read, f->path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_lead_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(bombs_and_passwords, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_zip, setup, teardown),
        cmocka_unit_test(inflate_has_a_limit),
        cmocka_unit_test_setup_teardown(out_of_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
