/* One DICOM file (DESIGN 7, U3): header and pixels in every way they are written uncompressed;
 * beginnings and cut files are told apart from whole ones. */
#include "test.h"

#include <math.h>
#include "dicom-make.h"
#include "image/dicom-tags.h"
#include "image/dicom.h"

static struct made made;

static enum dicom_found parse(struct dicom_header *h, struct err *err)
{
    return dicom_header_parse(made.bytes, made.n, made.n, h, err);
}

static void header_of_each_syntax(void **state)
{
    (void)state;
    const struct {
        const char *syntax;
        bool implicit, big;
    } ways[] = {{"1.2.840.10008.1.2.1", false, false},
                {"1.2.840.10008.1.2", true, false},
                {"1.2.840.10008.1.2.2", false, true},
                {"", false, false},
                {"", true, false},
                {"", false, true}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct err err = {0};
        struct dicom_header h;
        int16_t voxels[24];
        const struct made_slice s = {.syntax = ways[i].syntax,
                                     .is_signed = true,
                                     .fill = -5,
                                     .position = {1.5, -2, 30},
                                     .instance = 7};
        made = (struct made){.implicit = ways[i].implicit, .big = ways[i].big};
        made_slice(&made, &s);
        assert_int_equal(parse(&h, &err), DICOM_IMAGE);
        assert_string_equal(h.series_uid, "1.2.3.4");
        assert_string_equal(h.study_uid, "1.2.3");
        assert_string_equal(h.modality, "CT");
        assert_string_equal(h.description, "THORAX 1.0");
        assert_int_equal(h.instance, 7);
        assert_true(h.common.has_position && h.common.position[0] == 1.5 &&
                    h.common.position[2] == 30);
        assert_true(h.common.orientation[4] == 1 && h.common.spacing[1] == 0.7);
        assert_true(h.common.intercept == -1024 && h.common.slope == 1);
        assert_true(h.common.thickness == 2 && isnan(h.common.location));
        assert_int_equal(h.pixels.rows, 4);
        assert_int_equal(h.pixels.columns, 6);
        assert_int_equal(dicom_voxel(&h.pixels), VOXEL_I16);
        assert_ok(dicom_pixels_whole(&h.pixels, &err), err);
        assert_ok(dicom_pixels_read(&h.pixels, made.bytes, made.n, voxels, &err), err);
        assert_int_equal(voxels[0], -5);
        assert_int_equal(voxels[23], 18);
        dicom_header_fini(&h);
    }
}

/* Whatever the length of what was read so far, it is asked for more until the pixels begin. */
static void beginnings(void **state)
{
    (void)state;
    const struct made_slice s = {.instance = 1};
    made = (struct made){0};
    made_slice(&made, &s);
    size_t pixels = made.n - 48;
    for (size_t n = 0; n <= made.n; n++) {
        struct err err = {0};
        struct dicom_header h;
        enum dicom_found found = dicom_header_parse(made.bytes, n, made.n, &h, &err);
        if (n < 132) {
            assert_int_equal(found, DICOM_NOT);
        } else {
            assert_int_equal(found, n < pixels ? DICOM_SHORT : DICOM_IMAGE);
        }
        dicom_header_fini(&h);
        /* the same as a file that is cut there */
        found = dicom_header_parse(made.bytes, n, n, &h, &err);
        if (n >= 132 && n < pixels) {
            assert_true(found == DICOM_DAMAGED || found == DICOM_OTHER);
        } else if (n >= pixels && n < made.n) {
            assert_int_equal(found, DICOM_IMAGE);
            assert_false(dicom_pixels_whole(&h.pixels, &err));
            assert_non_null(strstr(err.text, "truncated pixel data: has "));
            assert_non_null(strstr(err.text, " of 48 bytes"));
        }
        dicom_header_fini(&h);
    }
}

static void read_one(const struct made_slice *s, enum voxel kind, void *ret)
{
    struct err err = {0};
    struct dicom_header h;
    made = (struct made){0};
    made_slice(&made, s);
    assert_int_equal(parse(&h, &err), DICOM_IMAGE);
    assert_int_equal(dicom_voxel(&h.pixels), kind);
    assert_ok(dicom_pixels_read(&h.pixels, made.bytes, made.n, ret, &err), err);
    dicom_header_fini(&h);
}

