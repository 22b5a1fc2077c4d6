/* Ellipsoids in millimetres; x to the patient's left, y to the back, z to the head. */
#include "steps/synth-chest.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

#define FIELD_MM 372.0
#define HEIGHT_MM 330.0
#define INTERCEPT (-1024)
#define CT_CLASS "1.2.840.10008.5.1.4.1.1.2"
#define MR_CLASS "1.2.840.10008.5.1.4.1.1.4"
#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
#define ROOT "2.25.3310" /* 2.25: UIDs without a registered root */

struct ball {
    double x, y, z; /* middle */
    double a, b, c; /* half axes */
    double hu;
};

/* Later ones cover earlier ones. */
static const struct ball anatomy[] = {
    {0, 0, 165, 165, 112, 1000, 35},   /* body */
    {-78, -4, 165, 60, 82, 132, -825}, /* right lung */
    {78, -4, 165, 60, 82, 132, -825},  /* left lung */
    {24, -28, 120, 58, 50, 56, 45},    /* heart */
    {0, 84, 165, 20, 20, 1000, 420},   /* spine */
    {0, 20, 290, 9, 9, 90, -990},      /* airway */
};
static const struct ball opacities[] = {
    {-88, 20, 120, 30, 34, 36, -420}, {-70, -30, 200, 24, 22, 26, -300},
    {92, 24, 150, 26, 34, 40, -380},  {84, -20, 225, 20, 20, 22, -250},
    {-92, 40, 180, 20, 18, 24, 20},   {80, 40, 95, 24, 20, 18, 10},
};

static bool inside(const struct ball *b, double x, double y, double z, double size)
{
    double u = (x - b->x * size) / (b->a * size);
    double v = (y - b->y * size) / (b->b * size);
    double w = (z - b->z) / b->c;

    return u * u + v * v + w * w < 1;
}

/* Noise of about 12 HU that depends on the place and the seed alone. */
static double noise(unsigned seed, size_t slice, size_t pixel)
{
    uint64_t h = (uint64_t)seed * 0x9E3779B97F4A7C15u + slice * 0xC2B2AE3D27D4EB4Fu + pixel;

    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    return ((double)((h ^ (h >> 31)) >> 40) / (double)(1u << 24) - 0.5) * 40;
}

static double tissue(const struct chest_study *study, double x, double y, double z)
{
    double size = 0.92 + 0.02 * (double)(study->seed % 7);
    double hu = -1000;

    for (size_t i = 0; i < sizeof(anatomy) / sizeof(anatomy[0]); i++) {
        hu = inside(&anatomy[i], x, y, z, size) ? anatomy[i].hu : hu;
    }
    for (size_t i = 0; study->ill && hu < -500 && i < sizeof(opacities) / sizeof(opacities[0]);
         i++) {
        hu = inside(&opacities[i], x, y, z, size) ? opacities[i].hu : hu;
    }
    return hu;
}

void synth_chest_slice(const struct chest_study *study, size_t slice, int16_t *ret_hu)
{
    double px = FIELD_MM / (double)study->side;
    double z = HEIGHT_MM * ((double)slice + 0.5) / (double)study->slices;

    for (size_t r = 0; r < study->side; r++) {
        for (size_t c = 0; c < study->side; c++) {
            double x = ((double)c + 0.5) * px - FIELD_MM / 2;
            double y = ((double)r + 0.5) * px - FIELD_MM / 2;
            double hu = tissue(study, x, y, z) + noise(study->seed, slice, r * study->side + c);

            ret_hu[r * study->side + c] = (int16_t)lrint(fmax(hu, INTERCEPT));
        }
    }
}

/* ---- DICOM ---- */

static void little(struct str *out, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        str_addc(out, (char)(value >> (8 * i) & 0xFF));
    }
}

static void head(struct str *out, unsigned group, unsigned element, const char *vr, size_t length)
{
    bool wide = strcmp(vr, "OB") == 0 || strcmp(vr, "OW") == 0;

    little(out, group, 2);
    little(out, element, 2);
    str_add(out, vr);
    little(out, wide ? 0 : (uint32_t)length, 2);
    if (wide) {
        little(out, (uint32_t)length, 4);
    }
}

/* Text of even length, padded as its kind wants (PS3.5, 6.2). */
static void text(struct str *out, unsigned group, unsigned element, const char *vr,
                 const char *value)
{
    size_t length = strlen(value);

    head(out, group, element, vr, length + length % 2);
    str_add(out, value);
    if (length % 2 != 0) {
        str_addc(out, strcmp(vr, "UI") == 0 ? '\0' : ' ');
    }
}

static void number(struct str *out, unsigned group, unsigned element, unsigned value)
{
    head(out, group, element, "US", 2);
    little(out, value, 2);
}

