/* NIfTI files: the header by nifti-header.c, the bytes by codec/gzfile.h. */
#include "image/nifti.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "codec/gzfile.h"
#include "image/nifti-header.h"
#include "os/file.h"

/* zlib's level 6 takes more than twice as long for 2 % less of a CT. */
#define LEVEL 4
/* Behind the voxels nothing is expected; this much is read to reach the checksum. */
#define TAIL_MAX ((int64_t)64 << 20)
/* Deflate makes of one byte at most 1032 (zlib's technical notes). */
#define PACKED_MOST 1032
/* Between two looks at whether to stop. */
#define PIECE_BYTES ((size_t)16 << 20)
/* Doubles hold whole numbers up to here. */
#define EXACT_MAX ((int64_t)1 << 53)

bool nifti_named(const char *path)
{
    size_t n = strlen(path);

    return (n > 4 && strcasecmp(path + n - 4, ".nii") == 0) ||
        (n > 7 && strcasecmp(path + n - 7, ".nii.gz") == 0);
}

bool nifti_sniff(const char *path)
{
    unsigned char bytes[NIFTI_HEADER_MAX];
    size_t n = 0;
    struct gz *file = gz_open(path, err_ignore("then it is none"));
    bool mine = file != NULL &&
        gz_read(file, bytes, sizeof(bytes), &n, err_ignore("then it is none")) &&
        nifti_header_sniff(bytes, n);

    gz_close(file);
    return mine;
}

static size_t stored_size(const struct nifti_header *h)
{
    return h->stored_bytes * h->info.n[0] * h->info.n[1] * h->info.n[2] * h->info.n[3];
}

/* The file behind its header. */
static struct gz *open_header(const char *path, struct nifti_header *ret, size_t *ret_n,
                              struct err *err)
{
    unsigned char bytes[NIFTI_HEADER_MAX];
    struct gz *file = gz_open(path, err);

    if (file == NULL) {
        return NULL;
    }
    if (!gz_read(file, bytes, sizeof(bytes), ret_n, err) ||
        !nifti_header_parse(path, bytes, *ret_n, ret, err)) {
        goto fail;
    }
    ret->info.packed = gz_packed(file);
    uint64_t want = (uint64_t)ret->offset + stored_size(ret);
    uint64_t most = (uint64_t)gz_disk_bytes(file) * (ret->info.packed ? PACKED_MOST : 1);
    if (most < want) {
        err_set(err, ERR_FORMAT,
                "%s: cut short: its header promises %llu bytes, the file has %lld%s", path,
                (unsigned long long)want, (long long)gz_disk_bytes(file),
                ret->info.packed ? " packed ones" : "");
        goto fail;
    }
    return file;
fail:
    gz_close(file);
    return NULL;
}

bool nifti_look(const char *path, struct nifti_info *ret, struct err *err)
{
    struct nifti_header h;
    size_t n = 0;
    struct gz *file = open_header(path, &h, &n, err);

    if (file == NULL) {
        return false;
    }
    gz_close(file);
    *ret = h.info;
    return true;
}

static enum voxel kind_of(int datatype)
{
    switch (datatype) {
    case NIFTI_TYPE_UINT8:
        return VOXEL_U8;
    case NIFTI_TYPE_INT8:
        return VOXEL_I8;
    case NIFTI_TYPE_UINT16:
        return VOXEL_U16;
    case NIFTI_TYPE_INT16:
        return VOXEL_I16;
    case NIFTI_TYPE_UINT32:
        return VOXEL_U32;
    case NIFTI_TYPE_INT32:
        return VOXEL_I32;
    case NIFTI_TYPE_FLOAT32:
        return VOXEL_F32;
    default: /* float64, and 64-bit integers until they are narrowed */
        return VOXEL_F64;
    }
}

