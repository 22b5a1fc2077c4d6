/* Series from folders, ZIPs and ZIPs in ZIPs (DESIGN 7, R8, X26): sorted by place, and everything
 * that is wrong with them said in words. The real files of ../shared/data where they are present.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "dicom-make.h"
#include "dicom-said.h"
#include "image/dicom-series.h"
#include "os/file.h"

static struct made made;
static char folder[1000];

static int setup(void **state)
{
    char *made_folder = test_folder("dicom");
    (void)snprintf(folder, sizeof folder, "%s", made_folder);
    mem_free(made_folder);
    *state = folder;
    return 0;
}

static int teardown(void **state)
{
    struct err err;
    (void)state;
    return file_remove_tree(folder, &err) ? 0 : 1;
}

/* The usual slice `i`: 2 mm steps, stored in an order that is not that of the names. */
static struct made_slice usual(int i)
{
    return (struct made_slice){
        .instance = i + 1, .position = {10, 20, 30 + 2.0 * i}, .is_signed = true, .fill = 100 * i};
}

static void save(const struct made_slice *s, const char *name)
{
    made = (struct made){0};
    made_slice(&made, s);
    made_save(&made, folder, name);
}

static void save_slices(int n)
{
    for (int i = 0; i < n; i++) {
        char name[30];
        const struct made_slice s = usual(i);
        (void)snprintf(name, sizeof name, "%02d.dcm", (i * 7 + 3) % n);
        save(&s, name);
    }
}

static void only_said(enum dicom_trouble code, const char *words, size_t slices, size_t count)
{
    const struct dicom_series *s;
    struct dicom_set *set = open_set(folder, 1, &s);
    assert_int_equal(said(s, code, words)->count, count);
    assert_int_equal(s->n_complaints, 1);
    assert_int_equal(s->slices, slices);
    dicom_set_close(set);
}

static void check_usual(const char *path, size_t slices)
{
    struct err err = {0};
    const struct dicom_series *s;
    struct volume v = {0};
    struct dicom_set *set = open_set(path, 1, &s);
    assert_string_equal(s->uid, "1.2.3.4");
    assert_string_equal(s->modality, "CT");
    assert_int_equal(s->slices, slices);
    assert_int_equal(s->times, 1);
    assert_int_equal(s->n_complaints, 0);
    assert_true(s->axial && fabs(s->tilt_deg) < 1e-6);
    assert_true(s->spacing_mm[0] == 0.7 && s->spacing_mm[1] == 0.5 &&
                fabs(s->spacing_mm[2] - 2) < 1e-9);
    assert_ok(dicom_set_read(set, 0, &v, NULL, &err), err);
    assert_int_equal(v.kind, VOXEL_I16);
    assert_true(v.n[0] == 6 && v.n[1] == 4 && v.n[2] == slices && v.intercept == -1024);
    for (size_t z = 0; z < slices; z++) {
        const int16_t *plane = (const int16_t *)v.voxels + z * 24;
        assert_int_equal(plane[0], 100 * z);
        assert_int_equal(plane[23], 100 * z + 23);
    }
    const double want[3][4] = {{-0.7, 0, 0, -10}, {0, -0.5, 0, -20}, {0, 0, 2, 30}};
    for (size_t i = 0; i < 12; i++) {
        assert_true(fabs(v.affine[i / 4][i % 4] - want[i / 4][i % 4]) < 1e-9);
    }
    volume_fini(&v);
    dicom_set_close(set);
}

static void folder_of_slices(void **state)
{
    (void)state;
    save_slices(9);
    made.n = 0;
    made_bytes(&made, "not DICOM, only a text\n", 23);
    made_save(&made, folder, "readme.txt");
    check_usual(folder, 9);
}

static void zip_of_slices(const char *zip, const char *prefix, int n)
{
    for (int i = 0; i < n; i++) {
        char name[200];
        const struct made_slice s = usual(i);
        (void)snprintf(name, sizeof name, "%s%02d", prefix, (i * 7 + 3) % n);
        made = (struct made){0};
        made_slice(&made, &s);
        made_zip(zip, name, made.bytes, made.n);
    }
    made_zip(zip, "readme.txt", "hello there, text", 17);
    made_zip(zip, "__MACOSX/._x", "hello there, text", 17);
}

static void zips_and_zips_in_zips(void **state)
{
    char zip[1100], outer[1100];
    (void)state;
    (void)snprintf(zip, sizeof zip, "%s/study.zip", folder);
    (void)snprintf(outer, sizeof outer, "%s/outer.zip", folder);
    zip_of_slices(zip, "S1/I", 9);
    check_usual(zip, 9);
    check_usual(folder, 9);
    FILE *file = fopen(zip, "rb");
    assert_non_null(file);
    static uint8_t bytes[1 << 18];
    size_t n = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    assert_int_equal(unlink(zip), 0);
    made_zip(outer, "a/study.zip", bytes, n);
    check_usual(outer, 9);
    check_usual(folder, 9);
}

