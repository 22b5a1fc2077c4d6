/* Values are scaled before they are made smaller: the mean of a window is not the window of a
 * mean. */
#include "steps/predict-input.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "steps/model-space.h"

static bool measure(struct predict_input *in, struct err *err)
{
    const struct model_card *card = &in->m->card;
    size_t spatial = card->n_patch;

    if (!infer_shape(in->m, &in->in, err)) {
        return false;
    }
    if (spatial == 0) {
        spatial = in->in.rank > 2 ? in->in.rank - 2 : in->in.rank;
    }
    if (spatial < 2 || spatial > 3 || (in->in.rank == spatial + 2 && in->in.n[0] != 1)) {
        return err_set(err, ERR_UNSUPPORTED,
                       "model '%s' takes neither one volume nor one slice at a time", card->name);
    }
    in->flat = spatial == 2;
    for (size_t a = 0; a < 3; a++) {
        in->size[a] = a < spatial ? (size_t)in->in.n[in->in.rank - 1 - a] : 1;
    }
    return true;
}

bool predict_input_open(struct predict_input *in, struct infer *m, const struct volume *v,
                        unsigned threads, struct err *err)
{
    bool same;
    bool good;

    *in = (struct predict_input){.m = m};
    good = measure(in, err) && model_space(&m->card, v, &in->grid, &same, err);
    in->values = good ? model_space_values(v, &in->grid, same, threads, err) : NULL;
    if (in->values == NULL) {
        return false;
    }
    infer_scale(&m->card, in->values, resample_voxels(&in->grid));
    in->n = in->flat ? in->grid.n[2] : 1;
    in->room = mem_big(m->card.channels * in->size[0] * in->size[1] *
                           (in->grid.n[2] > in->size[2] ? in->grid.n[2] : in->size[2]),
                       sizeof(*in->room), err);
    return in->room != NULL;
}

void predict_input_close(struct predict_input *in)
{
    mem_free(in->values);
    mem_free(in->room);
    *in = (struct predict_input){.m = NULL};
}

/* The middle of `n` voxels for `size` of them: where it begins, perhaps before the first. */
static long middle(size_t n, size_t size)
{
    return ((long)n - (long)size) / 2;
}

static float least_of(const float *values, size_t n)
{
    float least = values[0];

    for (size_t i = 1; i < n; i++) {
        least = values[i] < least ? values[i] : least;
    }
    return least;
}

/* Slices from `first` on, at the card's spacing: cut out or surrounded. */
static void crop(const struct predict_input *in, long first)
{
    const size_t *n = in->grid.n;
    float least = least_of(in->values, resample_voxels(&in->grid));
    float *to = in->room;

    for (size_t z = 0; z < in->size[2]; z++) {
        for (size_t y = 0; y < in->size[1]; y++) {
            for (size_t x = 0; x < in->size[0]; x++) {
                long at[3] = {(long)x + middle(n[0], in->size[0]),
                              (long)y + middle(n[1], in->size[1]), (long)z + first};
                bool there = true;
                for (size_t a = 0; a < 3; a++) {
                    there = there && at[a] >= 0 && at[a] < (long)n[a];
                }
                *to++ = there
                    ? in->values[((size_t)at[2] * n[1] + (size_t)at[1]) * n[0] + (size_t)at[0]]
                    : least;
            }
        }
    }
}

/* Slices `first` to `first` + `count` - 1 made the size; then the pile of them. */
static bool fit(const struct predict_input *in, size_t first, size_t count, struct err *err)
{
    size_t plane = in->grid.n[0] * in->grid.n[1];
    size_t pixels = in->size[0] * in->size[1];
    float *pile = count == in->size[2] ? in->room : mem_big(count * pixels, sizeof(*pile), err);
    bool good = pile != NULL;

    for (size_t z = 0; good && z < count; z++) {
        good = resample_plane(in->values + (first + z) * plane, in->grid.n[0], in->grid.n[1],
                              in->size[0], in->size[1], pile + z * pixels, err);
    }
    if (good && pile != in->room) { /* a slice is a row of this picture */
        good = resample_plane(pile, pixels, count, pixels, in->size[2], in->room, err);
    }
    if (pile != in->room) {
        mem_free(pile);
    }
    return good;
}

bool predict_input_tensor(struct predict_input *in, size_t i, struct err *err)
{
    size_t values = in->size[0] * in->size[1] * in->size[2];

    if (in->m->card.n_spacing > 0) {
        crop(in, in->flat ? (long)i : middle(in->grid.n[2], in->size[2]));
    } else if (!fit(in, in->flat ? i : 0, in->flat ? 1 : in->grid.n[2], err)) {
        return false;
    }
    for (size_t c = 1; c < in->m->card.channels; c++) {
        memcpy(in->room + c * values, in->room, values * sizeof(*in->room));
    }
    in->in.values = in->room;
    return true;
}

bool predict_input_slice(const struct volume *v, const struct resample_grid *grid, size_t z,
                         size_t *ret)
{
    struct resample_grid own;
    double m[3][4];

    model_space_own(v, &own);
    if (!resample_connect(&own, grid, m, err_ignore("then slices have no numbers")) ||
        fabs(m[2][0]) > 1e-3 || fabs(m[2][1]) > 1e-3) {
        return false;
    }
    double slice = rint(m[2][2] * (double)z + m[2][3]);
    *ret = slice < 0 ? 0 : slice < (double)v->n[2] ? (size_t)slice : v->n[2] - 1;
    return true;
}
