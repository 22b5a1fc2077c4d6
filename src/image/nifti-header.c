/*
 * Both headers are read into NIfTI-2's struct, whose fields are wide enough for either, and checked
 * there. nifti_clib's own functions that make an image of a header are not used: they print what is
 * wrong and convert numbers that do not fit.
 */
#include "image/nifti-header.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "image/nifti-place.h"

/* In front of the voxels there may be extensions, never this much. */
#define OFFSET_MAX ((int64_t)1 << 30)

static const struct {
    const char *name;
    size_t bytes;
    int code;
    bool number; /* one real number a voxel */
} types[] = {
    {"uint8", 1, NIFTI_TYPE_UINT8, true},
    {"int8", 1, NIFTI_TYPE_INT8, true},
    {"uint16", 2, NIFTI_TYPE_UINT16, true},
    {"int16", 2, NIFTI_TYPE_INT16, true},
    {"uint32", 4, NIFTI_TYPE_UINT32, true},
    {"int32", 4, NIFTI_TYPE_INT32, true},
    {"float32", 4, NIFTI_TYPE_FLOAT32, true},
    {"float64", 8, NIFTI_TYPE_FLOAT64, true},
    {"uint64", 8, NIFTI_TYPE_UINT64, true},
    {"int64", 8, NIFTI_TYPE_INT64, true},
    {"float128", 16, NIFTI_TYPE_FLOAT128, false},
    {"complex64", 8, NIFTI_TYPE_COMPLEX64, false},
    {"complex128", 16, NIFTI_TYPE_COMPLEX128, false},
    {"complex256", 32, NIFTI_TYPE_COMPLEX256, false},
    {"RGB colours", 3, NIFTI_TYPE_RGB24, false},
    {"RGBA colours", 4, NIFTI_TYPE_RGBA32, false},
    {"single bits", 1, DT_BINARY, false},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

void nifti_complain(struct nifti_info *info, const char *fmt, ...)
{
    size_t at = strlen(info->complaints);
    size_t room = sizeof(info->complaints) - at;
    va_list args;

    if (at > 0 && room > 3) {
        memcpy(info->complaints + at, "; ", 3);
        at += 2;
        room -= 2;
    }
    va_start(args, fmt);
    (void)vsnprintf(info->complaints + at, room, fmt, args);
    va_end(args);
}

/* --- bytes to one struct ---------------------------------------------------------------------- */

/* The size that every header begins with tells version and byte order. */
static int version_of(const unsigned char *bytes, bool *ret_swap)
{
    int32_t size;

    memcpy(&size, bytes, sizeof(size));
    *ret_swap = false;
    if (size != (int32_t)sizeof(nifti_1_header) && size != (int32_t)sizeof(nifti_2_header)) {
        size = (int32_t)__builtin_bswap32((uint32_t)size);
        *ret_swap = true;
    }
    return size == (int32_t)sizeof(nifti_1_header) ? 1
        : size == (int32_t)sizeof(nifti_2_header)  ? 2
                                                   : 0;
}

bool nifti_header_sniff(const unsigned char *bytes, size_t n)
{
    bool swap;

    return n >= sizeof(nifti_1_header) && version_of(bytes, &swap) > 0;
}

static void widen(const nifti_1_header *h, nifti_2_header *w)
{
    *w = (nifti_2_header){
        .datatype = h->datatype,
        .bitpix = h->bitpix,
        .scl_slope = h->scl_slope,
        .scl_inter = h->scl_inter,
        .qform_code = h->qform_code,
        .sform_code = h->sform_code,
        .quatern_b = h->quatern_b,
        .quatern_c = h->quatern_c,
        .quatern_d = h->quatern_d,
        .qoffset_x = h->qoffset_x,
        .qoffset_y = h->qoffset_y,
        .qoffset_z = h->qoffset_z,
        .xyzt_units = (unsigned char)h->xyzt_units,
        .intent_code = h->intent_code,
    };
    /* what does not fit is a negative offset, which is refused later */
    w->vox_offset =
        h->vox_offset >= 0 && h->vox_offset <= (float)OFFSET_MAX ? (int64_t)h->vox_offset : -1;
    for (size_t i = 0; i < 8; i++) {
        w->dim[i] = h->dim[i];
        w->pixdim[i] = h->pixdim[i];
    }
    for (size_t i = 0; i < 4; i++) {
        w->srow_x[i] = h->srow_x[i];
        w->srow_y[i] = h->srow_y[i];
        w->srow_z[i] = h->srow_z[i];
    }
    memcpy(w->descrip, h->descrip, sizeof(w->descrip));
}

static bool read_first(const char *path, const unsigned char *bytes, nifti_2_header *ret, bool swap,
                       struct err *err)
{
    nifti_1_header first;

    memcpy(&first, bytes, sizeof(first));
    if (memcmp(first.magic, "ni1", 4) == 0) {
        return err_set(err, ERR_FORMAT,
                       "%s: a NIfTI header whose voxels are in a second file (.img); one file "
                       "(.nii, .nii.gz) is read: convert it first, for example with nifti_tool",
                       path);
    }
    if (memcmp(first.magic, "n+1", 4) != 0) {
        return err_set(err, ERR_FORMAT, "%s: not NIfTI (its header is ANALYZE 7.5 or damaged)",
                       path);
    }
    if (swap) {
        nifti_swap_as_nifti1(&first);
    }
    widen(&first, ret);
    return true;
}

static bool read_second(const char *path, const unsigned char *bytes, nifti_2_header *ret,
                        bool swap, struct err *err)
{
    memcpy(ret, bytes, sizeof(*ret));
    if (memcmp(ret->magic, "ni2", 4) == 0) {
        return err_set(err, ERR_FORMAT,
                       "%s: a NIfTI-2 header whose voxels are in a second file (.img); one file "
                       "(.nii, .nii.gz) is read: convert it first, for example with nifti_tool",
                       path);
    }
    if (memcmp(ret->magic, "n+2", 4) != 0) {
        return err_set(err, ERR_FORMAT, "%s: not NIfTI (its header is damaged)", path);
    }
    if (memcmp(ret->magic + 4, "\r\n\032\n", 4) != 0) { /* the standard's own test, as in PNG */
        return err_set(err, ERR_FORMAT,
                       "%s: damaged by a transfer as text; copy it again as binary", path);
    }
    if (swap) {
        nifti_swap_as_nifti2(ret);
    }
    return true;
}

/* --- what the fields mean --------------------------------------------------------------------- */

static bool take_type(const char *path, const nifti_2_header *w, struct nifti_header *h,
                      struct err *err)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (types[i].code != w->datatype) {
            continue;
        }
        if (!types[i].number) {
            return err_set(err, ERR_FORMAT,
                           "%s: its voxels are %s; integers, float32 and float64 are read", path,
                           types[i].name);
        }
        h->datatype = w->datatype;
        h->stored_bytes = types[i].bytes;
        h->info.stored = types[i].name;
        if (w->bitpix != (int)types[i].bytes * 8) {
            nifti_complain(&h->info, "says %d bits a voxel, %s has %zu", w->bitpix, types[i].name,
                           types[i].bytes * 8);
        }
        return true;
    }
    return err_set(err, ERR_FORMAT, "%s: damaged header (there is no data type %d)", path,
                   w->datatype);
}