/* 64-bit integers are mostly labels: as int32 when all fit, else the nearest float64, in place. */
static bool narrow(struct volume *v, bool is_signed, struct nifti_info *info, struct err *err)
{
    size_t count = volume_count(v);
    struct volume small;
    int64_t *wide = v->voxels;
    bool fits = true;
    bool exact = true;

    for (size_t i = 0; i < count; i++) {
        bool over = !is_signed && wide[i] < 0; /* 2^63 and more */
        fits = fits && !over && wide[i] >= INT32_MIN && wide[i] <= INT32_MAX;
        exact = exact && !over && wide[i] >= -EXACT_MAX && wide[i] <= EXACT_MAX;
    }
    if (!fits) {
        for (size_t i = 0; i < count; i++) {
            double value = is_signed ? (double)wide[i] : (double)(uint64_t)wide[i];
            memcpy(wide + i, &value, sizeof(value));
        }
        if (!exact) {
            nifti_complain(info, "some of its 64-bit integers are rounded");
        }
        return true;
    }
    if (!volume_new(&small, v->n, VOXEL_I32, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        ((int32_t *)small.voxels)[i] = (int32_t)wide[i];
    }
    mem_free(v->voxels);
    v->voxels = small.voxels;
    v->kind = VOXEL_I32;
    return true;
}

/* `have` bytes of the file were read already. A header of version 1 that is followed by voxels at
 * once was read too far, so the file is opened anew. */
static bool read_voxels(const char *path, struct nifti_header *h, struct volume *v, struct err *err)
{
    struct gz *file = gz_open(path, err);
    size_t want = stored_size(h);
    size_t got = 0;
    bool good =
        file != NULL && gz_skip(file, h->offset, err) && gz_read(file, v->voxels, want, &got, err);

    if (good && got < want) {
        good = err_set(err, ERR_FORMAT, "%s: cut short: has %zu of %zu bytes of voxels", path, got,
                       want);
    }
    good = good && gz_end(file, TAIL_MAX, err);
    gz_close(file);
    if (good && h->swap && h->stored_bytes > 1) {
        nifti_swap_Nbytes((int64_t)(want / h->stored_bytes), (int)h->stored_bytes, v->voxels);
    }
    return good;
}

bool nifti_read(const char *path, struct volume *ret, struct nifti_info *ret_info, struct err *err)
{
    struct nifti_header h;
    struct volume v;
    size_t n = 0;
    struct gz *file = open_header(path, &h, &n, err);

    if (file == NULL) {
        return false;
    }
    gz_close(file);
    if (!volume_new(&v, h.info.n, kind_of(h.datatype), err)) {
        return err_wrap(err, "%s", path);
    }
    bool wide = h.datatype == NIFTI_TYPE_INT64 || h.datatype == NIFTI_TYPE_UINT64;
    if (!read_voxels(path, &h, &v, err) ||
        (wide && !narrow(&v, h.datatype == NIFTI_TYPE_INT64, &h.info, err))) {
        volume_fini(&v);
        return false;
    }
    v.slope = h.info.slope;
    v.intercept = h.info.intercept;
    memcpy(v.affine, h.info.affine, sizeof(v.affine));
    *ret = v;
    if (ret_info != NULL) {
        *ret_info = h.info;
    }
    return true;
}

static bool write_voxels(struct gz *file, const char *path, const struct volume *v,
                         const volatile sig_atomic_t *stop, struct err *err)
{
    size_t bytes = volume_count(v) * voxel_bytes(v->kind);

    for (size_t at = 0; at < bytes; at += PIECE_BYTES) {
        if (stop != NULL && *stop != 0) {
            return err_set(err, ERR_CANCELLED, "%s: interrupted; nothing was written", path);
        }
        if (!gz_write(file, (const char *)v->voxels + at,
                      bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES, err)) {
            return false;
        }
    }
    return true;
}

bool nifti_write(const char *path, const struct volume *v, const struct nifti_extra *extra,
                 struct err *err)
{
    unsigned char front[NIFTI_FRONT_MAX];
    char suffix[48];
    char *aside = NULL;
    struct gz *file = NULL;
    size_t n = 0;
    size_t length = strlen(path);
    bool packed = length > 3 && strcasecmp(path + length - 3, ".gz") == 0;
    bool good = false;

    if (!nifti_named(path)) {
        return err_set(err, ERR_USAGE, "%s: the name of a NIfTI file ends in .nii or .nii.gz",
                       path);
    }
    if (file_is_folder(path)) {
        return err_set(err, ERR_EXISTS, "%s: is a folder", path);
    }
    if (!nifti_header_make(v, extra, front, &n, err)) {
        return false;
    }
    (void)snprintf(suffix, sizeof(suffix), ".gantry-%ld.tmp", (long)getpid());
    aside = path_beside(path, suffix, err);
    if (aside == NULL) {
        return false;
    }
    (void)unlink(aside); /* a process of the same number died here */
    file = gz_create(aside, packed ? LEVEL : 0, err);
    good = file != NULL && gz_write(file, front, n, err) &&
        write_voxels(file, path, v, extra->stop, err) && gz_finish(file, err) &&
        file_replace(aside, path, err);
    gz_close(file);
    if (!good) {
        (void)unlink(aside);
    }
    mem_free(aside);
    return good;
}
