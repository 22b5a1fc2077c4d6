/* Detection: a score a patch (and a class), and that is all. */
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "infer/window.h"

struct found {
    struct infer_patch *list;
    size_t n, room;
};

/* The scores of one patch. */
static bool judge(struct infer *m, struct window *w, const float *patch, float *ret_scores,
                  size_t *ret_classes, struct err *err)
{
    struct ort_tensor out;

    w->in.values = patch;
    if (!infer_once(m, &w->in, &out, err)) {
        return false;
    }
    size_t classes = ort_count(&out);
    if (classes == 0 || classes > INFER_MAX_CLASSES) {
        return err_set(err, ERR_FORMAT,
                       "model '%s' gives %zu numbers for a patch, 1 to %d are handled: a score, or "
                       "one a class",
                       m->card.name, classes, INFER_MAX_CLASSES);
    }
    memcpy(ret_scores, out.values, classes * sizeof(*ret_scores));
    infer_activate(&m->card, ret_scores, classes);
    for (size_t c = 0; c < classes; c++) {
        if (!isfinite(ret_scores[c])) {
            return err_set(err, ERR_FAILED, "model '%s' gives a score that is no number",
                           m->card.name);
        }
    }
    *ret_classes = classes;
    return true;
}

/* The first class that is a finding: behind the background, of several scores that exclude each
 * other; the last alone when nobody asks for more. */
static size_t first_class(const struct infer *m, const struct infer_patches *how, size_t classes)
{
    if (!how->all_classes) {
        return classes - 1;
    }
    return classes > 1 && m->card.activation != MODEL_SIGMOID ? 1 : 0;
}

static bool keep(struct found *found, const struct infer_patch *patch, struct err *err)
{
    if (found->n == found->room) {
        size_t room = found->room > 0 ? found->room * 2 : 64;
        struct infer_patch *more = mem_resize(found->list, room, sizeof(*more), err);

        if (more == NULL) {
            return false;
        }
        found->list = more;
        found->room = room;
    }
    found->list[found->n++] = *patch;
    return true;
}

static bool one(struct infer *m, struct window *w, const struct infer_patches *how,
                const float *volume, struct infer_patch patch, float *room, struct found *found,
                struct err *err)
{
    float scores[INFER_MAX_CLASSES];
    size_t classes = 0;

    window_cut(w, volume, patch.at, room);
    if (!judge(m, w, room, scores, &classes, err)) {
        return false;
    }
    patch.classes = classes;
    for (size_t c = first_class(m, how, classes); c < classes; c++) {
        patch.label = c;
        patch.score = (double)scores[c];
        if (patch.score >= how->least && !keep(found, &patch, err)) {
            return false;
        }
    }
    return true;
}

static void place(const struct window *w, const size_t steps[], size_t stride, size_t i,
                  struct infer_patch *ret)
{
    const size_t step[WINDOW_AXES] = {i % steps[0], i / steps[0] % steps[1],
                                      i / (steps[0] * steps[1])};

    for (size_t a = 0; a < WINDOW_AXES; a++) {
        size_t last = w->n[a] > w->patch[a] ? w->n[a] - w->patch[a] : 0;
        size_t at = step[a] * stride;

        ret->at[a] = at < last ? at : last;
    }
}

bool infer_patches(struct infer *m, const float *volume, const size_t n[3],
                   const struct infer_patches *how, struct infer_patch **ret, size_t *ret_n,
                   struct err *err)
{
    struct window w;
    struct found found = {NULL, 0, 0};
    struct infer_patch patch = {{0, 0, 0}, 0, 0, 0};
    float *room = NULL;
    size_t stride = how->stride > 0 ? how->stride : 1;
    size_t steps[WINDOW_AXES];
    size_t all = 1;
    bool good = window_measure(&w, m, n, err);

    if (good && w.batch > 1) {
        good = err_set(err, ERR_UNSUPPORTED, "model '%s' takes %zu patches at once, not one",
                       m->card.name, w.batch);
    }
    room = good ? mem_big(w.channels * w.voxels, sizeof(*room), err) : NULL;
    for (size_t a = 0; room != NULL && a < WINDOW_AXES; a++) {
        steps[a] = window_steps(n[a], w.patch[a], stride);
        all *= steps[a];
    }
    good = room != NULL && keep(&found, &patch, err); /* so that there is a list */
    found.n = 0;
    for (size_t i = 0; good && i < all; i++) {
        place(&w, steps, stride, i, &patch);
        good = one(m, &w, how, volume, patch, room, &found, err) &&
            (!how->progress || how->progress(how->arg, (double)(i + 1) / (double)all, err));
    }
    mem_free(room);
    if (!good) {
        mem_free(found.list);
        return false;
    }
    *ret = found.list;
    *ret_n = found.n;
    return true;
}
