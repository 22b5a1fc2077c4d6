/*
 * 1. vo, and entropy: the slice's sinogram, its views sorted by angle and cut to half a turn (a
 * full turn shows every ray twice).
 * 2. pc: a band of rows of the two views that are nearest to half a turn apart.
 * 3. Both are asked within the search range first; at its edge, or without confidence, on the whole
 * detector.
 * 4. Where they do not confirm one another, auto asks the model that compares try slices, in the
 * same two ranges; without model or ONNX Runtime the two do.
 * 5. centre_auto weighs what was said.
 * With method ai the model is asked first. Method entropy asks nobody else.
 */
#include "steps/axis.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "math/centre-entropy.h"
#include "steps/axis-ai.h"

/* Under this a result is looked for again on the whole detector: centre.h calls it not to be
 * trusted. */
#define DOUBTFUL 0.3
/* Under this our model is not believed alone: from here on it was off by more than a pixel in 1 of
 * 281 scans (models/README-cor.md). */
#define UNSURE 0.5
/* So far beyond vo and pc the model looks when it is the third voice. */
#define THIRD_COLUMNS 5.0
/* Rows of a band for phase correlation: more average the noise, and cost reading. */
#define BAND_SLICES 64u

struct search {
    struct source *source;
    const struct recon_params *params;
    const struct axis_means *means;
    float *sino; /* [angles][columns], half a turn, sorted */
    double *theta;
    size_t angles;
    float *zero, *opposite; /* [rows][columns] */
    size_t rows;
    double step;
};

struct view_angle {
    double theta;
    size_t view;
};

static int by_angle(const void *a, const void *b)
{
    const struct view_angle *x = a;
    const struct view_angle *y = b;

    return x->theta < y->theta ? -1 : x->theta > y->theta;
}

/* Before another is loaded: vo's is a sorted half turn, a model's holds all views in their order.
 */
static void drop_sinogram(struct search *s)
{
    mem_free(s->sino);
    mem_free(s->theta);
    s->sino = NULL;
    s->theta = NULL;
    s->angles = 0;
}

/* The slice's sinogram, sorted by angle, first half turn. */
static bool load_sinogram(struct search *s, size_t slice, struct err *err)
{
    const struct source_grid *g = source_grid(s->source);
    struct view_angle *order = mem_array(g->angles, sizeof(*order), err);
    float *all = order == NULL ? NULL : mem_big(g->angles * g->columns, sizeof(float), err);
    bool good = all != NULL && source_select(s->source, slice, 1, err) &&
        source_sinograms(s->source, slice, 1, all, NULL, NULL, err) && source_judge(s->source, err);

    s->sino = good ? mem_big(g->angles * g->columns, sizeof(float), err) : NULL;
    s->theta = s->sino == NULL ? NULL : mem_array(g->angles, sizeof(double), err);
    good = s->theta != NULL;
    for (size_t i = 0; good && i < g->angles; i++) {
        order[i] = (struct view_angle){g->theta_rad[i], i};
    }
    if (good) {
        qsort(order, g->angles, sizeof(*order), by_angle);
    }
    for (size_t i = 0; good && i < g->angles && order[i].theta - order[0].theta < M_PI - 1e-9;
         i++) {
        memcpy(s->sino + i * g->columns, all + order[i].view * g->columns,
               g->columns * sizeof(float));
        s->theta[s->angles++] = order[i].theta;
    }
    mem_free(all);
    mem_free(order);
    return good;
}

/* Two views half a turn apart, a band of rows about the slice. ERR_FORMAT when the scan has no such
 * pair. */
static bool load_pair(struct search *s, size_t slice, struct err *err)
{
    const struct source_grid *g = source_grid(s->source);
    size_t end = g->slice_first + g->slices;
    size_t from =
        slice - g->slice_first > BAND_SLICES / 2 ? slice - BAND_SLICES / 2 : g->slice_first;
    size_t first;
    size_t opposite;
    double off_rad;

    if (!centre_pair(g->theta_rad, g->angles, &first, &opposite, &off_rad, err)) {
        return false;
    }
    s->rows = end - from < BAND_SLICES ? end - from : BAND_SLICES;
    s->zero = mem_big(s->rows * g->columns, sizeof(float), err);
    s->opposite = s->zero == NULL ? NULL : mem_big(s->rows * g->columns, sizeof(float), err);
    return s->opposite != NULL && source_select(s->source, from, s->rows, err) &&
        source_view(s->source, from, s->rows, first, s->zero, err) &&
        source_view(s->source, from, s->rows, opposite, s->opposite, err) &&
        source_judge(s->source, err);
}

