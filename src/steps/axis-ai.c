/*
 * Models of the rotation axis: opening one, and the classifier of single slices. What it is shown
 * follows TomoGUI's inference to the bit: the same windows, the same rounding.
 */
#include "steps/axis-ai.h"
#include <math.h>
#include "base/mem.h"
#include "base/path.h"
#include "math/centre-ai.h"
#include "math/centre-level.h"
#include "model/model-find.h"
#include "steps/axis-ai-own.h"
#include "steps/common.h"

/* TomoGUI's protocol where the card says nothing else. */
#define DOWNSAMPLE 2.0
#define BITS 8.0
#define SEED 10.0
/* Windows of one slice: more than anybody draws. */
#define WINDOWS_MOST 64u
/* Slices further than this from the best are rivals, not neighbours. */
#define RIVAL_PX 2.0
/* Slices of one search: more are a range nobody means. */
#define CENTRES_MOST 20000.0

/* ---- the model ---- */

/* The model's folder: the home's own models first, then those that ship. */
static char *folder_of(const char *home, const char *model, struct err *err)
{
    struct model_places places;
    char *found = NULL;

    if (model_places_init(&places, home, err)) {
        found = model_find(places.registries, model, err);
        model_places_fini(&places);
    }
    return found;
}

static bool check(struct axis_ai *ai, const char *model, struct err *err)
{
    const struct model_card *card = &ai->model->card;

    if (card->task != MODEL_COR) {
        return err_set(err, ERR_USAGE, "model '%s' is for %s, not for rotation centres (task cor)",
                       model, model_task_word(card->task));
    }
    if (card->n_patch != 2 || card->patch[0] != card->patch[1]) {
        return err_set(err, ERR_FORMAT, "model '%s': input.patch must be two equal numbers", model);
    }
    if (card->slices > 0 && card->channels != 1) { /* of one that compares: the row's length */
        return err_set(err, ERR_FORMAT, "model '%s': input.channels must be 1: slices are grey",
                       model);
    }
    if (card->slices == 0 && card->patch[0] % 8 != 0) {
        return err_set(err, ERR_FORMAT, "model '%s': input.patch must be a multiple of 8", model);
    }
    if (card->slices > WINDOWS_MOST) {
        return err_set(err, ERR_FORMAT, "model '%s': input.slices must be at most %u", model,
                       WINDOWS_MOST);
    }
    ai->window = card->patch[0];
    ai->settings = model_settings(card, NULL, err);
    return ai->settings != NULL;
}

struct axis_ai *axis_ai_open(struct job *job, const char *model, struct err *err)
{
    struct axis_ai *ai = mem_zero(sizeof(*ai), err);
    char *folder = ai == NULL ? NULL : folder_of(job->home, model, err);
    bool good = folder != NULL &&
        common_model_open(job, folder, "rotation_axis_method ai (auto, vo and pc work without it)",
                          &ai->kept, err);

    if (good) {
        ai->keep = job->models;
        ai->model = ai->kept.infer;
        good = check(ai, model, err);
    }
    mem_free(folder);
    if (!good) {
        axis_ai_close(ai);
        return NULL;
    }
    return ai;
}

void axis_ai_close(struct axis_ai *ai)
{
    if (ai != NULL) {
        json_decref(ai->settings);
        keep_close(ai->keep, &ai->kept);
        mem_free(ai);
    }
}

bool axis_ai_classifies(const struct axis_ai *ai)
{
    return ai->model->card.slices > 0;
}

/* ---- single slices ---- */

/* Windows of `small` (n x n) through the model; softmax of its two outputs. */
static bool ask(struct axis_ai *ai, const float *small, size_t n, double *ret_score,
                struct err *err)
{
    size_t windows = ai->model->card.slices, side = ai->window;
    struct centre_ai_corner corner[WINDOWS_MOST];
    struct ort_tensor in, out;
    float *values = mem_array(windows * side, side * sizeof(float), err);
    bool good = values != NULL && infer_shape(ai->model, &in, err) &&
        centre_ai_draw(n, side, windows, (uint32_t)model_setting(ai->settings, "seed", SEED),
                       corner, err);

