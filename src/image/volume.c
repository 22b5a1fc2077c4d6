/* Volumes: voxels of eight types in one block, given out as floats. */
#include "image/volume.h"
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "base/mem.h"

static const struct {
    const char *name;
    size_t bytes;
} kinds[] = {
    [VOXEL_U8] = {"uint8", 1},    [VOXEL_I8] = {"int8", 1},     [VOXEL_U16] = {"uint16", 2},
    [VOXEL_I16] = {"int16", 2},   [VOXEL_U32] = {"uint32", 4},  [VOXEL_I32] = {"int32", 4},
    [VOXEL_F32] = {"float32", 4}, [VOXEL_F64] = {"float64", 8},
};

size_t voxel_bytes(enum voxel kind)
{
    return kinds[kind].bytes;
}

const char *voxel_name(enum voxel kind)
{
    return kinds[kind].name;
}

size_t volume_count(const struct volume *v)
{
    return v->n[0] * v->n[1] * v->n[2] * v->n[3];
}

bool volume_new(struct volume *ret, const size_t n[4], enum voxel kind, struct err *err)
{
    size_t bytes = voxel_bytes(kind);
    bool fits = true;

    for (size_t i = 0; i < 4 && fits; i++) {
        fits = n[i] > 0 && !__builtin_mul_overflow(bytes, n[i], &bytes);
    }
    if (!fits || bytes > VOLUME_MAX_BYTES) {
        return err_set(err, ERR_FORMAT, "a volume of %zu x %zu x %zu x %zu %s: %s", n[0], n[1],
                       n[2], n[3], voxel_name(kind),
                       fits || (n[0] && n[1] && n[2] && n[3]) ? "more than 8 GiB" : "is empty");
    }
    struct volume v = {
        .n = {n[0], n[1], n[2], n[3]},
        .kind = kind,
        .slope = 1,
        .affine = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}},
        .voxels = mem_array(bytes, 1, err),
    };
    if (v.voxels == NULL) {
        return false;
    }
    *ret = v;
    return true;
}

void volume_fini(struct volume *v)
{
    mem_free(v->voxels);
    v->voxels = NULL;
}

/* Stored numbers of one type as values. In double, as 32-bit integers do not fit a float. */
#define TO_VALUES(type)                                              \
    {                                                                \
        const type *stored = (const type *)v->voxels + first;        \
        for (size_t i = 0; i < count; i++) {                         \
            ret[i] = (float)((double)stored[i] * slope + intercept); \
        }                                                            \
        break;                                                       \
    }

static void values(const struct volume *v, size_t first, size_t count, float *ret)
{
    double slope = v->slope;
    double intercept = v->intercept;

    switch (v->kind) {
    case VOXEL_U8:
        TO_VALUES(uint8_t)
    case VOXEL_I8:
        TO_VALUES(int8_t)
    case VOXEL_U16:
        TO_VALUES(uint16_t)
    case VOXEL_I16:
        TO_VALUES(int16_t)
    case VOXEL_U32:
        TO_VALUES(uint32_t)
    case VOXEL_I32:
        TO_VALUES(int32_t)
    case VOXEL_F32:
        TO_VALUES(float)
    case VOXEL_F64:
        TO_VALUES(double)
    }
}

void volume_line(const struct volume *v, size_t row, size_t slice, size_t time, float *ret)
{
    values(v, ((time * v->n[2] + slice) * v->n[1] + row) * v->n[0], v->n[0], ret);
}

void volume_slice(const struct volume *v, size_t slice, size_t time, float *ret)
{
    size_t plane = v->n[1] * v->n[0];

    values(v, (time * v->n[2] + slice) * plane, plane, ret);
}

#define TO_DOUBLES(type)                                          \
    {                                                             \
        const type *stored = (const type *)v->voxels + first;     \
        for (size_t i = 0; i < count; i++) {                      \
            ret[i] = (double)stored[i] * v->slope + v->intercept; \
        }                                                         \
        break;                                                    \
    }

void volume_doubles(const struct volume *v, size_t first, size_t count, double *ret)
{
    switch (v->kind) {
    case VOXEL_U8:
        TO_DOUBLES(uint8_t)
    case VOXEL_I8:
        TO_DOUBLES(int8_t)
    case VOXEL_U16:
        TO_DOUBLES(uint16_t)
    case VOXEL_I16:
        TO_DOUBLES(int16_t)
    case VOXEL_U32:
        TO_DOUBLES(uint32_t)
    case VOXEL_I32:
        TO_DOUBLES(int32_t)
    case VOXEL_F32:
        TO_DOUBLES(float)
    case VOXEL_F64:
        TO_DOUBLES(double)
    }
}

#define STORE_WHOLE(type, low, high)                         \
    {                                                        \
        type *stored = (type *)v->voxels + first;            \
        for (size_t i = 0; i < count; i++) {                 \
            double x = rint(values[i]);                      \
            bool fits = x >= (low) && x <= (high);           \
            x = isnan(x) ? 0 : fmin(fmax(x, (low)), (high)); \
            stored[i] = (type)x;                             \
            bent += !fits;                                   \
        }                                                    \
        break;                                               \
    }

