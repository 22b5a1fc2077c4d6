/* Labels go back by the nearest voxel of the model's grid: classes have no values in between. */
#include "steps/segment.h"

#include <string.h>
#include "base/mem.h"
#include "math/resample.h"
#include "steps/model-space.h"

/* Labels in the model's grid. */
static uint8_t *labels_in(struct infer *m, float *values, const struct resample_grid *grid,
                          const struct segment_options *o, struct err *err)
{
    const struct infer_sliding how = {o->settings->overlap, o->progress, o->arg};
    size_t voxels = resample_voxels(grid);
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
                    struct volume *ret_labels, struct segment_done *ret_done, struct err *err)
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
    model_space_own(in, &own);
    good = model_space(&m->card, in, &grid, &same, err);
    if (good) {
        values = model_space_values(in, &grid, same, o->threads, err);
        labels = values != NULL ? labels_in(m, values, &grid, o, err) : NULL;
        mem_free(values);
        good = labels != NULL && volume_new(&out, n, VOXEL_U8, err);
    }
    if (good) {
        memcpy(out.affine, in->affine, sizeof(out.affine));
        if (same) {
            memcpy(out.voxels, labels, resample_voxels(&grid));
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
    *ret_done = (struct segment_done){.labels = m->card.n_labels};
    return true;
}
