/* The three methods of nifti1.h, 3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE. */
#include "image/nifti-place.h"
#include <math.h>
#include <string.h>
#include "image/nifti-header.h"

/* A column of the affine shorter than this, or three of them this near to one plane, is none. */
#define LEAST_MM 1e-9
#define LEAST_VOLUME 1e-6

struct affine {
    double m[3][4];
};

/* Finite, and three axes that span a volume. */
static bool usable(const struct affine *a)
{
    const double(*m)[4] = a->m;
    double length = 1;
    double det = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
        m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
        m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);

    for (size_t j = 0; j < 4; j++) {
        double column = hypot(hypot(m[0][j], m[1][j]), m[2][j]);
        if (!isfinite(column) || (j < 3 && column < LEAST_MM)) {
            return false;
        }
        length *= j < 3 ? column : 1;
    }
    return fabs(det) > LEAST_VOLUME * length;
}

static double spacing_of(const nifti_2_header *w, size_t axis)
{
    double mm = fabs(w->pixdim[axis]);

    return isfinite(mm) && mm >= LEAST_MM ? mm : 1;
}

static double least_spacing(const nifti_2_header *w)
{
    return fmin(fmin(spacing_of(w, 1), spacing_of(w, 2)), spacing_of(w, 3));
}

static bool from_qform(const nifti_2_header *w, struct affine *ret)
{
    double size =
        w->quatern_b * w->quatern_b + w->quatern_c * w->quatern_c + w->quatern_d * w->quatern_d;

    if (!(size <= 1.0 + 1e-4)) { /* b, c, d of a unit quaternion; single precision rounds */
        return false;
    }
    nifti_dmat44 m = nifti_quatern_to_dmat44(
        w->quatern_b, w->quatern_c, w->quatern_d, w->qoffset_x, w->qoffset_y, w->qoffset_z,
        spacing_of(w, 1), spacing_of(w, 2), spacing_of(w, 3), w->pixdim[0] < 0 ? -1 : 1);
    memcpy(ret->m, m.m, sizeof(ret->m));
    return usable(ret);
}

static bool from_sform(const nifti_2_header *w, struct affine *ret)
{
    memcpy(ret->m[0], w->srow_x, sizeof(w->srow_x));
    memcpy(ret->m[1], w->srow_y, sizeof(w->srow_y));
    memcpy(ret->m[2], w->srow_z, sizeof(w->srow_z));
    return usable(ret);
}

static void from_spacing(const nifti_2_header *w, struct affine *ret)
{
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 4; j++) {
            ret->m[i][j] = i == j ? spacing_of(w, i + 1) : 0;
        }
    }
}

/* Greatest distance between where two affines put a corner of the volume. */
static double apart(const struct affine *a, const struct affine *b, const size_t *n)
{
    double most = 0;

    for (unsigned corner = 0; corner < 8; corner++) {
        double sum = 0;
        for (size_t i = 0; i < 3; i++) {
            double d = a->m[i][3] - b->m[i][3];
            for (size_t j = 0; j < 3; j++) {
                d += corner >> j & 1 ? (a->m[i][j] - b->m[i][j]) * (double)(n[j] - 1) : 0;
            }
            sum += d * d;
        }
        most = fmax(most, sqrt(sum));
    }
    return most;
}

static double mm_of_unit(int units)
{
    switch (XYZT_TO_SPACE(units)) {
    case NIFTI_UNITS_METER:
        return 1000;
    case NIFTI_UNITS_MICRON:
        return 0.001;
    default:
        return 1;
    }
}

void nifti_place_take(const nifti_2_header *w, struct nifti_info *info)
{
    struct affine q = {.m = {{0}}};
    struct affine s = {.m = {{0}}};
    struct affine best = {.m = {{0}}};
    bool has_q = w->qform_code > 0 && from_qform(w, &q);
    bool has_s = w->sform_code > 0 && from_sform(w, &s);
    double unit = mm_of_unit(w->xyzt_units);

    if (w->sform_code > 0 && !has_s) {
        nifti_complain(info, "its sform is no affine and is left out");
    }
    if (w->qform_code > 0 && !has_q) {
        nifti_complain(info, "its qform is no rotation and is left out");
    }
    if (has_s && has_q && apart(&s, &q, info->n) > least_spacing(w) / 2) {
        nifti_complain(info, "sform and qform are up to %.3g mm apart (the sform is used)",
                       apart(&s, &q, info->n) * unit);
    }
    if (has_s) {
        best = s;
    } else if (has_q) {
        best = q;
    } else {
        from_spacing(w, &best);
        nifti_complain(info, "does not say how it lies in the patient");
    }
    info->place = has_s ? "sform" : has_q ? "qform" : "spacing";
    info->place_code = has_s ? w->sform_code : has_q ? w->qform_code : 0;
    for (size_t i = 0; i < 12; i++) {
        info->affine[i / 4][i % 4] = best.m[i / 4][i % 4] * unit;
    }
}

bool nifti_place_put(const struct volume *v, int code, nifti_2_header *w, struct err *err)
{
    nifti_dmat44 m;
    struct affine is = {.m = {{0}}};
    struct affine back = {.m = {{0}}};
    double step[3];
    double qfac = 1;

    memcpy(is.m, v->affine, sizeof(is.m));
    if (!usable(&is)) {
        return err_set(err, ERR_FORMAT, "the three axes of the volume do not span a space");
    }
    memcpy(w->srow_x, is.m[0], sizeof(w->srow_x));
    memcpy(w->srow_y, is.m[1], sizeof(w->srow_y));
    memcpy(w->srow_z, is.m[2], sizeof(w->srow_z));
    memset(&m, 0, sizeof(m));
    memcpy(m.m, is.m, sizeof(is.m));
    m.m[3][3] = 1;
    nifti_dmat44_to_quatern(m, &w->quatern_b, &w->quatern_c, &w->quatern_d, &w->qoffset_x,
                            &w->qoffset_y, &w->qoffset_z, &step[0], &step[1], &step[2], &qfac);
    w->pixdim[0] = qfac;
    volume_spacing(v, step);
    memcpy(w->pixdim + 1, step, sizeof(step));
    w->sform_code = code;
    /* The qform is a rotation: an affine with a shear (a tilted gantry) has only a sform. */
    w->qform_code =
        from_qform(w, &back) && apart(&back, &is, v->n) < 1e-3 * least_spacing(w) ? code : 0;
    return true;
}
