/* Reading, turning and checking; what is compared is in math/overlap. */
#include "steps/mask-pair.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "steps/image-args.h"

#define MOST_LABEL 65535
#define PARALLEL 0.99 /* cosine: the axes of two grids are close to each other, or far apart */

/* Labels of a volume; NULL when it has others than whole numbers. */
static uint16_t *labels_of(const struct volume *v, const char *name, struct err *err)
{
    size_t plane = v->n[0] * v->n[1];
    uint16_t *labels = mem_big(plane * v->n[2], sizeof(*labels), err);
    double *values = labels != NULL ? mem_big(plane, sizeof(*values), err) : NULL;
    bool good = values != NULL;

    for (size_t s = 0; good && s < v->n[2]; s++) {
        volume_doubles(v, s * plane, plane, values);
        for (size_t i = 0; good && i < plane; i++) {
            double label = values[i];
            good = label >= 0 && label <= MOST_LABEL && label == floor(label);
            if (good) {
                labels[s * plane + i] = (uint16_t)label;
            } else {
                err_set(err, ERR_FORMAT,
                        "%.200s is no mask: slice %zu holds %g, and labels are whole numbers from "
                        "0 to %d",
                        name, s, label, MOST_LABEL);
            }
        }
    }
    mem_free(values);
    if (!good) {
        mem_free(labels);
        return NULL;
    }
    return labels;
}

/* For each axis of `like` the axis of `v` that runs along it, and whether it runs the other way;
 * false when there is none of its own for each. */
static bool match_axes(const struct volume *v, const struct volume *like, size_t ret_axis[3],
                       bool ret_back[3])
{
    double a[3];
    double b[3];
    bool used[3] = {false, false, false};

    volume_spacing(like, a);
    volume_spacing(v, b);
    for (size_t i = 0; i < 3; i++) {
        bool found = false;
        for (size_t k = 0; k < 3; k++) {
            double dot = 0;
            for (size_t d = 0; d < 3; d++) {
                dot += like->affine[d][i] * v->affine[d][k];
            }
            dot /= a[i] * b[k];
            if (!used[k] && fabs(dot) > PARALLEL) {
                used[k] = found = true;
                ret_axis[i] = k;
                ret_back[i] = dot < 0;
                break;
            }
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool is_turned(const size_t axis[3], const bool back[3])
{
    return axis[0] != 0 || axis[1] != 1 || axis[2] != 2 || back[0] || back[1] || back[2];
}

/* The labels in another order of axes; `v` gets the size and the affine that go with it. */
static uint16_t *turn(struct volume *v, const uint16_t *labels, const size_t axis[3],
                      const bool back[3], struct err *err)
{
    const size_t step[3] = {1, v->n[0], v->n[0] * v->n[1]};
    const size_t n[3] = {v->n[axis[0]], v->n[axis[1]], v->n[axis[2]]};
    uint16_t *out = mem_big(n[0] * n[1] * n[2], sizeof(*out), err);
    double affine[3][4];
    size_t first = 0;

    for (size_t i = 0; i < 3; i++) {
        first += back[i] ? (n[i] - 1) * step[axis[i]] : 0;
    }
    for (size_t d = 0; d < 3; d++) {
        affine[d][3] = v->affine[d][3];
        for (size_t i = 0; i < 3; i++) {
            affine[d][i] = v->affine[d][axis[i]] * (back[i] ? -1 : 1);
            affine[d][3] += back[i] ? v->affine[d][axis[i]] * (double)(n[i] - 1) : 0;
        }
    }
    for (size_t s = 0, i = 0; out != NULL && s < n[2]; s++) {
        for (size_t r = 0; r < n[1]; r++) {
            for (size_t c = 0; c < n[0]; c++, i++) {
                size_t at = first;
                at = back[0] ? at - c * step[axis[0]] : at + c * step[axis[0]];
                at = back[1] ? at - r * step[axis[1]] : at + r * step[axis[1]];
                at = back[2] ? at - s * step[axis[2]] : at + s * step[axis[2]];
                out[i] = labels[at];
            }
        }
    }
    memcpy(v->n, n, sizeof(n));
    memcpy(v->affine, affine, sizeof(affine));
    return out;
}

static bool read_one(const struct job *job, const char *path, struct volume *v, uint16_t **ret,
                     struct err *err)
{
    const char *name = job != NULL ? image_arg_name(job, path) : path;

    if (!nifti_read(path, v, NULL, err)) {
        return false;
    }
    if (v->n[3] > 1) {
        return err_set(err, ERR_FORMAT, "%.300s holds %zu volumes, a mask is one", name, v->n[3]);
    }
    *ret = labels_of(v, name, err);
    mem_free(v->voxels);
    v->voxels = NULL;
    return *ret != NULL;
}

bool mask_pair_read(struct mask_pair *ret, const struct job *job, const char *predicted,
                    const char *truth, struct err *err)
{
    static const struct job nobody = {.root = NULL};
    struct mask_pair pair = {.predicted = NULL};
    struct volume a = {.voxels = NULL};
    struct volume b = {.voxels = NULL};
    size_t axis[3] = {0, 1, 2};
    bool back[3] = {false, false, false};
    bool good = read_one(job, predicted, &a, &pair.predicted, err) &&
        read_one(job, truth, &b, &pair.truth, err);

    if (good && match_axes(&b, &a, axis, back) && is_turned(axis, back)) {
        uint16_t *turned = turn(&b, pair.truth, axis, back, err);
        mem_free(pair.truth);
        pair.truth = turned;
        pair.turned = true;
        good = turned != NULL;
    }
    good = good && image_same_grid(job != NULL ? job : &nobody, truth, &b, predicted, &a, err);
    volume_fini(&a);
    volume_fini(&b);
    if (!good) {
        mask_pair_fini(&pair);
        return false;
    }
    memcpy(pair.n, a.n, sizeof(pair.n));
    volume_spacing(&a, pair.mm);
    *ret = pair;
    return true;
}

void mask_pair_fini(struct mask_pair *pair)
{
    mem_free(pair->predicted);
    mem_free(pair->truth);
    *pair = (struct mask_pair){.predicted = NULL};
}
