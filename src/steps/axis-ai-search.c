/*
 * The search of a model that compares. A row of centres is reconstructed, windows that show most
 * are cut out of it, and the scores of all windows are added: one that shows nothing scores all
 * centres alike.
 *
 * 1. Columns are binned until fewer than 384 are left, and the whole range is searched there in
 * steps of one column or less.
 * 2. About the best, 17 centres half a column apart, with a quarter of the binning each time.
 * 3. Unbinned, 17 centres a quarter of a column apart; a parabola says where between them.
 * Confidence is the share of exp(score) within 1.5 places of the best in the first row, times that
 * within a pixel in the last.
 */
#include <math.h>
#include "base/mem.h"
#include "math/centre-ai.h"
#include "math/centre-level.h"
#include "steps/axis-ai-own.h"
#include "steps/axis-ai.h"

/* Centres of a row, as the model was trained with; the first row may be longer. */
#define ROW 17u
/* Binning goes on while so many columns would be left. */
#define COARSE_COLUMNS 192u
/* Windows that are asked, unless the card's setting `look` says otherwise. */
#define LOOK 28.0
#define LOOK_MOST 64u
/* Scores count so much in the confidence: windows of one scan err together. With it, answers that
 * are off by more than a pixel seldom had more than 0.5 in the test of models/README-cor.md. */
#define WEIGHT 0.25
/* Rows are moved so often when the best centre lies at an end. */
#define MOVES 3u
/* Centres of one row: more are a range nobody means. */
#define CENTRES_MOST 20000.0

struct search {
    struct axis_ai *ai;
    const struct axis_ai_scan *scan;
    struct centre_level level;
};

/* A row of centres `step` binned columns apart, the first at `first` (a column of the scan). */
struct row {
    double first, step;
    size_t count;
    double *score;
    double place; /* of the best */
};

static bool level_init(struct search *s, size_t by, struct err *err)
{
    const struct axis_ai_scan *scan = s->scan;
    struct centre_sino sino = {scan->sino, scan->angles, scan->columns, scan->theta_rad,
                               scan->threads};

    return centre_level_init(&s->level, &sino, by, 1, scan->algorithm, err);
}

static double column_of(const struct search *s, const struct row *row, double place)
{
    return row->first + place * row->step * (double)s->level.by;
}

/* Where windows of a row go, [windows][count][side][side]. */
struct cut {
    const struct centre_ai_corner *corner;
    size_t n, side, windows, count;
    float *ret;
};

static bool cut_slices(void *arg, size_t first, size_t count, const float *image, struct err *err)
{
    const struct cut *c = arg;

    (void)err;
    for (size_t i = 0; i < count * c->windows; i++) {
        size_t k = i % count, w = i / count;

        centre_ai_cut(image + k * c->n * c->n, c->n, c->corner[w], c->side,
                      c->ret + (w * c->count + first + k) * c->side * c->side);
    }
    return true;
}

static bool cut_row(const struct search *s, const struct row *row,
                    const struct centre_ai_corner *corner, size_t windows, float *ret,
                    struct err *err)
{
    struct cut cut = {corner, s->level.columns, s->ai->window, windows, row->count, ret};
    double *centre = mem_array(row->count, sizeof(double), err);
    bool good = centre != NULL;

    for (size_t i = 0; good && i < row->count; i++) {
        centre[i] = column_of(s, row, (double)i);
    }
    good = good && centre_level_slices(&s->level, centre, row->count, cut_slices, &cut, err);
    mem_free(centre);
    return good;
}

struct choice {
    const struct search *s;
    struct centre_ai_corner *corner;
    size_t count;
};

static bool pick(void *arg, size_t first, size_t count, const float *image, struct err *err)
{
    struct choice *c = arg;
    double look = model_setting(c->s->ai->settings, "look", LOOK);

    (void)first;
    (void)count;
    return centre_ai_pick(image, c->s->level.columns, c->s->ai->window,
                          (size_t)fmin(fmax(look, 1), LOOK_MOST), c->corner, &c->count, err);
}

/* Where to look: by the slice in the middle of the row. */
static bool choose_windows(const struct search *s, const struct row *row,
                           struct centre_ai_corner *ret_corner, size_t *ret_count, struct err *err)
{
    double middle = column_of(s, row, (double)(row->count / 2));
    struct choice choice = {s, ret_corner, 0};
    bool good = centre_level_slices(&s->level, &middle, 1, pick, &choice, err);

    *ret_count = choice.count;
    return good;
}

/* Adds what the model says about one window of the row. */
static bool add_scores(const struct search *s, const struct row *row, float *values,
                       struct err *err)
{
    struct infer *model = s->ai->model;
    size_t side = s->ai->window;
    struct ort_tensor in = {4, {1, (int64_t)row->count, (int64_t)side, (int64_t)side}, values};
    struct ort_tensor out;

