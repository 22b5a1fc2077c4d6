/* NIfTI (DESIGN 7: geometry is kept; issue 4: a bad file gives one line): what is written comes
 * back, the rules of sform and qform, and every way a header can lie. */
#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <nifti2_io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "image/nifti.h"

static char *folder, *path, *packed;

static int begin(void **state)
{
    (void)state;
    struct err err;
    folder = test_folder("nifti");
    path = mem_printf(&err, "%s/a b.nii", folder);
    packed = mem_printf(&err, "%s/a b.nii.gz", folder);
    return path && packed ? 0 : 1;
}

static int end(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(packed);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left behind */
    mem_free(packed);
    mem_free(path);
    mem_free(folder);
    return 0;
}

static const struct nifti_extra plain = {.place_code = NIFTI_PLACE_SCANNER};

static struct volume sample(enum voxel kind, size_t times)
{
    struct err err = {0};
    struct volume v;
    const size_t n[4] = {5, 4, 3, times};
    assert_ok(volume_new(&v, n, kind, &err), err);
    for (size_t i = 0; i < volume_count(&v) * voxel_bytes(kind); i++) {
        ((unsigned char *)v.voxels)[i] = (unsigned char)(i * 7 % 63); /* finite as any type */
    }
    const double a[3][4] = {{0, -1.5, 0, 10}, {0.75, 0, 0, -20}, {0, 0, 2.5, 30}};
    memcpy(v.affine, a, sizeof a);
    return v;
}

static void same(const struct volume *a, const struct volume *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_memory_equal(a->n, b->n, sizeof a->n);
    assert_memory_equal(a->voxels, b->voxels, volume_count(a) * voxel_bytes(a->kind));
    assert_true(a->slope == b->slope && a->intercept == b->intercept);
    for (size_t i = 0; i < 12; i++) {
        assert_true(fabs(a->affine[i / 4][i % 4] - b->affine[i / 4][i % 4]) < 1e-5);
    }
}

static void every_type_comes_back(void **state)
{
    (void)state;
    for (enum voxel kind = VOXEL_U8; kind <= VOXEL_F64; kind++) {
        struct err err = {0};
        struct volume v = sample(kind, 1 + kind % 2), back;
        struct nifti_info info;
        struct nifti_extra extra = {1, kind % 2 ? 2.5 : 0, 1002, "what it is", NULL};
        v.slope = 2;
        v.intercept = -1024;
        const char *name = kind % 2 ? path : packed;
        assert_ok(nifti_write(name, &v, &extra, &err), err);
        assert_true(nifti_sniff(name));
        assert_ok(nifti_read(name, &back, &info, &err), err);
        same(&v, &back);
        assert_string_equal(info.stored, voxel_name(kind));
        assert_string_equal(info.complaints, "");
        assert_string_equal(info.place, "sform");
        assert_string_equal(info.description, "what it is");
        assert_int_equal(info.packed, kind % 2 == 0);
        assert_int_equal(info.intent_code, 1002);
        assert_true(info.version == 1 && info.place_code == 1 &&
                    info.time_step_s == extra.time_step_s);
        volume_fini(&back);
        volume_fini(&v);
    }
}

static void a_long_dimension_makes_version_two(void **state)
{
    (void)state;
    struct err err = {0};
    struct volume v, back;
    struct nifti_info info;
    const size_t n[4] = {40000, 2, 1, 1};
    assert_ok(volume_new(&v, n, VOXEL_U8, &err), err);
    ((unsigned char *)v.voxels)[79999] = 9;
    v.affine[0][3] = 1.0 / 3;
    assert_ok(nifti_write(path, &v, &plain, &err), err);
    assert_ok(nifti_read(path, &back, &info, &err), err);
    assert_int_equal(info.version, 2);
    assert_true(back.affine[0][3] == 1.0 / 3); /* doubles there */
    same(&v, &back);
    volume_fini(&back);
    volume_fini(&v);
}

/* --- headers made by hand --- */

static nifti_1_header header(void)
{
    nifti_1_header h = {.sizeof_hdr = 348,
                        .dim = {3, 2, 2, 2, 1, 1, 1, 1},
                        .datatype = 2,
                        .bitpix = 8,
                        .pixdim = {1, 1, 2, 3, 1, 1, 1, 1},
                        .vox_offset = 352,
                        .magic = "n+1"};
    return h;
}

static void put(const void *bytes, size_t n, size_t voxels)
{
    char zeros[4096] = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_int_equal(write(fd, bytes, n), n);
    assert_int_equal(write(fd, zeros, 4 + voxels), 4 + voxels);
    close(fd);
}

static struct nifti_info look(const nifti_1_header *h)
{
    struct err err = {0};
    struct nifti_info info;
    put(h, sizeof *h, 8);
    assert_ok(nifti_look(path, &info, &err), err);
    return info;
}

