/*
 * DICOM and ZIP files made by a test: elements are written one by one, in the way (explicit or
 * implicit VR, little or big endian) that the maker is set to. Include test.h first.
 */
#ifndef GANTRY_DICOM_MAKE_H
#define GANTRY_DICOM_MAKE_H

#include <stdio.h>
#include <string.h>
#include <zip.h>

#define MADE_MAX ((size_t)1 << 18)

struct made {
    uint8_t bytes[MADE_MAX];
    size_t n;
    bool implicit, big;
};

static inline void made_bytes(struct made *m, const void *bytes, size_t n)
{
    assert_true(m->n + n <= MADE_MAX);
    memcpy(m->bytes + m->n, bytes, n);
    m->n += n;
}

static inline void made_u16(struct made *m, unsigned value)
{
    const uint8_t little[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    const uint8_t big[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    made_bytes(m, m->big ? big : little, 2);
}

static inline void made_u32(struct made *m, uint32_t value)
{
    made_u16(m, m->big ? value >> 16 : value & 0xffff);
    made_u16(m, m->big ? value & 0xffff : value >> 16);
}

/* The head of an element; its value follows. */
static inline void made_head(struct made *m, uint32_t tag, const char *vr, uint32_t length)
{
    bool wide = strstr("OB OW OF OD SQ UN UT", vr) != NULL;
    made_u16(m, tag >> 16);
    made_u16(m, tag & 0xffff);
    if (m->implicit || tag >> 16 == 0xfffe) {
        made_u32(m, length);
        return;
    }
    made_bytes(m, vr, 2);
    if (wide) {
        made_u16(m, 0);
        made_u32(m, length);
    } else {
        made_u16(m, length);
    }
}

static inline void made_text(struct made *m, uint32_t tag, const char *vr, const char *text)
{
    size_t n = strlen(text);
    made_head(m, tag, vr, (uint32_t)(n + n % 2));
    made_bytes(m, text, n);
    made_bytes(m, strcmp(vr, "UI") == 0 ? "\0" : " ", n % 2);
}

static inline void made_us(struct made *m, uint32_t tag, unsigned value)
{
    made_head(m, tag, "US", 2);
    made_u16(m, value);
}

/* A sequence or an item of undefined length, and the ends of them. */
static inline void made_open(struct made *m, uint32_t tag)
{
    made_head(m, tag, "SQ", 0xffffffff);
}
#define MADE_ITEM 0xfffee000u
#define MADE_ITEM_END 0xfffee00du
#define MADE_SEQUENCE_END 0xfffee0ddu

static inline void made_end(struct made *m, uint32_t tag)
{
    made_head(m, tag, "", 0);
}

/* Preamble and meta header, always explicit and little. */
static inline void made_meta(struct made *m, const char *transfer_syntax)
{
    static const uint8_t preamble[128];
    struct made saved = {.implicit = m->implicit, .big = m->big};
    m->implicit = m->big = false;
    made_bytes(m, preamble, sizeof preamble);
    made_bytes(m, "DICM", 4);
    made_text(m, 0x00020010, "UI", transfer_syntax);
    m->implicit = saved.implicit;
    m->big = saved.big;
}

/* What a slice of the tests is; a field left zero has the usual value. */
struct made_slice {
    const char *syntax; /* NULL: explicit little endian; "": no meta header */
    const char *series, *uid, *orientation, *spacing, *slope, *intercept;
    const char *photometric;
    double position[3];
    bool no_position, no_orientation, no_spacing, no_series;
    int instance;
    unsigned rows, columns, samples, bits, stored;
    bool is_signed;
    int fill;       /* every pixel is fill + its number */
    size_t missing; /* bytes left out at the end */
};

static inline void made_geometry(struct made *m, const struct made_slice *s)
{
    char text[100];
    (void)snprintf(text, sizeof text, "%d", s->instance);
    if (!s->no_series) {
        made_text(m, 0x0020000d, "UI", "1.2.3");
        made_text(m, 0x0020000e, "UI", s->series ? s->series : "1.2.3.4");
    }
    made_text(m, 0x00200013, "IS", text);
    (void)snprintf(text, sizeof text, "%.6g\\%.6g\\%.6g", s->position[0], s->position[1],
                   s->position[2]);
    if (!s->no_position) {
        made_text(m, 0x00200032, "DS", text);
    }
    if (!s->no_orientation) {
        made_text(m, 0x00200037, "DS", s->orientation ? s->orientation : "1\\0\\0\\0\\1\\0");
    }
}

static inline void made_pixel_header(struct made *m, const struct made_slice *s, const char *frames)
{
    unsigned bits = s->bits ? s->bits : 16, stored = s->stored ? s->stored : bits;
    made_us(m, 0x00280002, s->samples ? s->samples : 1);
    made_text(m, 0x00280004, "CS", s->photometric ? s->photometric : "MONOCHROME2");
    if (frames) {
        made_text(m, 0x00280008, "IS", frames);
    }
    made_us(m, 0x00280010, s->rows ? s->rows : 4);
    made_us(m, 0x00280011, s->columns ? s->columns : 6);
    if (!s->no_spacing) {
        made_text(m, 0x00280030, "DS", s->spacing ? s->spacing : "0.5\\0.7");
    }
    made_us(m, 0x00280100, bits);
    made_us(m, 0x00280101, stored);
    made_us(m, 0x00280102, stored - 1);
    made_us(m, 0x00280103, s->is_signed);
    made_text(m, 0x00281052, "DS", s->intercept ? s->intercept : "-1024");
    made_text(m, 0x00281053, "DS", s->slope ? s->slope : "1");
}

static inline void made_pixels(struct made *m, const struct made_slice *s, size_t frames)
{
    unsigned bits = s->bits ? s->bits : 16;
    size_t n = (size_t)(s->rows ? s->rows : 4) * (s->columns ? s->columns : 6) *
        (s->samples ? s->samples : 1) * frames;
    made_head(m, 0x7fe00010, "OW", (uint32_t)(n * bits / 8));
    for (size_t i = 0; i < n; i++) {
        uint32_t value = (uint32_t)(s->fill + (int)i);
        if (bits == 8) {
            const uint8_t byte = (uint8_t)value;
            made_bytes(m, &byte, 1);
        } else if (bits == 16) {
            made_u16(m, value & 0xffff);
        } else {
            made_u32(m, value);
        }
    }
    m->n -= s->missing;
}

static inline void made_slice(struct made *m, const struct made_slice *s)
{
    char uid[80];
    m->n = 0;
    if (!s->syntax || s->syntax[0] != '\0') {
        made_meta(m, s->syntax ? s->syntax : "1.2.840.10008.1.2.1");
    }
    (void)snprintf(uid, sizeof uid, "1.2.3.4.5.%d", s->instance);
    made_text(m, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    made_text(m, 0x00080018, "UI", s->uid ? s->uid : uid);
    made_text(m, 0x00080060, "CS", "CT");
    made_text(m, 0x0008103e, "LO", "THORAX 1.0");
    made_text(m, 0x00180050, "DS", "2");
    made_geometry(m, s);
    made_pixel_header(m, s, NULL);
    made_pixels(m, s, 1);
}

static inline void made_save(const struct made *m, const char *folder, const char *name)
{
    struct err err;
    char *path = mem_printf(&err, "%s/%s", folder, name);
    assert_non_null(path);
    FILE *file = fopen(path, "wb");
    mem_free(path);
    assert_non_null(file);
    assert_int_equal(fwrite(m->bytes, 1, m->n, file), m->n);
    assert_int_equal(fclose(file), 0);
}

/* An entry put into a ZIP (made when it is not there), deflated. */
static inline void made_zip(const char *zip, const char *entry, const void *bytes, size_t n)
{
    int code = 0;
    zip_t *z = zip_open(zip, ZIP_CREATE, &code);
    assert_non_null(z);
    zip_source_t *source = zip_source_buffer(z, bytes, n, 0);
    assert_non_null(source);
    assert_true(zip_file_add(z, entry, source, ZIP_FL_ENC_UTF_8) >= 0);
    assert_int_equal(zip_close(z), 0);
}

#endif