static void put_meta(struct str *out, const char *sop_class, const char *instance)
{
    struct str meta = STR_INIT;

    head(&meta, 2, 0x0001, "OB", 2);
    str_addn(&meta, "\0\1", 2);
    text(&meta, 2, 0x0002, "UI", sop_class);
    text(&meta, 2, 0x0003, "UI", instance);
    text(&meta, 2, 0x0010, "UI", EXPLICIT_LITTLE);
    text(&meta, 2, 0x0012, "UI", ROOT ".1");
    for (size_t i = 0; i < 128; i++) {
        str_addc(out, '\0');
    }
    str_add(out, "DICM");
    head(out, 2, 0x0000, "UL", 4);
    little(out, (uint32_t)meta.len, 4);
    str_addn(out, str_text(&meta), meta.len);
    out->failed = out->failed || meta.failed;
    str_fini(&meta);
}

/* Groups 8 to 0020: who and what. */
static void put_names(struct str *out, const struct chest_study *study, size_t slice,
                      const char *sop_class, const char *instance)
{
    char word[64];

    text(out, 0x0008, 0x0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL");
    text(out, 0x0008, 0x0016, "UI", sop_class);
    text(out, 0x0008, 0x0018, "UI", instance);
    text(out, 0x0008, 0x0020, "DA", "20240102");
    text(out, 0x0008, 0x0030, "TM", "101500");
    text(out, 0x0008, 0x0060, "CS", study->mr ? "MR" : "CT");
    text(out, 0x0008, 0x1030, "LO", "Synthetic phantom");
    text(out, 0x0008, 0x103E, "LO", "Chest phantom");
    text(out, 0x0010, 0x0010, "PN", "Phantom^Chest");
    snprintf(word, sizeof(word), "PHANTOM-%u", study->seed);
    text(out, 0x0010, 0x0020, "LO", word);
    text(out, 0x0018, 0x0015, "CS", "CHEST");
    snprintf(word, sizeof(word), "%.4f", HEIGHT_MM / (double)study->slices);
    text(out, 0x0018, 0x0050, "DS", word);
    snprintf(word, sizeof(word), ROOT ".%u.2", study->seed);
    text(out, 0x0020, 0x000D, "UI", word);
    snprintf(word, sizeof(word), ROOT ".%u.3", study->seed);
    text(out, 0x0020, 0x000E, "UI", word);
    text(out, 0x0020, 0x0011, "IS", "1");
    snprintf(word, sizeof(word), "%zu", slice + 1);
    text(out, 0x0020, 0x0013, "IS", word);
}

/* Where the slice lies and how its numbers are to be read. */
static void put_image(struct str *out, const struct chest_study *study, size_t slice)
{
    char word[120];
    double px = FIELD_MM / (double)study->side;
    double first = px / 2 - FIELD_MM / 2;

    snprintf(word, sizeof(word), "%.4f\\%.4f\\%.4f", first, first,
             HEIGHT_MM * ((double)slice + 0.5) / (double)study->slices);
    text(out, 0x0020, 0x0032, "DS", word);
    text(out, 0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0");
    number(out, 0x0028, 0x0002, 1);
    text(out, 0x0028, 0x0004, "CS", "MONOCHROME2");
    number(out, 0x0028, 0x0010, (unsigned)study->side);
    number(out, 0x0028, 0x0011, (unsigned)study->side);
    snprintf(word, sizeof(word), "%.6f\\%.6f", px, px);
    text(out, 0x0028, 0x0030, "DS", word);
    number(out, 0x0028, 0x0100, 16);
    number(out, 0x0028, 0x0101, 16);
    number(out, 0x0028, 0x0102, 15);
    number(out, 0x0028, 0x0103, 0);
    snprintf(word, sizeof(word), "%d", INTERCEPT);
    text(out, 0x0028, 0x1052, "DS", word);
    text(out, 0x0028, 0x1053, "DS", "1");
}

bool synth_chest_dicom(const struct chest_study *study, size_t slice, struct str *out,
                       struct err *err)
{
    const char *sop_class = study->mr ? MR_CLASS : CT_CLASS;
    size_t pixels = study->side * study->side;
    int16_t *hu = mem_array(pixels, sizeof(*hu), err);
    char instance[64];

    if (hu == NULL) {
        return false;
    }
    synth_chest_slice(study, slice, hu);
    snprintf(instance, sizeof(instance), ROOT ".%u.4.%zu", study->seed, slice + 1);
    put_meta(out, sop_class, instance);
    put_names(out, study, slice, sop_class, instance);
    put_image(out, study, slice);
    head(out, 0x7FE0, 0x0010, "OW", pixels * 2);
    for (size_t i = 0; i < pixels; i++) {
        little(out, (uint32_t)(hu[i] - INTERCEPT), 2);
    }
    mem_free(hu);
    return str_ok(out, err);
}
