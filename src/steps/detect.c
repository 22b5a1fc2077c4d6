/* Boxes of different labels do not suppress each other: each label is looked at by itself. */
#include "steps/detect.h"

#include <math.h>
#include "base/mem.h"
#include "steps/model-space.h"

#define AXES 3

bool detect_stride(const struct model_card *card, double stride, struct err *err)
{
    size_t least = card->patch[0];

    for (size_t a = 1; a < card->n_patch; a++) {
        least = card->patch[a] < least ? card->patch[a] : least;
    }
    return (stride >= 1 && (card->n_patch == 0 || stride <= (double)least)) ||
        err_set(err, ERR_FORMAT,
                "setting stride is %g: it must lie between 1 and the patch's least size, %zu, or "
                "some voxels would not be looked at",
                stride, least);
}

/* A box of the model's space in voxels of the volume, cut at its edges. `m` maps voxel centres, and
 * edges lie half a voxel before them. */
static void to_volume(double m[3][4], const size_t n[], struct box *box)
{
    struct box out = {.score = box->score};

    for (size_t k = 0; k < AXES; k++) {
        double a = m[k][3] + 0.5;
        double b = a;

        for (size_t i = 0; i < AXES; i++) {
            double from = m[k][i] * (box->low[i] - 0.5);
            double to = m[k][i] * (box->high[i] - 0.5);

            a += fmin(from, to);
            b += fmax(from, to);
        }
        out.low[k] = fmin(fmax(a, 0), (double)n[k]);
        out.high[k] = fmin(fmax(b, 0), (double)n[k]);
    }
    *box = out;
}

/* Sizes of a patch as the model sees it. */
static bool patch_size(const struct infer *m, size_t ret[AXES], struct err *err)
{
    struct ort_tensor shape;
    size_t spatial;

    if (!infer_shape(m, &shape, err)) {
        return false;
    }
    spatial = m->card.n_patch > 0 ? m->card.n_patch : shape.rank > 2 ? shape.rank - 2 : shape.rank;
    for (size_t a = 0; a < AXES; a++) {
        ret[a] = a < spatial ? (size_t)shape.n[shape.rank - 1 - a] : 1;
    }
    return true;
}

/* Of each label the boxes that do not overlap a better one, then all by their score. */
static void suppress(const struct infer_patch *patch, struct box *all, size_t n, double iou_max,
                     struct box *room, struct detect_found *ret)
{
    for (size_t label = 0; label < INFER_MAX_CLASSES; label++) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++) {
            if (patch[i].label == label) {
                room[count++] = all[i];
            }
        }
        count = box_suppress(room, count, iou_max);
        for (size_t i = 0; i < count; i++) {
            size_t at = ret->n++;
            for (; at > 0 && ret->box[at - 1].score < room[i].score; at--) {
                ret->box[at] = ret->box[at - 1];
                ret->label[at] = ret->label[at - 1];
            }
            ret->box[at] = room[i];
            ret->label[at] = label;
        }
    }
}

static bool gather(const struct infer *m, const struct infer_patch *patch, size_t n,
                   double connect[3][4], const struct volume *v, double iou_max,
                   struct detect_found *ret, struct err *err)
{
    size_t size[AXES];
    struct box *all = mem_array(n + 1, sizeof(*all), err);
    struct box *room = all != NULL ? mem_array(n + 1, sizeof(*room), err) : NULL;
    bool good = room != NULL && patch_size(m, size, err);

    ret->box = good ? mem_array(n + 1, sizeof(*ret->box), err) : NULL;
    ret->label = ret->box != NULL ? mem_array(n + 1, sizeof(*ret->label), err) : NULL;
    good = good && ret->label != NULL;
    for (size_t i = 0; good && i < n; i++) {
        all[i].score = patch[i].score;
        for (size_t a = 0; a < AXES; a++) {
            all[i].low[a] = (double)patch[i].at[a];
            all[i].high[a] = (double)(patch[i].at[a] + size[a]);
        }
        to_volume(connect, v->n, &all[i]);
    }
    ret->classes = n > 0 ? patch[0].classes : 0;
    if (good) {
        suppress(patch, all, n, iou_max, room, ret);
    }
    mem_free(all);
    mem_free(room);
    return good;
}

bool detect_run(struct infer *m, const struct volume *v, const struct detect_how *how,
                struct detect_found *ret, struct err *err)
{
    const struct infer_patches patches = {.stride = how->stride,
                                          .least = how->least,
                                          .all_classes = how->all_classes,
                                          .progress = how->progress,
                                          .arg = how->arg};
    struct detect_found found = {NULL, NULL, 0, 0};
    struct infer_patch *patch = NULL;
    struct resample_grid own;
    struct resample_grid grid;
    float *values = NULL;
    double connect[3][4];
    size_t n = 0;
    bool same;
    bool good;

    model_space_own(v, &own);
    good =
        model_space(&m->card, v, &grid, &same, err) && resample_connect(&own, &grid, connect, err);
    values = good ? model_space_values(v, &grid, same, how->threads, err) : NULL;
    if (values != NULL) {
        infer_scale(&m->card, values, resample_voxels(&grid));
        good = infer_patches(m, values, grid.n, &patches, &patch, &n, err);
    }
    mem_free(values);
    good = good && values != NULL && gather(m, patch, n, connect, v, how->iou_max, &found, err);
    mem_free(patch);
    if (!good) {
        detect_fini(&found);
        return false;
    }
    *ret = found;
    return true;
}

void detect_fini(struct detect_found *found)
{
    mem_free(found->box);
    mem_free(found->label);
    *found = (struct detect_found){NULL, NULL, 0, 0};
}