static void refused_zips(void **state)
{
    struct err err = {0};
    char zip[1100];
    const struct dicom_series *s;
    const struct dicom_complaint *c;
    (void)state;
    save_slices(5);
    (void)snprintf(zip, sizeof zip, "%s/evil.zip", folder);
    made_zip(zip, "../../x.dcm", "x", 1);
    assert_null(dicom_set_open(zip, NULL, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "leads outside"));
    struct dicom_set *set = open_set(folder, 1, &s); /* the others are read */
    assert_int_equal(dicom_set_complaints(set, &c), 1);
    assert_non_null(strstr(c[0].text, "evil.zip: entry '../../x.dcm' leads outside"));
    assert_int_equal(s->slices, 5);
    (void)said(s, DICOM_UNREADABLE, "1 file there could not be read and may be missing here");
    (void)said(s, DICOM_UNREADABLE, "evil.zip: entry '../../x.dcm' leads outside");
    assert_int_equal(s->complaints[0].count, 1);
    dicom_set_close(set);
}

/* Links to files are files; links to folders, and to nothing, are passed over. */
static void links(void **state)
{
    struct err err = {0};
    char inner[1100], name[1200];
    (void)state;
    (void)snprintf(inner, sizeof inner, "%s/there", folder);
    assert_ok(file_mkdirs(inner, 0755, &err), err);
    save_slices(5);
    for (int i = 0; i < 5; i++) {
        char from[1200];
        (void)snprintf(from, sizeof from, "%s/%02d.dcm", folder, i);
        (void)snprintf(name, sizeof name, "%s/%02d.dcm", inner, i);
        assert_int_equal(symlink(from, name), 0);
    }
    (void)snprintf(name, sizeof name, "%s/round", inner);
    assert_int_equal(symlink("..", name), 0);
    (void)snprintf(name, sizeof name, "%s/nowhere", inner);
    assert_int_equal(symlink("/nonexistent/x", name), 0);
    check_usual(inner, 5);
}

static void save_all(const struct made_slice *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char name[30];
        (void)snprintf(name, sizeof name, "%02zu", i);
        save(&all[i], name);
    }
}

static void missing_slices(void **state)
{
    (void)state;
    const int there[] = {0, 1, 2, 5, 6, 7, 9};
    struct made_slice all[7];
    for (size_t i = 0; i < 7; i++) {
        all[i] = usual(there[i]);
    }
    save_all(all, 7);
    only_said(DICOM_GAP,
              "3 slices are missing in 2 places, the first between 34.00 and 40.00 mm (slices are "
              "2 mm apart)",
              7, 3);
}

static void uneven_steps(void **state)
{
    (void)state;
    struct made_slice all[6];
    for (int i = 0; i < 6; i++) {
        all[i] = usual(i);
    }
    all[5].position[2] += 0.7;
    save_all(all, 6);
    only_said(DICOM_UNEVEN, "slices are 2 to 2.7 mm apart, mostly 2 mm", 6, 6);
}

static void duplicates(void **state)
{
    (void)state;
    struct made_slice all[6];
    for (int i = 0; i < 6; i++) {
        all[i] = usual(i);
    }
    all[5].position[2] = all[2].position[2];
    save_all(all, 6);
    only_said(DICOM_DUPLICATE,
              "1 slice at a place that is taken, the first at 34.00 mm (02 and 05)", 5, 1);
    all[5] = all[2]; /* the same file twice */
    save_all(all, 6);
    only_said(DICOM_DUPLICATE, "1 copy of a slice that is there already", 5, 1);
}

static void tilted(void **state)
{
    (void)state;
    struct made_slice all[5];
    for (int i = 0; i < 5; i++) {
        all[i] = usual(i);
        all[i].position[1] += 2.0 * i * tan(12 * M_PI / 180);
    }
    save_all(all, 5);
    only_said(DICOM_TILT, "tilted by 12.0 degrees: each slice is shifted by 0.43 mm", 5, 5);
    const struct dicom_series *s;
    struct dicom_set *set = open_set(folder, 1, &s);
    assert_true(fabs(s->tilt_deg - 12) < 0.01);
    assert_true(fabs(s->affine[1][2] + 2 * tan(12 * M_PI / 180)) < 1e-4 &&
                fabs(s->affine[2][2] - 2) < 1e-9);
    dicom_set_close(set);
}