/* At the edge of lo..hi, or not believable. */
static bool doubtful(const struct centre_result *r, double lo, double hi, double step)
{
    return r->confidence < DOUBTFUL || r->centre <= lo + step || r->centre >= hi - step;
}

static bool run_vo(const struct search *s, double lo, double hi, struct axis_found *f,
                   struct err *err)
{
    const struct source_grid *g = source_grid(s->source);
    struct centre_sino sino = {s->sino, s->angles, g->columns, s->theta, s->means->job->threads};
    struct centre_result wide;
    struct centre_curve curve = {0, NULL, NULL};

    if (!centre_vo(&sino, lo, hi, s->step, &f->vo, &f->curve, err)) {
        return false;
    }
    if (lo < hi && doubtful(&f->vo, lo, hi, s->step)) {
        /* As step 0: the whole middle of the detector, whatever was said about where to look. */
        if (centre_vo(&sino, 0, 0, s->step, &wide, &curve, err_ignore("the narrow answer stays")) &&
            wide.confidence > f->vo.confidence) {
            centre_curve_fini(&f->curve);
            f->curve = curve;
            f->vo = wide;
            f->global = true;
        } else {
            centre_curve_fini(&curve);
        }
    }
    f->have_vo = true;
    return true;
}

static bool run_pc(const struct search *s, double lo, double hi, struct axis_found *f,
                   struct err *err)
{
    size_t columns = source_grid(s->source)->columns;
    struct centre_result wide;

    if (!centre_pc(s->zero, s->opposite, s->rows, columns, lo, hi, &f->pc, err)) {
        return false;
    }
    if (lo < hi && doubtful(&f->pc, lo, hi, s->step) &&
        centre_pc(s->zero, s->opposite, s->rows, columns, 0, 0, &wide,
                  err_ignore("the narrow answer stays")) &&
        wide.confidence > f->pc.confidence) {
        f->pc = wide;
        f->global = true;
    }
    f->have_pc = true;
    return true;
}

/* Both finders as the method wants them; with auto one of them may fail. */
static bool run_finders(struct search *s, size_t slice, double lo, double hi, struct axis_found *f,
                        struct err *err)
{
    enum axis_method method = s->params->method;
    struct err first = {ERR_NONE, ""};

    if (method != AXIS_PC && (!load_sinogram(s, slice, &first) || !run_vo(s, lo, hi, f, &first)) &&
        (method == AXIS_VO || first.code != ERR_FORMAT)) {
        *err = first;
        return false;
    }
    if (method != AXIS_VO && (!load_pair(s, slice, err) || !run_pc(s, lo, hi, f, err))) {
        if (f->have_vo) {
            return true;
        }
        if (first.code != ERR_NONE) {
            *err = first; /* vo's reason is the one that people can act upon */
        }
        return false;
    }
    return true;
}

/* One range; the curve is not freed. */
static bool ask_model(const struct search *s, struct axis_ai *ai, double lo, double hi,
                      struct centre_result *ret, struct centre_curve *curve, struct err *err)
{
    const struct source_grid *g = source_grid(s->source);
    struct axis_ai_scan scan = {.sino = s->sino,
                                .theta_rad = g->theta_rad,
                                .angles = g->angles,
                                .columns = g->columns,
                                .algorithm = s->params->algorithm,
                                .filter = s->params->filter,
                                .threads = s->means->job->threads};
    double step = s->params->search_step / (double)(1u << s->params->binning);

    return axis_ai_classifies(ai) ? axis_ai_judge(ai, &scan, lo, hi, step, ret, curve, err)
                                  : axis_ai_search(ai, &scan, lo, hi, ret, curve, err);
}

/* The whole sinogram, as it would be reconstructed. */
static bool load_views(struct search *s, size_t slice, struct err *err)
{
    const struct source_grid *g = source_grid(s->source);

    s->sino = mem_big(g->angles * g->columns, sizeof(float), err);
    return s->sino != NULL && source_select(s->source, slice, 1, err) &&
        source_sinograms(s->source, slice, 1, s->sino, NULL, NULL, err) &&
        source_judge(s->source, err);
}

/* Try slices that are there already; their centres become columns of the sinogram. */
static bool ask_about_files(const struct search *s, struct axis_ai *ai, size_t slice, bool *ret_any,
                            struct centre_result *ret, struct centre_curve *curve, struct err *err)
{
    *ret_any = false;
    if (s->means->tries == NULL || !axis_ai_classifies(ai)) {
        return true;
    }
    if (!axis_ai_judge_files(ai, s->means->tries, slice, ret_any, ret, curve, err)) {
        return false;
    }
    if (*ret_any) {
        ret->centre = source_axis(s->source, ret->centre);
        for (size_t i = 0; i < curve->count; i++) {
            curve->centre[i] = source_axis(s->source, curve->centre[i]);
        }
    }
    return true;
}

