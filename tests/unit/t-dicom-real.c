/* DICOM as real scanners write it (DESIGN 7): the files of ../shared/data (or $GANTRY_TEST_DATA),
 * each skipped by name where it is not present. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dicom-said.h"
#include "image/dicom-series.h"
#include "os/file.h"

static const char *real(const char *name)
{
    static char path[1200];
    const char *given = getenv("GANTRY_TEST_DATA"), *source = getenv("GANTRY_SOURCE");
    (void)snprintf(path, sizeof path, "%s%s/dicom/%s",
                   given        ? given
                       : source ? source
                                : ".",
                   given ? "" : "/../shared/data", name);
    return file_exists(path) ? path : NULL;
}

static void read_real(const char *path, struct volume *ret)
{
    struct err err = {0};
    const struct dicom_series *s;
    struct dicom_set *set = open_set(path, 1, &s);
    assert_ok(dicom_set_read(set, 0, ret, NULL, &err), err);
    dicom_set_close(set);
}

/* One slice in six transfer syntaxes: the same HU. */
static void real_syntaxes(void **state)
{
    static const char *const names[] = {"LittleEndianExplicit", "LittleEndianImplicit",
                                        "JPEGProcess14SV1",     "JPEGLSLossless",
                                        "JPEG2000LosslessOnly", "RLELossless"};
    struct volume first = {0};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        char name[100];
        struct volume v = {0};
        double least, most, sum = 0;
        size_t odd;
        (void)snprintf(name, sizeof name, "ct-syntaxes/%s.dcm", names[i]);
        const char *path = real(name);
        if (!path) {
            print_message("skipped: %s is not here\n", name);
            continue;
        }
        read_real(path, &v);
        volume_range(&v, &least, &most, &odd);
        assert_true(least == -3024 && most == 1378);
        for (size_t k = 0; k < volume_count(&v); k++) {
            sum += ((int16_t *)v.voxels)[k] + v.intercept;
        }
        assert_true(fabs(sum / (double)volume_count(&v) + 949.0764) < 1e-4);
        if (!first.voxels) {
            first = v;
            continue;
        }
        assert_memory_equal(first.voxels, v.voxels, volume_count(&v) * 2);
        volume_fini(&v);
    }
    volume_fini(&first);
}

static void real_compressions(void **state)
{
    static const char *const names[] = {"", "_j2k", "_jpeg", "_jpegls", "_rle"};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        char name[100];
        struct volume v = {0};
        int64_t sum = 0;
        (void)snprintf(name, sizeof name, "mr-compressed/compressed%s", names[i]);
        const char *path = real(name);
        if (!path) {
            print_message("skipped: %s is not here\n", name);
            continue;
        }
        read_real(path, &v);
        for (size_t k = 0; k < volume_count(&v); k++) {
            sum += ((uint16_t *)v.voxels)[k];
        }
        assert_int_equal(sum, 33304746);
        volume_fini(&v);
    }
}

static void real_reasons(void **state)
{
    static const struct {
        const char *name;
        enum dicom_trouble code;
        const char *words;
    } all[] = {
        {"bad-series/sliceincrement", DICOM_GAP,
         "1 slice is missing in 1 place, the first between "
         "28.11 and 38.11 mm (slices are 5 mm apart)"},
        {"bad-series/slicecount", DICOM_FEW, "only 2 slices"},
        {"bad-files/MR_truncated.dcm", DICOM_CUT, "has 8130 of 8192 bytes (MR_truncated.dcm)"},
        {"CT_small.dcm", DICOM_SINGLE, "a single slice"},
        {"MR_JPEG2000.dcm", DICOM_MISSING_TAG, "no ImageOrientationPatient"},
    };
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *path = real(all[i].name);
        if (!path) {
            print_message("skipped: %s is not here\n", all[i].name);
            continue;
        }
        const struct dicom_series *s;
        struct dicom_set *set = open_set(path, 1, &s);
        (void)said(s, all[i].code, all[i].words);
        dicom_set_close(set);
    }
    const char *path = real("bad-files/no_meta.dcm");
    if (path) {
        assert_null(dicom_set_open(path, NULL, &err));
        assert_non_null(strstr(err.text, "neither a preamble nor a data set"));
    }
    path = real("ct-head-phantom-28.zip");
    if (path) {
        struct volume v = {0};
        read_real(path, &v);
        assert_true(v.n[2] == 28 && v.n[0] == 512 && v.kind == VOXEL_U16);
        volume_fini(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_syntaxes),
        cmocka_unit_test(real_compressions),
        cmocka_unit_test(real_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