static void mixed(void **state)
{
    (void)state;
    struct made_slice all[8];
    for (int i = 0; i < 8; i++) {
        all[i] = usual(i);
    }
    all[5].rows = 8;
    all[6].orientation = "0\\1\\0\\0\\0\\-1";
    all[7].spacing = "1\\1";
    save_all(all, 8);
    const struct dicom_series *s;
    struct dicom_set *set = open_set(folder, 1, &s);
    assert_int_equal(s->slices, 5);
    (void)said(s, DICOM_MIXED, "mixed sizes: 1 of 8 slices is 6 x 8, the others 6 x 4: left out");
    (void)said(s, DICOM_MIXED, "mixed orientations: 1 of 8 slices has rows along (0.000, 1.000");
    (void)said(s, DICOM_MIXED,
               "mixed spacings: 1 of 8 slices has pixels of 1 x 1 mm, the others "
               "0.7 x 0.5 mm");
    dicom_set_close(set);
}

static void few_slices(void **state)
{
    (void)state;
    save_slices(1);
    only_said(DICOM_SINGLE, "a single slice", 1, 1);
    save_slices(3);
    only_said(DICOM_FEW, "only 3 slices", 3, 3);
}

static void missing_tags(void **state)
{
    (void)state;
    struct err err = {0};
    struct volume v = {0};
    struct made_slice all[5];
    for (int i = 0; i < 5; i++) {
        all[i] = usual(4 - i);
        all[i].no_position = all[i].no_orientation = all[i].no_spacing = all[i].no_series = true;
    }
    save_all(all, 5);
    const struct dicom_series *s;
    struct dicom_set *set = open_set(folder, 1, &s);
    (void)said(s, DICOM_MISSING_TAG,
               "no ImagePositionPatient (0020,0032): slices are placed by "
               "their InstanceNumber");
    (void)said(s, DICOM_MISSING_TAG, "no ImageOrientationPatient (0020,0037)");
    (void)said(s, DICOM_MISSING_TAG, "no PixelSpacing (0028,0030)");
    (void)said(s, DICOM_MISSING_TAG, "no SeriesInstanceUID (0020,000e)");
    assert_ok(dicom_set_read(set, 0, &v, NULL, &err), err);
    assert_int_equal(((int16_t *)v.voxels)[24], 100);
    volume_fini(&v);
    dicom_set_close(set);
}

static void cut_pixels(void **state)
{
    (void)state;
    struct err err = {0};
    struct volume v = {0};
    struct made_slice all[5];
    for (int i = 0; i < 5; i++) {
        all[i] = usual(i);
    }
    all[3].missing = 7;
    save_all(all, 5);
    const struct dicom_series *s;
    struct dicom_set *set = open_set(folder, 1, &s);
    assert_true(
        said(s, DICOM_CUT, "1 of 5 slices: truncated pixel data: has 41 of 48 bytes (03)")->fatal);
    assert_true(s->fatal);
    assert_false(dicom_set_read(set, 0, &v, NULL, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "has 41 of 48 bytes"));
    dicom_set_close(set);
}

/* DESIGN 10, "a FAILURE row with the reason": it is UTF-8 also when a name in it is cut in the
 * middle of a letter. */
static void long_names(void **state)
{
    (void)state;
    char name[122] = "x"; /* a limit of an even number of bytes is none of whole letters then */
    struct made_slice slice = usual(0);
    slice.missing = 7;
    for (size_t n = 1; n + 2 < sizeof name; n += 2) {
        memcpy(name + n, "Ж", 3);
    }
    save(&slice, name);
    const struct dicom_series *s;
    struct dicom_set *set = open_set(folder, 1, &s);
    assert_true(str_utf8(said(s, DICOM_CUT, "has 41 of 48 bytes (xЖЖЖ")->text));
    dicom_set_close(set);
}

static void colour(void **state)
{
    (void)state;
    const struct made_slice s = {.instance = 1, .samples = 3, .bits = 8, .photometric = "RGB"};
    save(&s, "screen.dcm");
    const struct dicom_series *all;
    struct dicom_set *set = open_set(folder, 1, &all);
    assert_true(said(all, DICOM_COLOUR, "colour pictures (RGB, 3 samples a pixel)")->fatal);
    dicom_set_close(set);
}

static void scales_that_differ(void **state)
{
    (void)state;
    struct err err = {0};
    struct volume v = {0};
    struct made_slice all[4];
    for (int i = 0; i < 4; i++) {
        all[i] = usual(i);
    }
    all[2].slope = "0.5";
    save_all(all, 4);
    const struct dicom_series *s;
    struct dicom_set *set = open_set(folder, 1, &s);
    assert_ok(dicom_set_read(set, 0, &v, NULL, &err), err);
    assert_true(v.kind == VOXEL_F32 && v.slope == 1 && v.intercept == 0);
    const float *values = v.voxels;
    assert_true(values[24] == 100 - 1024 && values[48 + 1] == 100.5f - 1024);
    volume_fini(&v);
    dicom_set_close(set);
}