    centre_ai_level(values, row->count * side * side);
    if (!infer_once(model, &in, &out, err)) {
        return false;
    }
    if (ort_count(&out) != row->count) {
        return err_set(err, ERR_FORMAT, "model '%s' gives %zu scores for a row of %zu centres",
                       model->card.name, ort_count(&out), row->count);
    }
    for (size_t i = 0; i < row->count; i++) {
        row->score[i] += (double)out.values[i];
    }
    return true;
}

static bool run_row(const struct search *s, struct row *row, struct err *err)
{
    struct centre_ai_corner corner[LOOK_MOST];
    size_t windows = 0, each = row->count * s->ai->window * s->ai->window;
    float *values = NULL;
    bool good;

    mem_free(row->score);
    row->score = mem_zero(row->count * sizeof(double), err);
    good = row->score != NULL && choose_windows(s, row, corner, &windows, err);
    values = good ? mem_big(windows * each, sizeof(float), err) : NULL;
    good = values != NULL && cut_row(s, row, corner, windows, values, err);
    for (size_t w = 0; good && w < windows; w++) {
        good = add_scores(s, row, values + w * each, err);
    }
    row->place = good ? centre_ai_top(row->score, row->count) : 0;
    mem_free(values);
    return good;
}

/* The share of the weighed scores within `reach` places of the best. */
static double sure_of(struct row *row, double reach)
{
    for (size_t i = 0; i < row->count; i++) {
        row->score[i] *= WEIGHT;
    }
    return centre_ai_mass(row->score, row->count, row->place, reach);
}

/* The first row, over the whole range. */
static bool run_first(struct search *s, double lo, double hi, struct row *row, struct err *err)
{
    size_t by = 1;
    double range;

    while (s->scan->columns / (by * 2) >= COARSE_COLUMNS) {
        by *= 2;
    }
    range = (hi - lo) / (double)by;
    row->step = range >= ROW - 1 ? 1 : range >= (ROW - 1) * 0.5 ? 0.5 : 0.25;
    row->count = (size_t)fmin(CENTRES_MOST, fmax(ROW, ceil(range / row->step) + 1));
    row->first = (lo + hi) / 2 - (double)(row->count - 1) / 2 * row->step * (double)by;
    return level_init(s, by, err) && run_row(s, row, err);
}

/* A finer row about `centre`, moved while the best lies at an end. */
static bool run_fine(struct search *s, double centre, struct row *row, struct err *err)
{
    row->count = ROW;
    for (unsigned i = 0; i < MOVES; i++) {
        row->first = centre - (ROW - 1) / 2 * row->step * (double)s->level.by;
        if (!run_row(s, row, err)) {
            return false;
        }
        centre = column_of(s, row, row->place);
        if (row->place >= 1 && row->place <= ROW - 2) {
            break;
        }
    }
    return true;
}

static bool curve_of(const struct search *s, const struct row *row, struct centre_curve *ret,
                     struct err *err)
{
    struct centre_curve curve = {row->count, NULL, NULL};

    curve.centre = mem_array(row->count, sizeof(double), err);
    curve.score = curve.centre == NULL ? NULL : mem_array(row->count, sizeof(double), err);
    if (curve.score == NULL) {
        centre_curve_fini(&curve);
        return false;
    }
    for (size_t i = 0; i < row->count; i++) {
        curve.centre[i] = column_of(s, row, (double)i);
        curve.score[i] = -row->score[i];
    }
    *ret = curve;
    return true;
}

bool axis_ai_search(struct axis_ai *ai, const struct axis_ai_scan *scan, double lo, double hi,
                    struct centre_result *ret, struct centre_curve *ret_curve, struct err *err)
{
    struct search s = {.ai = ai, .scan = scan};
    struct row row = {0};
    struct centre_curve curve = {0, NULL, NULL};
    double centre = 0, sure = 0;
    bool good;

    if (lo >= hi) {
        lo = (double)scan->columns / 4;
        hi = 3 * (double)scan->columns / 4;
    }
    good = run_first(&s, lo, hi, &row, err) && curve_of(&s, &row, &curve, err);
    if (good) {
        centre = column_of(&s, &row, row.place);
        sure = sure_of(&row, 1.5);
    }
    while (good && (s.level.by > 1 || row.step > 0.25)) {
        row.step = s.level.by > 1 || row.step > 0.5 ? 0.5 : 0.25;
        good = (s.level.by == 1 || level_init(&s, s.level.by > 4 ? s.level.by / 4 : 1, err)) &&
            run_fine(&s, centre, &row, err);
        centre = good ? column_of(&s, &row, row.place) : 0;
    }
    if (good) {
        sure *= sure_of(&row, 1 / row.step);
        *ret = (struct centre_result){centre, sure};
        *ret_curve = curve;
    } else {
        centre_curve_fini(&curve);
    }
    centre_level_fini(&s.level);
    mem_free(row.score);
    return good;
}