static void refused(const nifti_1_header *h, const char *word)
{
    struct err err = {0};
    struct volume v;
    put(h, sizeof *h, 8);
    assert_false(nifti_read(path, &v, NULL, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    if (!strstr(err.text, word) || !strstr(err.text, path)) {
        fail_msg("'%s' does not say '%s'", err.text, word);
    }
}

static void where_the_voxels_are(void **state)
{
    (void)state;
    nifti_1_header h = header();
    struct nifti_info info = look(&h); /* neither: method 1 */
    assert_string_equal(info.place, "spacing");
    assert_true(info.affine[1][1] == 2 && info.affine[0][3] == 0 && info.place_code == 0);
    assert_non_null(strstr(info.complaints, "how it lies"));
    h.qform_code = 2; /* half a turn about z, left-handed, shifted */
    h.pixdim[0] = -1;
    h.quatern_d = 1;
    h.qoffset_x = 5;
    info = look(&h);
    assert_string_equal(info.place, "qform");
    assert_true(info.affine[0][0] == -1 && info.affine[1][1] == -2 && info.affine[2][2] == -3);
    assert_true(info.affine[0][3] == 5 && info.place_code == 2);
    h.sform_code = 4; /* the sform goes first, and a difference is told */
    h.srow_x[0] = 1;
    h.srow_y[1] = 2;
    h.srow_z[2] = 3;
    info = look(&h);
    assert_string_equal(info.place, "sform");
    assert_true(info.affine[0][0] == 1 && info.place_code == 4);
    assert_non_null(strstr(info.complaints, "apart"));
    h.srow_z[2] = 0; /* flat: no affine */
    info = look(&h);
    assert_string_equal(info.place, "qform");
    assert_non_null(strstr(info.complaints, "no affine"));
    h.quatern_b = 3; /* longer than a unit quaternion */
    info = look(&h);
    assert_string_equal(info.place, "spacing");
    assert_non_null(strstr(info.complaints, "no rotation"));
    h.xyzt_units = 1; /* metres */
    info = look(&h);
    assert_true(info.affine[1][1] == 2000);
}

static void scaling_and_time(void **state)
{
    (void)state;
    nifti_1_header h = header();
    h.scl_inter = 7;
    struct nifti_info info = look(&h);
    assert_true(info.slope == 1 && info.intercept == 0); /* slope 0: not scaled */
    h.scl_slope = NAN;
    info = look(&h);
    assert_true(info.slope == 1 && info.intercept == 0);
    h.scl_slope = INFINITY;
    info = look(&h);
    assert_non_null(strstr(info.complaints, "not finite"));
    h.scl_slope = -0.5f;
    info = look(&h);
    assert_true(info.slope == -0.5 && info.intercept == 7);
    h.dim[0] = 5;
    h.dim[3] = 1;
    h.dim[5] = 2;
    h.pixdim[4] = 1500;
    h.xyzt_units = 2 | 16; /* mm, ms */
    info = look(&h);
    assert_true(info.n[2] == 1 && info.n[3] == 2 && info.time_step_s == 1.5);
    assert_non_null(strstr(info.complaints, "5 dimensions"));
}

static void lies_are_refused(void **state)
{
    (void)state;
    nifti_1_header h = header();
    struct err err = {0};
    struct volume v;
    h.dim[0] = 9;
    refused(&h, "9 dimensions");
    h = header();
    h.dim[2] = -3;
    refused(&h, "dimension 2 is -3");
    h.dim[2] = 0;
    refused(&h, "dimension 2 is 0");
    h = header();
    h.dim[1] = h.dim[2] = h.dim[3] = 32767;
    refused(&h, "8 GiB");
    h.dim[3] = 1;
    refused(&h, "cut short");
    h = header();
    h.datatype = 77;
    refused(&h, "data type 77");
    h.datatype = 128;
    refused(&h, "RGB");
    h.datatype = 32;
    refused(&h, "complex64");
    h = header();
    h.vox_offset = 12;
    refused(&h, "impossible place");
    h.vox_offset = NAN;
    refused(&h, "impossible place");
    h.vox_offset = 1e30f;
    refused(&h, "impossible place");
    h = header();
    memcpy(h.magic, "ni1", 4);
    refused(&h, "second file");
    memcpy(h.magic, "\0\0\0", 4);
    refused(&h, "ANALYZE");
    h = header();
    h.sizeof_hdr = 347;
    refused(&h, "not NIfTI");
    assert_false(nifti_sniff(path));
    put("short", 5, 0);
    assert_false(nifti_read(path, &v, NULL, &err));
    assert_non_null(strstr(err.text, "not NIfTI"));
    assert_false(nifti_read("/nonexistent/x.nii", &v, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_false(nifti_read(folder, &v, NULL, &err));
    assert_non_null(strstr(err.text, "a folder"));
}

static void cut_anywhere(void **state)
{
    (void)state;
    for (int gz = 0; gz < 2; gz++) {
        struct err err = {0};
        struct volume v = sample(VOXEL_I16, 2), back;
        const char *name = gz ? packed : path;
        assert_ok(nifti_write(name, &v, &plain, &err), err);
        int fd = open(name, O_RDWR);
        for (off_t size = lseek(fd, -1, SEEK_END); size > 0; size -= 13) {
            assert_int_equal(ftruncate(fd, size), 0);
            assert_false(nifti_read(name, &back, NULL, &err));
            assert_int_equal(err.code, ERR_FORMAT);
        }
        close(fd);
        volume_fini(&v);
    }
}

static void wide_integers(void **state)
{
    (void)state;
    struct err err = {0};
    nifti_1_header h = header();
    struct {
        nifti_1_header h;
        char none[4];
        int64_t x[8];
    } __attribute__((packed)) file = {h, "", {0, -5, 2147483647, 4, 5, 6, 7, 8}};
    struct volume v;
    struct nifti_info info;
    file.h.datatype = 1024;
    file.h.bitpix = 64;
    put(&file, sizeof file, 0);
    assert_ok(nifti_read(path, &v, &info, &err), err);
    assert_int_equal(v.kind, VOXEL_I32);
    assert_int_equal(((int32_t *)v.voxels)[1], -5);
    assert_string_equal(info.stored, "int64");
    volume_fini(&v);
    file.x[3] = ((int64_t)1 << 53) + 1;
    put(&file, sizeof file, 0);
    assert_ok(nifti_read(path, &v, &info, &err), err);
    assert_int_equal(v.kind, VOXEL_F64);
    assert_true(((double *)v.voxels)[1] == -5 && ((double *)v.voxels)[3] == 9007199254740992.0);
    assert_non_null(strstr(info.complaints, "rounded"));
    volume_fini(&v);
    file.h.datatype = 1280; /* unsigned: -5 is 2^64 - 5 */
    put(&file, sizeof file, 0);
    assert_ok(nifti_read(path, &v, &info, &err), err);
    assert_true(((double *)v.voxels)[1] > 1.8e19);
    volume_fini(&v);
}

static void the_other_byte_order(void **state)
{
    (void)state;
    struct err err = {0};
    nifti_1_header h = header();
    struct {
        nifti_1_header h;
        char none[4];
        uint16_t x[8];
    } __attribute__((packed)) file = {h, "", {0, 0x0100}};
    struct volume v;
    file.h.datatype = 512;
    file.h.bitpix = 16;
    h = file.h;
    nifti_swap_as_nifti1(&h);
    file.h = h;
    put(&file, sizeof file, 0);
    assert_ok(nifti_read(path, &v, NULL, &err), err);
    assert_int_equal(((uint16_t *)v.voxels)[1], 1);
    assert_true(v.n[0] == 2 && v.affine[2][2] == 3);
    volume_fini(&v);
}

static void writing(void **state)
{
    (void)state;
    struct err err = {0};
    struct volume v = sample(VOXEL_U8, 1), back;
    struct nifti_info info;
    assert_false(nifti_write("/tmp/never.img", &v, &plain, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_false(nifti_write("/nonexistent/a.nii", &v, &plain, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_ok(nifti_write(path, &v, &plain, &err), err);
    v.affine[1][2] = 0.5; /* a sheared affine has a sform only, and comes back */
    assert_ok(nifti_write(path, &v, &plain, &err), err);
    assert_ok(nifti_read(path, &back, &info, &err), err);
    same(&v, &back);
    assert_string_equal(info.complaints, "");
    volume_fini(&back);
    static const volatile sig_atomic_t stop = 15; /* interrupted: the old file stays, no other */
    const struct nifti_extra stopped = {.place_code = 1, .stop = &stop};
    assert_false(nifti_write(path, &v, &stopped, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    v.affine[1][2] = NAN;
    assert_false(nifti_write(path, &v, &plain, &err));
    assert_ok(nifti_look(path, &info, &err), err); /* the old file is still there */
    volume_fini(&v);
}

static bool there_and_back(void *arg, struct err *err)
{
    struct volume back = {0};
    bool ok = nifti_write(packed, arg, &plain, err) && nifti_read(packed, &back, NULL, err);
    volume_fini(&back);
    return ok;
}

static void out_of_memory(void **state)
{
    (void)state;
    struct volume v = sample(VOXEL_I16, 1);
    test_every_failure(there_and_back, &v);
    volume_fini(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(a_long_dimension_makes_version_two),
        cmocka_unit_test(where_the_voxels_are),
        cmocka_unit_test(scaling_and_time),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(wide_integers),
        cmocka_unit_test(the_other_byte_order),
        cmocka_unit_test(writing),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
