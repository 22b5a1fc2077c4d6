/* The series is read once into floats in the model's grid; scores are never held as a whole. */
#include "steps/segment.h"

#include <string.h>
#include "base/mem.h"
#include "math/label-filter.h"
#include "steps/model-space.h"
#include "steps/segment-back.h"

static bool filter(const struct predict_settings *s, struct volume *mask, size_t labels,
                   struct err *err)
{
    for (size_t i = 1; i < labels; i++) {
        if (!label_filter(mask->voxels, mask->n, (uint8_t)i, s->min_voxels, s->largest[i], err)) {
            return false;
        }
    }
    return true;
}

/* Labels of `view` into `labels`, which lies on its voxels. */
static bool label(struct infer *m, const struct volume *view, const struct segment_options *o,
                  uint8_t *labels, struct infer_sliding_done *done, struct err *err)
{
    struct segment_back back = {.before = NULL};
    struct infer_sliding how = {.overlap = o->settings->overlap,
                                .batch = o->settings->batch,
                                .order = o->order,
                                .slice = segment_back_slice,
                                .slice_arg = &back,
                                .progress = o->progress,
                                .arg = o->arg};
    struct resample_grid grid;
    struct resample_grid own;
    float *values = NULL;
    bool same = true;
    bool good;

    model_space_own(view, &own);
    good = model_space(&m->card, view, &grid, &same, err) &&
        segment_back_open(&back, &m->card, o->settings, &own, &grid, labels, err);
    values = good ? model_space_values(view, &grid, same, o->threads, err) : NULL;
    if (values != NULL) {
        infer_scale(&m->card, values, resample_voxels(&grid));
        good = infer_sliding(m, values, grid.n, &how, done, err);
    }
    good = good && values != NULL;
    mem_free(values);
    segment_back_fini(&back);
    return good;
}

bool segment_volume(struct infer *m, const struct volume *in, const struct segment_options *o,
                    struct volume *ret_labels, struct segment_done *ret_done, struct err *err)
{
    const size_t n[4] = {in->n[0], in->n[1], in->n[2], 1};
    struct volume out = {.voxels = NULL};
    struct infer_sliding_done done = {0, 0, 0};
    struct volume view;
    size_t labels = 0;
    bool good;

    if (m->card.task != MODEL_SEGMENTATION || m->card.channels != 1) {
        return err_set(err, ERR_UNSUPPORTED,
                       "model %s is for %s with %zu channels: one volume is not what it takes",
                       m->card.name, model_task_word(m->card.task), m->card.channels);
    }
    good = predict_slices(in, o->settings, &view, err) && volume_new(&out, n, VOXEL_U8, err);
    if (good) {
        size_t first = o->settings->first * n[0] * n[1];

        memcpy(out.affine, in->affine, sizeof(out.affine));
        good = label(m, &view, o, (uint8_t *)out.voxels + first, &done, err);
    }
    if (good) {
        bool background = done.classes > 1 && m->card.activation != MODEL_SIGMOID;

        labels = background ? done.classes : done.classes + 1;
        labels = labels < MODEL_MAX_LABELS ? labels : MODEL_MAX_LABELS;
        good = filter(o->settings, &out, labels, err);
    }
    if (!good) {
        volume_fini(&out);
        return false;
    }
    *ret_labels = out;
    *ret_done = (struct segment_done){labels, done.patches, done.seconds_model};
    return true;
}