static void kinds_of_pixels(void **state)
{
    (void)state;
    uint8_t u8[24];
    int8_t i8[24];
    uint16_t u16[24];
    int16_t i16[24];
    uint32_t u32[24];
    int32_t i32[24];
    read_one(&(struct made_slice){.bits = 8, .fill = 250}, VOXEL_U8, u8);
    assert_true(u8[0] == 250 && u8[5] == 255 && u8[6] == 0);
    read_one(&(struct made_slice){.bits = 8, .is_signed = true, .fill = -2}, VOXEL_I8, i8);
    assert_true(i8[0] == -2 && i8[3] == 1);
    read_one(&(struct made_slice){.fill = 65530}, VOXEL_U16, u16);
    assert_true(u16[0] == 65530 && u16[6] == 0);
    read_one(&(struct made_slice){.bits = 32, .fill = 70000}, VOXEL_U32, u32);
    assert_true(u32[1] == 70001);
    read_one(&(struct made_slice){.bits = 32, .is_signed = true, .fill = -70000}, VOXEL_I32, i32);
    assert_true(i32[1] == -69999);
    /* MONOCHROME1 stays as it is stored */
    read_one(&(struct made_slice){.photometric = "MONOCHROME1", .fill = 9}, VOXEL_U16, u16);
    assert_true(u16[0] == 9);
    /* 12 stored bits: what stands above them is no part of the number */
    read_one(&(struct made_slice){.stored = 12, .fill = 0xf00a}, VOXEL_U16, u16);
    assert_true(u16[0] == 10);
    read_one(&(struct made_slice){.stored = 12, .fill = 0x0fff, .is_signed = true}, VOXEL_I16, i16);
    assert_true(i16[0] == -1 && i16[1] == 0);
}

static void group_number(uint32_t sequence, uint32_t tag, const char *text)
{
    made_open(&made, sequence);
    made_open(&made, MADE_ITEM);
    made_text(&made, tag, "DS", text);
    made_end(&made, MADE_ITEM_END);
    made_end(&made, MADE_SEQUENCE_END);
}

