/* Rows are copied whole; only what hangs over the volume's end is filled value by value. */
#include "infer/window.h"

#include <string.h>

bool window_measure(struct window *w, const struct infer *m, const size_t n[3], struct err *err)
{
    size_t spatial = m->card.n_patch;

    *w = (struct window){.channels = m->card.channels, .voxels = 1};
    if (!infer_shape(m, &w->in, err)) {
        return false;
    }
    if (spatial == 0) { /* the file alone says it: batch, channels, and the rest */
        spatial = w->in.rank > 2 ? w->in.rank - 2 : w->in.rank;
    }
    if (spatial < 2 || spatial > WINDOW_AXES || m->card.slices > 0) {
        return err_set(err, ERR_UNSUPPORTED, "model '%s' takes neither volumes nor slices",
                       m->card.name);
    }
    for (size_t a = 0; a < WINDOW_AXES; a++) {
        w->n[a] = n[a];
        w->patch[a] = a < spatial ? (size_t)w->in.n[w->in.rank - 1 - a] : 1;
        w->voxels *= w->patch[a];
    }
    w->batched = w->in.rank == spatial + 2;
    w->batch = w->batched ? m->in.n[0] > 0 ? (size_t)m->in.n[0] : 0 : 1;
    return w->voxels > 0 || err_bug(err, "an empty patch");
}

size_t window_steps(size_t n, size_t patch, size_t stride)
{
    return n > patch ? (n - patch + stride - 1) / stride + 1 : 1;
}

static size_t inside(size_t i, size_t n)
{
    return i < n ? i : n - 1;
}

void window_cut(const struct window *w, const float *volume, const size_t at[WINDOW_AXES],
                float *ret)
{
    size_t left = at[0] < w->n[0] ? w->n[0] - at[0] : 0;
    size_t whole = left < w->patch[0] ? left : w->patch[0];

    for (size_t c = 0; c < w->channels; c++) {
        for (size_t z = 0; z < w->patch[2]; z++) {
            for (size_t y = 0; y < w->patch[1]; y++) {
                size_t slice = c * w->n[2] + inside(at[2] + z, w->n[2]);
                const float *row =
                    volume + (slice * w->n[1] + inside(at[1] + y, w->n[1])) * w->n[0];

                memcpy(ret, row + at[0], whole * sizeof(*ret));
                for (size_t x = whole; x < w->patch[0]; x++) {
                    ret[x] = row[w->n[0] - 1];
                }
                ret += w->patch[0];
            }
        }
    }
}
