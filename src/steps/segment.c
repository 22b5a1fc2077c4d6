/* Labels go back by the nearest voxel of the model's grid: classes have no values in between. */
#include "steps/segment.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "math/resample.h"

#define AXES 3

static void grid_of(const struct volume *v, struct resample_grid *ret)
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

/* The grid in which the model sees the volume. *ret_same: it is the volume's own. */
static bool model_grid(const struct model_card *card, const struct volume *v,
                       struct resample_grid *ret, bool *ret_same, struct err *err)
{
    struct resample_grid own;
    double mm[AXES];

    grid_of(v, &own);
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
        resample_spaced(&turned, mm, ret);
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

static size_t voxels_of(const struct resample_grid *g)
{
    return g->n[0] * g->n[1] * g->n[2];
}

/* Values of the volume in `grid`. */
static float *values_in(const struct volume *v, const struct resample_grid *grid, bool same,
                        unsigned threads, struct err *err)
{
    struct resample_grid own;
    float *values;
    float *moved = NULL;
    float least = INFINITY;
    size_t plane = v->n[0] * v->n[1];

    grid_of(v, &own);
    values = mem_big(voxels_of(&own), sizeof(*values), err);
    if (values == NULL) {
        return NULL;
    }
    for (size_t z = 0; z < v->n[2]; z++) {
        volume_slice(v, z, 0, values + z * plane);
    }
    if (same) {
        return values;
    }
    for (size_t i = 0; i < voxels_of(&own); i++) {
        least = values[i] < least ? values[i] : least;
    }
    moved = mem_big(voxels_of(grid), sizeof(*moved), err);
    if (moved != NULL &&
        !resample_linear(values, &own, grid, isfinite(least) ? least : 0, threads, moved, err)) {
        mem_free(moved);
        moved = NULL;
    }
    mem_free(values);
    return moved;
}

/* Labels in the model's grid. */
static uint8_t *labels_in(struct infer *m, float *values, const struct resample_grid *grid,
                          const struct segment_options *o, struct err *err)
{
    const struct infer_sliding how = {o->overlap, o->progress, o->arg};
    size_t voxels = voxels_of(grid);
    size_t classes = 0;
    float *scores = NULL;
    uint8_t *labels = NULL;

    infer_scale(&m->card, values, voxels);
    if (!infer_classes(m, &classes, err)) {
        return NULL;
    }
    scores = mem_big(voxels * classes, sizeof(*scores), err);
    labels = scores != NULL ? mem_array(voxels, 1, err) : NULL;
    if (labels != NULL && infer_sliding(m, values, grid->n, &how, scores, classes, &classes, err)) {
        infer_labels(&m->card, scores, classes, voxels, labels);
    } else {
        mem_free(labels);
        labels = NULL;
    }
    mem_free(scores);
    return labels;
}

bool segment_volume(struct infer *m, const struct volume *in, const struct segment_options *o,
                    struct volume *ret_labels, struct err *err)
{
    const size_t n[4] = {in->n[0], in->n[1], in->n[2], 1};
    struct volume out = {.voxels = NULL};
    struct resample_grid grid;
    struct resample_grid own;
    uint8_t *labels = NULL;
    float *values = NULL;
    bool same = true;
    bool good;

    if (m->card.task != MODEL_SEGMENTATION || m->card.channels != 1) {
        return err_set(err, ERR_UNSUPPORTED,
                       "model %s is for %s with %zu channels: one volume is not what it takes",
                       m->card.name, model_task_word(m->card.task), m->card.channels);
    }
    grid_of(in, &own);
    good = model_grid(&m->card, in, &grid, &same, err);
    if (good) {
        values = values_in(in, &grid, same, o->threads, err);
        labels = values != NULL ? labels_in(m, values, &grid, o, err) : NULL;
        mem_free(values);
        good = labels != NULL && volume_new(&out, n, VOXEL_U8, err);
    }
    if (good) {
        memcpy(out.affine, in->affine, sizeof(out.affine));
        if (same) {
            memcpy(out.voxels, labels, voxels_of(&grid));
        } else {
            good = resample_nearest(labels, &grid, &own, 0, o->threads, out.voxels, err);
        }
    }
    mem_free(labels);
    if (!good) {
        volume_fini(&out);
        return false;
    }
    *ret_labels = out;
    return true;
}