/* vo, pc or both, and a third voice (NULL: none): what they say together. */
static bool weigh(struct axis_found *f, const struct centre_result *ai, struct err *err)
{
    struct centre_result best = {0, 0};

    if (!centre_auto(f->have_vo ? &f->vo : NULL, f->have_pc ? &f->pc : NULL, ai, &best, &f->source,
                     err)) {
        return false;
    }
    f->axis = best.centre;
    f->confidence = best.confidence;
    return true;
}

/* vo, pc or both. */
static bool run_classic(struct search *s, size_t slice, double lo, double hi, struct axis_found *f,
                        struct err *err)
{
    return run_finders(s, slice, lo, hi, f, err) && weigh(f, NULL, err);
}

static void to_full(const struct source *source, struct axis_found *f)
{
    f->axis = source_axis_full(source, f->axis);
    f->vo.centre = source_axis_full(source, f->vo.centre);
    f->pc.centre = source_axis_full(source, f->pc.centre);
    f->ai.centre = source_axis_full(source, f->ai.centre);
    for (size_t i = 0; i < f->curve.count; i++) {
        f->curve.centre[i] = source_axis_full(source, f->curve.centre[i]);
    }
}

/* What the model says, first about lo..hi; at an end of it, about the whole detector too. */
static bool run_model(struct search *s, struct axis_ai *ai, size_t slice, double lo, double hi,
                      struct centre_result *ret, struct axis_found *f, struct err *err)
{
    struct centre_result wide;
    struct centre_curve curve = {0, NULL, NULL};
    bool any = false;

    if (!ask_about_files(s, ai, slice, &any, ret, &f->curve, err)) {
        return false;
    }
    if (any) {
        return true;
    }
    if (!load_views(s, slice, err) || !ask_model(s, ai, lo, hi, ret, &f->curve, err)) {
        return false;
    }
    if (lo < hi && ret->confidence >= DOUBTFUL && doubtful(ret, lo, hi, s->step)) {
        if (ask_model(s, ai, 0, 0, &wide, &curve, err_ignore("the narrow answer stays")) &&
            wide.confidence > ret->confidence) {
            centre_curve_fini(&f->curve);
            f->curve = curve;
            *ret = wide;
            f->global = true;
        } else {
            centre_curve_fini(&curve);
        }
    }
    return true;
}

/* The classic finders speak too when our model is not sure, and are weighed as with auto: together
 * they are right more often than it. A site's classifier is taken at its word. */
static bool run_ai(struct search *s, size_t slice, double lo, double hi, struct axis_found *f,
                   struct err *err)
{
    struct axis_ai *ai = axis_ai_open(s->means->job, s->params->model, err);
    struct axis_found classic = {0};
    bool good = ai != NULL && run_model(s, ai, slice, lo, hi, &f->ai, f, err);
    bool unsure = good && !axis_ai_classifies(ai) && f->ai.confidence < UNSURE;

    axis_ai_close(ai);
    f->have_ai = good;
    f->source = "ai";
    f->axis = f->ai.centre;
    f->confidence = f->ai.confidence;
    if (unsure) {
        drop_sinogram(s);
        if (run_finders(s, slice, lo, hi, &classic, err_ignore("the model's answer stays")) &&
            weigh(&classic, &f->ai, err_ignore("the model's answer stays"))) {
            classic.ai = f->ai;
            classic.have_ai = true;
            axis_fini(f);
            *f = classic;
        } else {
            axis_fini(&classic);
        }
    }
    return good;
}

/* The third voice of auto, about the two others: the median lies between them, and a narrow range
 * is searched in a fraction of the time. Judging single slices is not compared with the others:
 * such a model is not asked. False: it could not be, and why. */
static bool ask_third(struct search *s, size_t slice, struct axis_found *f, struct err *err)
{
    struct axis_ai *ai = axis_ai_open(s->means->job, s->params->model, err);
    struct centre_curve curve = {0, NULL, NULL};
    double last = (double)source_grid(s->source)->columns - 1;
    double lo = fmax(0, fmin(f->vo.centre, f->pc.centre) - THIRD_COLUMNS);
    double hi = fmin(last, fmax(f->vo.centre, f->pc.centre) + THIRD_COLUMNS);
    bool good = ai != NULL;

    if (good && axis_ai_classifies(ai)) {
        good = err_set(err, ERR_UNSUPPORTED,
                       "'%s' judges single slices: auto asks models that "
                       "compare",
                       s->params->model);
    }
    if (good) {
        drop_sinogram(s);
        good = load_views(s, slice, err) && ask_model(s, ai, lo, hi, &f->ai, &curve, err);
        f->have_ai = good;
    }
    centre_curve_fini(&curve);
    axis_ai_close(ai);
    return good;
}