static bool take_shape(const char *path, const nifti_2_header *w, struct nifti_header *h,
                       struct err *err)
{
    size_t bytes = h->stored_bytes;
    size_t *n = h->info.n;

    n[0] = n[1] = n[2] = n[3] = 1;
    if (w->dim[0] < 1 || w->dim[0] > 7) {
        return err_set(err, ERR_FORMAT, "%s: damaged header (%lld dimensions)", path,
                       (long long)w->dim[0]);
    }
    for (int64_t i = 1; i <= w->dim[0]; i++) {
        int64_t extent = w->dim[i] == 0 && i > 3 ? 1 : w->dim[i]; /* 0 is seen for "none" */
        if (extent < 1 || __builtin_mul_overflow(bytes, (size_t)extent, &bytes) ||
            bytes > VOLUME_MAX_BYTES) {
            return err_set(err, ERR_FORMAT,
                           extent < 1
                               ? "%s: damaged header (dimension %lld is %lld)"
                               : "%s: dimension %lld is %lld: more than the 8 GiB that are read",
                           path, (long long)i, (long long)extent);
        }
        n[i < 4 ? i - 1 : 3] *= (size_t)extent;
    }
    for (int64_t i = 5; i <= w->dim[0]; i++) {
        if (w->dim[i] > 1) {
            nifti_complain(&h->info,
                           "has %lld dimensions (those above the third count as %zu times)",
                           (long long)w->dim[0], n[3]);
            break;
        }
    }
    return true;
}

