/* Axes are turned in whole; only another spacing makes new values. */
#include "steps/model-space.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"

#define AXES 3
#define MOST_VOXELS 0x1p34 /* 64 GiB of values */

void model_space_own(const struct volume *v, struct resample_grid *ret)
{
    memcpy(ret->n, v->n, sizeof(ret->n));
    memcpy(ret->affine, v->affine, sizeof(ret->affine));
}

/* Which axis of the patient a letter means, and whether its numbers grow there in RAS+. */
static size_t axis_of(char letter, bool *ret_grows)
{
    static const char letters[] = "RLAPSI";
    size_t i = (size_t)(strchr(letters, letter) - letters);

    *ret_grows = i % 2 == 0;
    return i / 2;
}

/* The same voxels with their axes in the order and direction of `wanted`. False when the volume's
 * own directions are unknown. */
static bool turn(const struct volume *v, const char *wanted, struct resample_grid *grid)
{
    struct resample_grid from = *grid;
    char have[4];

    volume_orientation(v, have);
    if (have[0] == '?') {
        return false;
    }
    for (size_t to = 0; to < AXES; to++) {
        bool want_grows;
        bool have_grows = true;
        size_t axis = axis_of(wanted[to], &want_grows);
        size_t own = 0;

        while (axis_of(have[own], &have_grows) != axis) {
            own++;
        }
        grid->n[to] = from.n[own];
        for (size_t r = 0; r < AXES; r++) {
            double step = from.affine[r][own];

            grid->affine[r][to] = want_grows == have_grows ? step : -step;
            if (want_grows != have_grows) {
                grid->affine[r][3] += step * (double)(from.n[own] - 1);
            }
        }
    }
    return true;
}

bool model_space(const struct model_card *card, const struct volume *v, struct resample_grid *ret,
                 bool *ret_same, struct err *err)
{
    struct resample_grid own;
    double mm[AXES];

    model_space_own(v, &own);
    *ret = own;
    if (card->orientation != NULL && !turn(v, card->orientation, ret)) {
        return err_set(err, ERR_FORMAT,
                       "model %s wants %s, and the volume does not say where its axes point",
                       card->name, card->orientation);
    }
    if (card->n_spacing > 0) {
        struct resample_grid turned = *ret;

        for (size_t a = 0; a < AXES; a++) {
            mm[a] = card->spacing_mm[a < card->n_spacing ? a : card->n_spacing - 1];
        }
        if (card->n_spacing == 2) { /* of a model of slices: as far apart as they are */
            mm[2] = sqrt(turned.affine[0][2] * turned.affine[0][2] +
                         turned.affine[1][2] * turned.affine[1][2] +
                         turned.affine[2][2] * turned.affine[2][2]);
        }
        resample_spaced(&turned, mm, ret);
        if ((double)ret->n[0] * (double)ret->n[1] * (double)ret->n[2] > MOST_VOXELS) {
            return err_set(err, ERR_FORMAT,
                           "model %s wants voxels of %g x %g x %g mm: this volume would have %zu x "
                           "%zu x %zu of them",
                           card->name, mm[0], mm[1], mm[2], ret->n[0], ret->n[1], ret->n[2]);
        }
    }
    *ret_same = true;
    for (size_t r = 0; r < AXES; r++) {
        for (size_t c = 0; c < AXES + 1; c++) {
            *ret_same = *ret_same && fabs(ret->affine[r][c] - own.affine[r][c]) < 1e-6;
        }
        *ret_same = *ret_same && ret->n[r] == own.n[r];
    }
    return true;
}

/* What is no number becomes the least value, which is given back; 0 when nothing is a number. */
static float mend(float *values, size_t n)
{
    float least = INFINITY;
    size_t strange = 0;

    for (size_t i = 0; i < n; i++) {
        bool number = fabsf(values[i]) <= FLT_MAX;
        least = number && values[i] < least ? values[i] : least;
        strange += !number;
    }
    least = isfinite(least) ? least : 0;
    for (size_t i = 0; strange > 0 && i < n; i++) {
        values[i] = fabsf(values[i]) <= FLT_MAX ? values[i] : least;
    }
    return least;
}

float *model_space_values(const struct volume *v, const struct resample_grid *grid, bool same,
                          unsigned threads, struct err *err)
{
    struct resample_grid own;
    float *values;
    float *moved = NULL;
    float least;
    size_t plane = v->n[0] * v->n[1];

    model_space_own(v, &own);
    values = mem_big(resample_voxels(&own), sizeof(*values), err);
    if (values == NULL) {
        return NULL;
    }
    for (size_t z = 0; z < v->n[2]; z++) {
        volume_slice(v, z, 0, values + z * plane);
    }
    least = mend(values, resample_voxels(&own));
    if (same) {
        return values;
    }
    moved = mem_big(resample_voxels(grid), sizeof(*moved), err);
    if (moved != NULL && !resample_linear(values, &own, grid, least, threads, moved, err)) {
        mem_free(moved);
        moved = NULL;
    }
    mem_free(values);
    return moved;
}