static bool run_entropy(struct search *s, size_t slice, double lo, double hi, struct axis_found *f,
                        struct err *err)
{
    const struct source_grid *g = source_grid(s->source);
    struct centre_result found, wide;
    struct centre_curve curve = {0, NULL, NULL};

    if (!load_sinogram(s, slice, err)) {
        return false;
    }
    struct centre_sino sino = {s->sino, s->angles, g->columns, s->theta, s->means->job->threads};
    if (!centre_entropy(&sino, lo, hi, &found, &f->curve, err)) {
        return false;
    }
    if (lo < hi && doubtful(&found, lo, hi, s->step) &&
        centre_entropy(&sino, 0, 0, &wide, &curve, err_ignore("the narrow answer stays"))) {
        f->global = wide.confidence > found.confidence;
        if (f->global) {
            axis_fini(f);
            f->curve = curve;
            found = wide;
        } else {
            centre_curve_fini(&curve);
        }
    }
    f->source = "entropy";
    f->axis = found.centre;
    f->confidence = found.confidence;
    return true;
}

/* vo and pc, and the model where they do not confirm one another. */
static bool run_auto(struct search *s, size_t slice, double lo, double hi, struct axis_found *f,
                     struct err *err)
{
    if (!run_finders(s, slice, lo, hi, f, err)) {
        return false;
    }
    if (f->have_vo && f->have_pc && fabs(f->vo.centre - f->pc.centre) >= CENTRE_CONFIRMED_PX) {
        /* Without it the two do; axis_find_all() says why. */
        err_waive(ask_third(s, slice, f, &f->unasked));
    }
    return weigh(f, f->have_ai ? &f->ai : NULL, err);
}

bool axis_find(struct source *source, const struct recon_params *params, size_t slice, double seed,
               const struct axis_means *means, struct axis_found *ret_found, struct err *err)
{
    double scale = 1.0 / (double)(1u << params->binning);
    double last = (double)source_grid(source)->columns - 1;
    struct search s = {.source = source, .params = params, .means = means, .step = 0.5};
    struct axis_found f = {0};
    double lo = 0;
    double hi = 0; /* lo >= hi: anywhere */
    bool good;

    if (isfinite(seed)) {
        lo = fmax(0, source_axis(source, seed) - params->search_width * scale);
        hi = fmin(last, source_axis(source, seed) + params->search_width * scale);
        if (lo >= hi) {
            lo = hi = 0; /* a seed off the detector says nothing */
        }
    }
    switch (params->method) {
    case AXIS_AUTO:
        good = run_auto(&s, slice, lo, hi, &f, err);
        break;
    case AXIS_ENTROPY:
        good = run_entropy(&s, slice, lo, hi, &f, err);
        break;
    case AXIS_AI:
        good = run_ai(&s, slice, lo, hi, &f, err);
        break;
    default:
        good = run_classic(&s, slice, lo, hi, &f, err);
    }
    if (good) {
        to_full(source, &f);
        *ret_found = f;
    } else {
        axis_fini(&f);
    }
    drop_sinogram(&s);
    mem_free(s.zero);
    mem_free(s.opposite);
    return good;
}

void axis_fini(struct axis_found *found)
{
    centre_curve_fini(&found->curve);
    found->curve = (struct centre_curve){0, NULL, NULL};
}

bool axis_find_all(struct source *source, const struct recon_params *params, double seed,
                   const struct axis_means *means, struct axis_found *ret_found, struct err *err)
{
    struct axis_found best = {0};
    struct err unasked = {ERR_NONE, ""};
    bool any = false;

    for (size_t i = 0; i < params->nsinos; i++) {
        struct axis_found f = {0};

        if (!axis_find(source, params, source_slice_of(source, params->nsino[i]), seed, means, &f,
                       err)) {
            axis_fini(&best);
            return false;
        }
        unasked = f.unasked.code != ERR_NONE ? f.unasked : unasked;
        if (!any || f.confidence > best.confidence) {
            axis_fini(&best);
            best = f;
            any = true;
        } else {
            axis_fini(&f);
        }
    }
    if (unasked.code != ERR_NONE) {
        job_say(means->job, "note: vo and pc differ; the model was not asked: %s", unasked.text);
    }
    *ret_found = best;
    return any ? true : err_bug(err, "no slice to search");
}