static void enhanced(void **state)
{
    (void)state;
    struct err err = {0};
    struct dicom_header h;
    const struct made_slice s = {.no_spacing = true};
    int16_t voxels[48];
    made = (struct made){0};
    made_meta(&made, "1.2.840.10008.1.2.1");
    made_text(&made, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2.1");
    made_pixel_header(&made, &s, "2");
    made_open(&made, 0x52009229);
    made_open(&made, MADE_ITEM);
    group_number(0x00209116, 0x00200037, "0\\1\\0\\0\\0\\-1");
    group_number(0x00289110, 0x00280030, "0.3\\0.4");
    group_number(0x00089215, 0x00280030, "9\\9"); /* of something else */
    made_end(&made, MADE_ITEM_END);
    made_end(&made, MADE_SEQUENCE_END);
    made_open(&made, 0x52009230);
    for (int i = 0; i < 2; i++) {
        made_open(&made, MADE_ITEM);
        group_number(0x00209113, 0x00200032, i == 0 ? "1\\2\\3" : "4\\5\\6");
        group_number(0x00289145, 0x00281053, i == 0 ? "2" : "3");
        made_end(&made, MADE_ITEM_END);
    }
    made_end(&made, MADE_SEQUENCE_END);
    size_t frames_end = made.n;
    made_pixels(&made, &s, 2);
    assert_int_equal(parse(&h, &err), DICOM_IMAGE);
    assert_non_null(h.frames);
    assert_int_equal(h.pixels.frames, 2);
    assert_true(h.frames[0].position[2] == 3 && h.frames[1].position[0] == 4);
    assert_true(h.frames[0].orientation[5] == -1 && h.frames[1].orientation[1] == 1);
    assert_true(h.frames[1].has_spacing && h.frames[1].spacing[1] == 0.4);
    assert_true(h.frames[0].slope == 2 && h.frames[1].slope == 3);
    assert_ok(dicom_pixels_read(&h.pixels, made.bytes, made.n, voxels, &err), err);
    assert_int_equal(voxels[24], 24);
    dicom_header_fini(&h);
    for (size_t n = 132; n < frames_end; n++) {
        assert_int_equal(dicom_header_parse(made.bytes, n, made.n, &h, &err), DICOM_SHORT);
    }
}

static void what_is_no_image(void **state)
{
    (void)state;
    struct err err = {0};
    struct dicom_header h;
    const struct made_slice s = {.bits = 12};
    assert_int_equal(dicom_header_parse((const uint8_t *)"", 0, 0, &h, &err), DICOM_NOT);
    assert_int_equal(
        dicom_header_parse((const uint8_t *)"a text of some length\n", 22, 22, &h, &err),
        DICOM_NOT);
    made = (struct made){0};
    made_meta(&made, "1.2.840.10008.1.2.1"); /* a report */
    made_text(&made, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.11");
    assert_int_equal(parse(&h, &err), DICOM_OTHER);
    made_slice(&made, &s);
    assert_int_equal(parse(&h, &err), DICOM_DAMAGED);
    assert_non_null(strstr(err.text, "pixels of 12 bits"));
    made = (struct made){0};
    made_meta(&made, "1.2.840.10008.1.2.1");
    made_text(&made, 0x00080060, "CS", "CT");
    made_us(&made, 0x00280010, 4);
    made_us(&made, 0x00280100, 16);
    made_head(&made, 0x7fe00010, "OW", 0);
    assert_int_equal(parse(&h, &err), DICOM_DAMAGED);
    assert_non_null(strstr(err.text, "no Columns (0028,0011)"));
}

static void text_is_utf8(void **state)
{
    (void)state;
    const struct {
        const char *set, *text, *want;
    } all[] = {
        {"ISO_IR 144", "\xbe\xb3\xba", "ОГК"}, /* ISO 8859-5 */
        {"ISO_IR 192", "грудь", "грудь"},
        {"", "\xe3\xf0\xf3\xe4\xfc", "грудь"}, /* not declared: Windows-1251 */
        {"ISO_IR 100",
         "f\xfc"
         "r",
         "für"},
        {"\\ISO 2022 IR 144", "\xbe\xb3\xba", "ОГК"},
        {"ISO_IR 192", "\xff\xfe", "??"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct err err = {0};
        struct dicom_header h;
        made = (struct made){0};
        made_meta(&made, "1.2.840.10008.1.2.1");
        made_text(&made, 0x00080005, "CS", all[i].set);
        made_text(&made, 0x0008103e, "LO", all[i].text);
        made_pixel_header(&made, &(struct made_slice){0}, NULL);
        made_pixels(&made, &(struct made_slice){0}, 1);
        assert_int_equal(parse(&h, &err), DICOM_IMAGE);
        assert_string_equal(h.description, all[i].want);
    }
}

/* Sequences in sequences without an end, and lengths that lie. */
static void nonsense(void **state)
{
    (void)state;
    struct err err = {0};
    struct dicom_header h;
    made = (struct made){0};
    made_meta(&made, "1.2.840.10008.1.2.1");
    for (int i = 0; i < 2000; i++) {
        made_open(&made, 0x00400100);
        made_open(&made, MADE_ITEM);
    }
    assert_int_equal(parse(&h, &err), DICOM_DAMAGED);
    made = (struct made){0};
    made_meta(&made, "1.2.840.10008.1.2.1");
    made_head(&made, 0x00080060, "UN", 0xfffffffe);
    assert_int_equal(parse(&h, &err), DICOM_DAMAGED);
    assert_non_null(strstr(err.text, "inside element (0008,0060)"));
    made = (struct made){0};
    made_slice(&made, &(struct made_slice){.rows = 4, .position = {1e300, 0, 0}});
    assert_int_equal(parse(&h, &err), DICOM_IMAGE);
    assert_false(h.common.has_position);
}

static void fragments_are_counted(void **state)
{
    (void)state;
    struct err err = {0};
    struct dicom_header h;
    uint16_t voxels[24];
    made = (struct made){0};
    made_meta(&made, "1.2.840.10008.1.2.5");
    made_pixel_header(&made, &(struct made_slice){0}, NULL);
    made_head(&made, 0x7fe00010, "OB", 0xffffffff);
    made_head(&made, MADE_ITEM, "", 0);
    size_t table = made.n;
    made_head(&made, MADE_ITEM, "", 4);
    made_bytes(&made, "abcd", 4);
    assert_int_equal(parse(&h, &err), DICOM_IMAGE);
    assert_true(h.pixels.compressed);
    assert_false(dicom_pixels_read(&h.pixels, made.bytes, made.n, voxels, &err));
    assert_non_null(strstr(err.text, "truncated pixel data: it ends in piece 2"));
    assert_false(dicom_pixels_read(&h.pixels, made.bytes, made.n - 2, voxels, &err));
    made.n = table;
    made_end(&made, MADE_SEQUENCE_END);
    assert_false(dicom_pixels_read(&h.pixels, made.bytes, made.n, voxels, &err));
    assert_non_null(strstr(err.text, "0 pieces for 1 frames"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_of_each_syntax),
        cmocka_unit_test(beginnings),
        cmocka_unit_test(kinds_of_pixels),
        cmocka_unit_test(enhanced),
        cmocka_unit_test(what_is_no_image),
        cmocka_unit_test(text_is_utf8),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(fragments_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