static bool take_offset(const char *path, const nifti_2_header *w, struct nifti_header *h,
                        struct err *err)
{
    int64_t least =
        h->info.version == 1 ? (int64_t)sizeof(nifti_1_header) : (int64_t)sizeof(nifti_2_header);

    h->offset = w->vox_offset;
    if (h->offset == 0) {
        h->offset = least + 4;
        nifti_complain(&h->info, "does not say where its voxels begin (byte %lld is taken)",
                       (long long)h->offset);
    }
    return (h->offset >= least && h->offset <= OFFSET_MAX) ||
        err_set(err, ERR_FORMAT, "%s: damaged header (its voxels begin at an impossible place)",
                path);
}

/* value = stored x slope + intercept; slope 0 means "not scaled" (nifti1.h, DATA SCALING). */
static void take_scaling(const nifti_2_header *w, struct nifti_info *info)
{
    info->slope = 1;
    info->intercept = 0;
    if (w->scl_slope != 0 && isfinite(w->scl_slope) && isfinite(w->scl_inter)) {
        info->slope = w->scl_slope;
        info->intercept = w->scl_inter;
    } else if (w->scl_slope != 0 && !isnan(w->scl_slope)) {
        nifti_complain(info, "its scaling is not finite and is left out");
    }
}

static void take_time(const nifti_2_header *w, struct nifti_info *info)
{
    int unit = XYZT_TO_TIME(w->xyzt_units);
    double seconds = unit == NIFTI_UNITS_MSEC  ? 1e-3
        : unit == NIFTI_UNITS_USEC             ? 1e-6
        : unit == NIFTI_UNITS_SEC || unit == 0 ? 1
                                               : 0; /* Hz, ppm, rad/s: no time */
    double step = w->pixdim[4] * seconds;

    info->time_step_s = info->n[3] > 1 && isfinite(step) && step > 0 ? step : 0;
}

bool nifti_header_parse(const char *path, const unsigned char *bytes, size_t n,
                        struct nifti_header *ret, struct err *err)
{
    struct nifti_header h = {.info = {.version = 0}};
    nifti_2_header w;

    if (!nifti_header_sniff(bytes, n)) {
        return err_set(err, ERR_FORMAT, "%s: not NIfTI", path);
    }
    h.info.version = version_of(bytes, &h.swap);
    if (h.info.version == 2 && n < sizeof(nifti_2_header)) {
        return err_set(err, ERR_FORMAT, "%s: cut short in its header", path);
    }
    if (!(h.info.version == 1 ? read_first(path, bytes, &w, h.swap, err)
                              : read_second(path, bytes, &w, h.swap, err)) ||
        !take_type(path, &w, &h, err) || !take_shape(path, &w, &h, err) ||
        !take_offset(path, &w, &h, err)) {
        return false;
    }
    take_scaling(&w, &h.info);
    nifti_place_take(&w, &h.info);
    take_time(&w, &h.info);
    h.info.intent_code = w.intent_code;
    memcpy(h.info.description, w.descrip, sizeof(h.info.description) - 1);
    *ret = h;
    return true;
}

/* --- a new header ----------------------------------------------------------------------------- */