size_t volume_store(struct volume *v, size_t first, size_t count, const double *values)
{
    size_t bent = 0;

    switch (v->kind) {
    case VOXEL_U8:
        STORE_WHOLE(uint8_t, 0.0, (double)UINT8_MAX)
    case VOXEL_I8:
        STORE_WHOLE(int8_t, (double)INT8_MIN, (double)INT8_MAX)
    case VOXEL_U16:
        STORE_WHOLE(uint16_t, 0.0, (double)UINT16_MAX)
    case VOXEL_I16:
        STORE_WHOLE(int16_t, (double)INT16_MIN, (double)INT16_MAX)
    case VOXEL_U32:
        STORE_WHOLE(uint32_t, 0.0, (double)UINT32_MAX)
    case VOXEL_I32:
        STORE_WHOLE(int32_t, (double)INT32_MIN, (double)INT32_MAX)
    case VOXEL_F32:
        for (size_t i = 0; i < count; i++) {
            float x = (float)values[i];
            ((float *)v->voxels)[first + i] = x;
            bent += isinf(x) && !isinf(values[i]);
        }
        break;
    case VOXEL_F64:
        memcpy((double *)v->voxels + first, values, count * sizeof *values);
        break;
    }
    return bent;
}

/* Integers cannot be anything but finite; the two float types are asked. */
#define STORED_RANGE(type, is_good)          \
    {                                        \
        const type *stored = v->voxels;      \
        type lo = 0, hi = 0;                 \
        for (size_t i = 0; i < count; i++) { \
            type x = stored[i];              \
            if (!(is_good)) {                \
                bad++;                       \
            } else if (good++ == 0) {        \
                lo = hi = x;                 \
            } else {                         \
                lo = x < lo ? x : lo;        \
                hi = x > hi ? x : hi;        \
            }                                \
        }                                    \
        low = (double)lo;                    \
        high = (double)hi;                   \
        break;                               \
    }

void volume_range(const struct volume *v, double *ret_min, double *ret_max, size_t *ret_not_finite)
{
    size_t count = volume_count(v);
    size_t good = 0;
    size_t bad = 0;
    double low = 0;
    double high = 0;

    switch (v->kind) {
    case VOXEL_U8:
        STORED_RANGE(uint8_t, true)
    case VOXEL_I8:
        STORED_RANGE(int8_t, true)
    case VOXEL_U16:
        STORED_RANGE(uint16_t, true)
    case VOXEL_I16:
        STORED_RANGE(int16_t, true)
    case VOXEL_U32:
        STORED_RANGE(uint32_t, true)
    case VOXEL_I32:
        STORED_RANGE(int32_t, true)
    case VOXEL_F32:
        STORED_RANGE(float, isfinite(x))
    case VOXEL_F64:
        STORED_RANGE(double, isfinite(x))
    }
    low = low * v->slope + v->intercept;
    high = high * v->slope + v->intercept;
    *ret_min = good == 0 ? 0 : fmin(low, high);
    *ret_max = good == 0 ? 0 : fmax(low, high);
    *ret_not_finite = bad;
}

void volume_spacing(const struct volume *v, double ret_mm[3])
{
    for (size_t axis = 0; axis < 3; axis++) {
        ret_mm[axis] =
            sqrt(v->affine[0][axis] * v->affine[0][axis] + v->affine[1][axis] * v->affine[1][axis] +
                 v->affine[2][axis] * v->affine[2][axis]);
    }
}

/* The three pairs (voxel axis, patient axis) are taken strongest first, each axis once: the nearest
 * axis of each voxel axis alone may name one twice where the volume is turned by 45 degrees. */
void volume_orientation(const struct volume *v, char ret[4])
{
    static const char ends[3][2] = {{'L', 'R'}, {'P', 'A'}, {'I', 'S'}};
    bool taken[3] = {false, false, false};
    double mm[3];

    for (size_t axis = 0; axis < 3; axis++) {
        ret[axis] = '?';
    }
    ret[3] = '\0';
    volume_spacing(v, mm);
    for (size_t round = 0; round < 3; round++) {
        size_t best_axis = 0;
        size_t best_end = 0;
        double best = 0;
        for (size_t axis = 0; axis < 3; axis++) {
            for (size_t end = 0; ret[axis] == '?' && end < 3; end++) {
                double cosine = taken[end] || !(mm[axis] > 0) ? 0 : v->affine[end][axis] / mm[axis];
                if (fabs(cosine) > fabs(best)) {
                    best = cosine;
                    best_axis = axis;
                    best_end = end;
                }
            }
        }
        if (!(fabs(best) > 1e-6)) {
            ret[0] = ret[1] = ret[2] = '?';
            return;
        }
        ret[best_axis] = ends[best_end][best > 0];
        taken[best_end] = true;
    }
}