    for (size_t i = 0; good && i < windows; i++) {
        centre_ai_cut(small, n, corner[i], side, values + i * side * side);
    }
    if (good) {
        in.values = values;
        good = infer_once(ai->model, &in, &out, err);
    }
    if (good && ort_count(&out) != 2) {
        good = err_set(err, ERR_FORMAT, "model '%s' has %zu outputs where two are wanted (off, on)",
                       ai->model->card.name, ort_count(&out));
    }
    if (good) {
        *ret_score = centre_ai_share((double)out.values[0], (double)out.values[1]);
    }
    mem_free(values);
    return good;
}

bool axis_ai_score(struct axis_ai *ai, const float *slice, size_t n, double *ret_score,
                   struct err *err)
{
    unsigned by = (unsigned)fmax(1, model_setting(ai->settings, "downsample", DOWNSAMPLE));
    unsigned bits = (unsigned)fmin(16, fmax(0, model_setting(ai->settings, "bits", BITS)));
    size_t side = n / by;
    float *small = NULL;
    bool good;

    if (side <= ai->window) {
        return err_set(err, ERR_FORMAT,
                       "model '%s' looks at windows of %zu pixels of slices made %u times smaller: "
                       "%zu columns are too few for it, %zu are wanted",
                       ai->model->card.name, ai->window, by, n, (ai->window + 1) * by);
    }
    small = mem_big(side * side, sizeof(float), err);
    good = small != NULL && centre_ai_shrink(slice, n, by, small, err);
    if (good) {
        centre_ai_scale(small, side * side, bits);
        good = ask(ai, small, side, ret_score, err);
    }
    mem_free(small);
    return good;
}

void axis_ai_best(const double *centre, const double *score, size_t count,
                  struct centre_result *ret)
{
    size_t best = 0;
    double rival = 0;

    for (size_t i = 1; i < count; i++) {
        best = score[i] >= score[best] ? i : best;
    }
    for (size_t i = 0; i < count; i++) {
        if (fabs(centre[i] - centre[best]) > RIVAL_PX) {
            rival = fmax(rival, score[i]);
        }
    }
    *ret = (struct centre_result){centre[best], fmax(0, score[best] - rival)};
}

/* Scores of slices about `centre`, reconstructed a batch at a time. */
static bool judge_all(struct axis_ai *ai, const struct axis_ai_scan *scan, const double *centre,
                      size_t count, double *ret_score, struct err *err)
{
    struct recon_spec spec = {.columns = scan->columns,
                              .angles = scan->angles,
                              .theta_rad = scan->theta_rad,
                              .algorithm = scan->algorithm,
                              .filter = scan->filter,
                              .threads = scan->threads};
    size_t n = scan->columns, batch = centre_level_batch(n, count);
    float *image = mem_big(batch * n * n, sizeof(float), err);
    struct recon *recon = image == NULL ? NULL : recon_new(&spec, err);
    bool good = recon != NULL;

    for (size_t done = 0; good && done < count; done += batch) {
        size_t some = count - done < batch ? count - done : batch;

        good = recon_centres(recon, scan->sino, some, centre + done, image, err);
        for (size_t i = 0; good && i < some; i++) {
            good = axis_ai_score(ai, image + i * n * n, n, ret_score + done + i, err);
        }
    }
    recon_free(recon);
    mem_free(image);
    return good;
}

bool axis_ai_judge(struct axis_ai *ai, const struct axis_ai_scan *scan, double lo, double hi,
                   double step, struct centre_result *ret, struct centre_curve *ret_curve,
                   struct err *err)
{
    struct centre_curve curve = {0, NULL, NULL};
    bool good;

    if (lo >= hi) {
        lo = (double)scan->columns / 4;
        hi = 3 * (double)scan->columns / 4;
    }
    curve.count = (size_t)fmin((hi - lo) / step + 1e-9, CENTRES_MOST) + 1;
    curve.centre = mem_array(curve.count, sizeof(double), err);
    curve.score = curve.centre == NULL ? NULL : mem_array(curve.count, sizeof(double), err);
    good = curve.score != NULL;
    for (size_t i = 0; good && i < curve.count; i++) {
        curve.centre[i] = lo + (double)i * step;
    }
    if (good && judge_all(ai, scan, curve.centre, curve.count, curve.score, err)) {
        axis_ai_best(curve.centre, curve.score, curve.count, ret);
        for (size_t i = 0; i < curve.count; i++) {
            curve.score[i] = 1 - curve.score[i];
        }
        *ret_curve = curve;
        return true;
    }
    centre_curve_fini(&curve);
    return false;
}