static int type_of(enum voxel kind)
{
    static const int codes[] = {
        [VOXEL_U8] = NIFTI_TYPE_UINT8,    [VOXEL_I8] = NIFTI_TYPE_INT8,
        [VOXEL_U16] = NIFTI_TYPE_UINT16,  [VOXEL_I16] = NIFTI_TYPE_INT16,
        [VOXEL_U32] = NIFTI_TYPE_UINT32,  [VOXEL_I32] = NIFTI_TYPE_INT32,
        [VOXEL_F32] = NIFTI_TYPE_FLOAT32, [VOXEL_F64] = NIFTI_TYPE_FLOAT64,
    };

    return codes[kind];
}

static void narrow(const nifti_2_header *w, nifti_1_header *h)
{
    *h = (nifti_1_header){
        .sizeof_hdr = (int)sizeof(*h),
        .regular = 'r',
        .datatype = w->datatype,
        .bitpix = w->bitpix,
        .vox_offset = (float)w->vox_offset,
        .scl_slope = (float)w->scl_slope,
        .scl_inter = (float)w->scl_inter,
        .xyzt_units = (char)w->xyzt_units,
        .intent_code = (short)w->intent_code,
        .qform_code = (short)w->qform_code,
        .sform_code = (short)w->sform_code,
        .quatern_b = (float)w->quatern_b,
        .quatern_c = (float)w->quatern_c,
        .quatern_d = (float)w->quatern_d,
        .qoffset_x = (float)w->qoffset_x,
        .qoffset_y = (float)w->qoffset_y,
        .qoffset_z = (float)w->qoffset_z,
        .magic = "n+1",
    };
    for (size_t i = 0; i < 8; i++) {
        h->dim[i] = (short)w->dim[i];
        h->pixdim[i] = (float)w->pixdim[i];
    }
    for (size_t i = 0; i < 4; i++) {
        h->srow_x[i] = (float)w->srow_x[i];
        h->srow_y[i] = (float)w->srow_y[i];
        h->srow_z[i] = (float)w->srow_z[i];
    }
    memcpy(h->descrip, w->descrip, sizeof(h->descrip));
}

bool nifti_header_make(const struct volume *v, const struct nifti_extra *extra,
                       unsigned char ret_front[NIFTI_FRONT_MAX], size_t *ret_n, struct err *err)
{
    bool wide = false;
    nifti_2_header w = {
        .sizeof_hdr = (int)sizeof(w),
        .magic = {'n', '+', '2', '\0', '\r', '\n', '\032', '\n'},
        .datatype = (int16_t)type_of(v->kind),
        .bitpix = (int16_t)(voxel_bytes(v->kind) * 8),
        .dim = {v->n[3] > 1 ? 4 : 3, 1, 1, 1, 1, 1, 1, 1},
        .pixdim = {1, 1, 1, 1, extra->time_step_s, 0, 0, 0},
        .scl_slope = v->slope,
        .scl_inter = v->intercept,
        .xyzt_units = NIFTI_UNITS_MM | (extra->time_step_s > 0 ? NIFTI_UNITS_SEC : 0),
        .intent_code = extra->intent_code,
    };

    for (size_t i = 0; i < 4; i++) {
        w.dim[i + 1] = (int64_t)v->n[i];
        wide = wide || v->n[i] > INT16_MAX;
    }
    if (!nifti_place_put(v, extra->place_code, &w, err)) {
        return false;
    }
    (void)snprintf(w.descrip, sizeof(w.descrip), "%s",
                   extra->description != NULL ? extra->description : "");
    memset(ret_front, 0, NIFTI_FRONT_MAX);
    w.vox_offset = (int64_t)(wide ? sizeof(w) : sizeof(nifti_1_header)) + 4;
    *ret_n = (size_t)w.vox_offset;
    if (wide) {
        memcpy(ret_front, &w, sizeof(w));
    } else {
        nifti_1_header h;
        narrow(&w, &h);
        memcpy(ret_front, &h, sizeof(h));
    }
    return true;
}