static void times(void **state)
{
    (void)state;
    struct err err = {0};
    struct volume v = {0};
    struct made_slice all[12];
    for (int i = 0; i < 12; i++) { /* 4 places, 3 times, one time after the other */
        all[i] = usual(i);
        all[i].position[2] = 30 + 2.0 * (i % 4);
    }
    save_all(all, 12);
    const struct dicom_series *s;
    struct dicom_set *set = open_set(folder, 1, &s);
    assert_true(s->slices == 4 && s->times == 3 && s->n_complaints == 0);
    assert_ok(dicom_set_read(set, 0, &v, NULL, &err), err);
    assert_true(v.n[2] == 4 && v.n[3] == 3);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(((int16_t *)v.voxels)[24 * i], 100 * i);
    }
    volume_fini(&v);
    dicom_set_close(set);
}

static void several_series(void **state)
{
    (void)state;
    struct made_slice all[7];
    for (int i = 0; i < 7; i++) {
        all[i] = usual(i);
        all[i].series = i < 2 ? "1.9" : "1.2.3.4";
    }
    save_all(all, 7);
    const struct dicom_series *s;
    struct dicom_counts counts;
    struct dicom_set *set = open_set(folder, 2, &s);
    assert_true(s[0].slices == 5 && s[1].slices == 2);
    dicom_set_counts(set, &counts);
    assert_true(counts.studies == 1 && counts.images == 7 && counts.files == 7);
    dicom_set_close(set);
}

static void nothing_there(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(dicom_set_open(folder, NULL, &err));
    assert_int_equal(err.code, ERR_NOTHING);
    made = (struct made){0};
    made_bytes(&made, "a text, whatever it may say", 26);
    made_save(&made, folder, "x.dcm");
    assert_null(dicom_set_open(folder, NULL, &err));
    assert_non_null(strstr(err.text, "x.dcm: named .dcm, but it is not DICOM"));
    assert_null(dicom_set_open("/nonexistent/x", NULL, &err));
    assert_int_equal(err.code, ERR_IO);
}

static bool stop(void *arg, size_t done, size_t total)
{
    (void)total;
    *(size_t *)arg = done;
    return done < 3;
}

static void progress_and_cancel(void **state)
{
    (void)state;
    struct err err = {0};
    struct volume v = {0};
    size_t done = 0;
    const struct dicom_progress progress = {stop, &done, 1};
    const struct dicom_series *s;
    save_slices(9);
    struct dicom_set *set = open_set(folder, 1, &s);
    assert_false(dicom_set_read(set, 0, &v, &progress, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_int_equal(done, 3);
    dicom_set_close(set);
}

static void facts(void **state)
{
    (void)state;
    struct err err = {0};
    struct dicom_fact *facts = NULL;
    size_t n = 0;
    const struct dicom_series *s;
    save_slices(5);
    struct dicom_set *set = open_set(folder, 1, &s);
    assert_ok(dicom_set_facts(set, 0, &facts, &n, &err), err);
    assert_int_equal(n, 3);
    assert_string_equal(facts[0].name, "Modality");
    assert_string_equal(facts[0].text, "CT");
    assert_string_equal(facts[2].name, "SliceThickness");
    assert_true(facts[2].n == 1 && facts[2].numbers[0] == 2);
    mem_free(facts);
    dicom_set_close(set);
}

static bool open_and_read(void *arg, struct err *err)
{
    const struct dicom_progress progress = {NULL, NULL, 1};
    struct volume v = {0};
    struct dicom_set *set = dicom_set_open(arg, NULL, err);
    bool good = set && dicom_set_read(set, 0, &v, &progress, err);
    volume_fini(&v);
    dicom_set_close(set);
    return good;
}

static void out_of_memory(void **state)
{
    char zip[1100];
    (void)state;
    (void)snprintf(zip, sizeof zip, "%s/study.zip", folder);
    zip_of_slices(zip, "S1/I", 3);
    test_every_failure(open_and_read, folder);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(folder_of_slices),
        IN_FOLDER(zips_and_zips_in_zips),
        IN_FOLDER(refused_zips),
        IN_FOLDER(links),
        IN_FOLDER(missing_slices),
        IN_FOLDER(uneven_steps),
        IN_FOLDER(duplicates),
        IN_FOLDER(tilted),
        IN_FOLDER(mixed),
        IN_FOLDER(few_slices),
        IN_FOLDER(missing_tags),
        IN_FOLDER(cut_pixels),
        IN_FOLDER(long_names),
        IN_FOLDER(colour),
        IN_FOLDER(scales_that_differ),
        IN_FOLDER(times),
        IN_FOLDER(several_series),
        IN_FOLDER(nothing_there),
        IN_FOLDER(progress_and_cancel),
        IN_FOLDER(facts),
        IN_FOLDER(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
