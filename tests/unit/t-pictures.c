/* PNG and Excel files: written whole, checked, and cut ones noticed; text made fit for them. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "codec/mapped.h"
#include "codec/png-fast.h"
#include "codec/png-file.h"
#include "codec/utf8.h"
#include "codec/xlsx.h"

typedef bool check_fn(const char *name, const void *bytes, size_t size, struct err *err);

/* The file at `path` is whole, and no longer so when it is cut short by any of a row of amounts. */
static void whole_but_not_cut(const char *path, check_fn *check)
{
    struct err err = {0};
    struct mapped m = {NULL, 0};
    assert_ok(mapped_open(path, &m, &err), err);
    assert_ok(check(path, m.bytes, m.size, &err), err);
    for (size_t cut = 0; cut < m.size; cut += 1 + m.size / 97) {
        uint8_t *copy = mem_zero(cut + 1, &err);
        memcpy(copy, m.bytes, cut);
        assert_false(check("cut", copy, cut, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        mem_free(copy);
    }
    mapped_close(&m);
}

static void png_round(void **state)
{
    (void)state;
    struct err err = {0};
    char *folder = test_folder("png"), *path = mem_printf(&err, "%s/p.png", folder);
    uint8_t pixels[5 * 4 * 3];
    memset(pixels, 7, sizeof pixels);
    struct png_picture rgb = {5, 4, 3, pixels}, grey = {5, 4, 1, pixels}, bad = {5, 4, 2, pixels};
    assert_ok(png_write(path, &rgb, &err), err);
    assert_ok(png_check(path, &err), err);
    assert_ok(png_write(path, &grey, &err), err);
    whole_but_not_cut(path, png_check_bytes);
    assert_false(png_write(path, &bad, &err));
    assert_false(png_write("/nonexistent/p.png", &rgb, &err));
    assert_int_equal(err.code, ERR_IO);
    (void)unlink(path);
    (void)rmdir(folder);
    mem_free(path);
    mem_free(folder);
}

/* The quick PNG is a PNG: whole, and no longer so when it is cut. tests/e2e/test_look.py has others
 * read it. */
static void png_fast_round(void **state)
{
    (void)state;
    struct err err = {0};
    uint8_t pixels[5 * 4], palette[768], *out;
    size_t length = 0;
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = (uint8_t)(i * 13);
    }
    memset(palette, 9, sizeof palette);
    for (int kind = 0; kind < 4; kind++) {
        struct png_fast p = {5, 4, pixels, kind & 1 ? palette : NULL, kind / 2};
        out = mem_zero(png_fast_bound(&p), &err);
        assert_ok(png_fast_encode(&p, out, &length, &err), err);
        assert_true(length <= png_fast_bound(&p));
        assert_ok(png_check_bytes("fast", out, length, &err), err);
        assert_false(png_check_bytes("fast", out, length - 13, &err));
        mem_free(out);
    }
    struct png_fast bad = {0, 4, pixels, NULL, 0};
    assert_int_equal(png_fast_bound(&bad), 0);
    assert_false(png_fast_encode(&bad, NULL, &length, &err));
}

static void workbook_round(void **state)
{
    (void)state;
    struct err err = {0};
    char *folder = test_folder("xlsx"), *path = mem_printf(&err, "%s/t.xlsx", folder);
    struct xlsx *book = xlsx_new(path, &err);
    assert_non_null(book);
    xlsx_sheet(book, "a name with [odd] characters: that is far too long for Excel");
    xlsx_text(book, 0, 0, "имя", true);
    xlsx_text(book, 1, 0, "bad \xFF bytes \x01", false);
    xlsx_number(book, 1, 1, 295.9);
    xlsx_number(book, 1, 2, NAN);
    xlsx_logical(book, 1, 3, true);
    xlsx_width(book, 0, 30);
    xlsx_freeze(book, 1);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_ok(xlsx_save(book, &err), err);
    xlsx_free(book);
    whole_but_not_cut(path, xlsx_check_bytes);
    (void)unlink(path);
    (void)rmdir(folder);
    mem_free(path);
    mem_free(folder);
}

static void workbook_errors(void **state)
{
    (void)state;
    struct err err = {0};
    struct xlsx *book = xlsx_new("/nonexistent/t.xlsx", &err);
    assert_non_null(book);
    xlsx_sheet(book, "a");
    xlsx_text(book, 0, 0, "x", false);
    assert_false(xlsx_save(book, &err));
    assert_non_null(strstr(err.text, "/nonexistent/t.xlsx"));
    xlsx_free(book);
    book = xlsx_new("/tmp/never.xlsx", &err);
    xlsx_sheet(book, "a");
    xlsx_number(book, 99999999, 0, 1); /* below Excel's last row */
    assert_false(xlsx_save(book, &err));
    xlsx_free(book);
}

static void text_is_cleaned(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    utf8_clean(&s,
               "a\x02"
               "b\tc\n\xC3\xA9\xC0\x80\xED\xA0\x80\xF0\x9F\x98\x80\xE2\x82",
               100);
    assert_string_equal(str_text(&s),
                        "a b\tc\n\xC3\xA9"
                        "\xEF\xBF\xBD\xEF\xBF\xBD"
                        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                        "\xF0\x9F\x98\x80"
                        "\xEF\xBF\xBD\xEF\xBF\xBD");
    str_clear(&s);
    utf8_clean(&s, "abcdef", 3);
    assert_string_equal(str_text(&s), "abc");
    str_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_round),       cmocka_unit_test(png_fast_round),
        cmocka_unit_test(workbook_round),  cmocka_unit_test(workbook_errors),
        cmocka_unit_test(text_is_cleaned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
