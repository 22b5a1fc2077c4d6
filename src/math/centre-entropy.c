/*
 * The rotation axis after Donath, Beckmann & Schreyer, J. Opt. Soc. Am. A 23, 1048 (2006): the
 * slice whose histogram has the lowest entropy.
 *
 * 1. Columns are binned until fewer than 512 are left, views as far as so few columns allow, and
 *    the whole range is searched there in steps of one binned column.
 * 2. About the lowest, five centres, with half the binning each time, in steps of what is then one
 *    column; unbinned, half a column. A row is moved when its lowest is at an end.
 * 3. A parabola through the lowest three of the last row.
 *
 * Entropies of different levels are not compared: the range of a histogram is common to the slices
 * of a row, and to them only.
 */
#include "math/centre-entropy.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "base/mem.h"
#include "math/angles.h"
#include "math/centre-level.h"

enum { COLUMNS_MIN = 16, ANGLES_MIN = 8 };

/* The first row has fewer columns than this, the last not more than that: in more of them the noise
 * of single pixels hides the valley, and half a column is still half a column. */
enum { COARSE_COLUMNS = 512, FINE_COLUMNS = 1024 };

/* Centres of a finer row, and how often it is moved. */
enum { ROW = 5, MOVES = 4 };

/* Centres that the first row has at least: else it begins with less binning. */
enum { FIRST_MIN = 12 };

/* Views for each column that are kept at least: about half of what shows all that columns do. */
#define VIEWS 0.7

/* Of the histogram. */
enum { BINS = 256 };

/* Pixels that tell its range, and the share of them that lies beyond either end. */
enum { SAMPLES = 16384 };
#define BEYOND 0.001

/* The share of the radius that is looked at: at the rim not all views count fully. */
#define RIM 0.95

/* Of the columns: the least radius, however far off the middle centres may be. */
#define RADIUS_MIN 0.2

/* Places this near to the lowest, in steps of the first row, are its valley, not rivals. */
enum { VALLEY = 3 };

/* At an end of the range the axis may as well be beyond it. */
#define AT_END 0.2

/* Lines that vary by less than this share of themselves hold nothing but rounding. */
#define FLAT 1e-5f

/* What is left of the confidence when noise hides the valley from a finer row. */
#define HIDDEN 0.5

struct row {
    size_t count;
    double *centre, *score; /* [count], columns of the whole sinogram; entropies */
};

struct look {
    size_t n;
    double radius; /* in pixels of the slice */
    unsigned threads;
    bool ranged;
    float lo, hi; /* of the histograms */
    double *score;
};

/* The columns of row y that are inside the circle: from .. n - 1 - from; n when none are. */
static size_t inside_from(size_t n, double radius, size_t y)
{
    double middle = ((double)n - 1) / 2, v = (double)y - middle;
    double half = radius * radius - v * v;
    return half < 0 ? n : (size_t)fmax(0, ceil(middle - sqrt(half)));
}

static int by_value(const void *a, const void *b)
{
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The range that all but a few pixels of the slices share. */
static bool find_range(struct look *look, size_t count, const float *image, struct err *err)
{
    size_t n = look->n, have = 0;
    size_t stride = count * n * n / SAMPLES | 1; /* odd: goes through all columns */
    float *sample = mem_array(count * n * n / stride + 1, sizeof *sample, err);
    if (!sample) {
        return false;
    }
    for (size_t i = 0; i < count * n * n; i += stride) {
        size_t x = i % n, from = inside_from(n, look->radius, i / n % n);
        if (x >= from && x < n - from && isfinite(image[i])) {
            sample[have++] = image[i];
        }
    }
    look->lo = look->hi = 0;
    if (have > 0) {
        size_t out = (size_t)(BEYOND * (double)have);
        qsort(sample, have, sizeof *sample, by_value);
        look->lo = sample[out];
        look->hi = sample[have - 1 - out];
    }
    look->ranged = true;
    mem_free(sample);
    return true;
}

/* In nats; what is beyond the range counts to its ends. */
static double entropy_of(const struct look *look, const float *image)
{
    size_t n = look->n;
    float lo = look->lo, hi = look->hi;
    uint32_t bins[2][BINS] = {{0}}; /* two: neighbours often fall into the same */
    float scale = hi > lo ? BINS / (hi - lo) : 0;
    double total = 0, sum = 0;
    for (size_t y = 0; y < n; y++) {
        size_t from = inside_from(n, look->radius, y);
        for (size_t x = from; x + from < n; x++) {
            float at = fminf(fmaxf((image[y * n + x] - lo) * scale, 0), BINS - 1);
            bins[x & 1][(unsigned)at]++;
        }
    }
    for (size_t i = 0; i < BINS; i++) {
        total += (double)bins[0][i] + (double)bins[1][i];
    }
    for (size_t i = 0; i < BINS; i++) {
        double share = ((double)bins[0][i] + (double)bins[1][i]) / total;
        sum -= share > 0 ? share * log(share) : 0;
    }
    return sum;
}

static bool look_at(void *arg, size_t first, size_t count, const float *image, struct err *err)
{
    struct look *look = arg;
    if (!look->ranged && !find_range(look, count, image, err)) {
        return false;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(look->threads)
    for (long i = 0; i < (long)count; i++) {
        look->score[first + (size_t)i] = entropy_of(look, image + (size_t)i * look->n * look->n);
    }
    return true;
}

static bool only_range(void *arg, size_t first, size_t count, const float *image, struct err *err)
{
    (void)first;
    return find_range(arg, count, image, err);
}

/* What every view sees about every centre of the row, in pixels of its slices: beyond it is the
 * edge of the detector, which is sharpest about the middle whatever is before it. */
static double radius_of(const struct centre_level *l, const struct row *row)
{
    double all = (double)(l->columns * l->by) - 1, first = row->centre[0],
           last = row->centre[row->count - 1];
    double seen = fmin(fmin(first, last), all - fmax(first, last)) / (double)l->by;
    return RIM * fmax(seen, RADIUS_MIN * (double)l->columns);
}

/* Entropies of a row. The range is that of its slices, or, when they do not fit into memory
 * together, of two that stand for them. */
static bool run_row(const struct centre_level *l, unsigned threads, struct row *row,
                    struct err *err)
{
    struct look look = {
        .n = l->columns, .radius = radius_of(l, row), .threads = threads, .score = row->score};
    if (centre_level_batch(l->columns, row->count) < row->count) {
        const double some[2] = {row->centre[row->count / 2], row->centre[0]};
        if (!centre_level_slices(l, some, 2, only_range, &look, err)) {
            return false;
        }
    }
    return centre_level_slices(l, row->centre, row->count, look_at, &look, err);
}

static size_t lowest(const struct row *row)
{
    size_t best = 0;
    for (size_t i = 1; i < row->count; i++) {
        best = row->score[i] < row->score[best] ? i : best;
    }
    return best;
}

/* Where the parabola through the lowest three is lowest. */
static double between(const struct row *row, size_t best)
{
    if (best == 0 || best + 1 >= row->count) {
        return row->centre[best];
    }
    double left = row->score[best - 1], mid = row->score[best], right = row->score[best + 1];
    double bend = left - 2 * mid + right;
    double step = row->centre[best + 1] - row->centre[best];
    return row->centre[best] + (bend > 0 ? (left - right) / (2 * bend) * step : 0);
}

/* Means of so many views still hold what slices of `columns` show: a few hundredths of their pixels
 * at the rim suffer. */
static size_t views_by(const struct centre_sino *s, size_t columns)
{
    size_t by = (size_t)((double)s->angles / (VIEWS * (double)columns));
    return by < 1 ? 1 : by;
}

static int by_number(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The middle of the values; they are sorted. */
static double median_of(double *value, size_t count)
{
    qsort(value, count, sizeof *value, by_number);
    return count == 0 ? 0 : value[count / 2];
}

/* How far the lowest stands below the rest of the curve, in shares of that and of its roughness;
 * and how far below the lowest of the other valleys. */
static bool judge(const struct row *row, size_t best, double *ret, struct err *err)
{
    double *rest = mem_array(2 * row->count, sizeof *rest, err), *bends;
    size_t rests = 0, bent = 0;
    double low = row->score[best], rival = INFINITY;
    if (!rest) {
        return false;
    }
    bends = rest + row->count;
    for (size_t i = 0; i < row->count; i++) {
        size_t far = i > best ? i - best : best - i;
        bool inner = i > 0 && i + 1 < row->count;
        double here = row->score[i];
        if (far < VALLEY) {
            continue;
        }
        rest[rests++] = here;
        if (inner) {
            bends[bent++] = fabs(row->score[i - 1] - 2 * here + row->score[i + 1]);
        }
        if ((i == 0 || here <= row->score[i - 1]) &&
            (i + 1 == row->count || here <= row->score[i + 1])) {
            rival = fmin(rival, here);
        }
    }
    double depth = median_of(rest, rests) - low, rough = median_of(bends, bent);
    *ret = depth > 1e-9 ? depth / (depth + 4 * rough) : 0;
    *ret *= depth > 1e-9 ? fmin(1, fmax(0, (rival - low) / depth)) : 0;
    *ret *= best == 0 || best + 1 == row->count ? AT_END : 1;
    mem_free(rest);
    return true;
}

static bool check(const struct centre_sino *s, struct err *err)
{
    if (s->columns < COLUMNS_MIN || s->angles < ANGLES_MIN) {
        return err_set(err, ERR_FORMAT,
                       "a sinogram of %zu views and %zu columns is too small to find its axis",
                       s->angles, s->columns);
    }
    return !s->theta_rad || angles_check(s->theta_rad, s->angles, err);
}

/* Lines without any contrast. Slices of them do differ, by where the detector ends. */
static bool is_flat(const struct centre_sino *s)
{
    for (size_t v = 0; v < s->angles; v++) {
        const float *line = s->values + v * s->columns;
        float lo = INFINITY, hi = -INFINITY;
        for (size_t c = 0; c < s->columns; c++) {
            lo = fminf(lo, line[c]);
            hi = fmaxf(hi, line[c]);
        }
        if (hi - lo > FLAT * fmaxf(fabsf(lo), fabsf(hi))) {
            return false;
        }
    }
    return true;
}

/* The first row: the whole range in steps of a binned column, its ends included. */
static bool run_first(const struct centre_sino *s, unsigned threads, double lo, double hi,
                      struct centre_level *l, struct row *row, struct err *err)
{
    size_t by = 1;
    while (s->columns / by >= COARSE_COLUMNS) {
        by *= 2;
    }
    while (by > 1 && (hi - lo) / (double)by < FIRST_MIN) {
        by /= 2;
    }
    row->count = (size_t)fmax(ROW, ceil((hi - lo) / (double)by) + 1);
    row->centre = mem_array(row->count, sizeof(double), err);
    row->score = row->centre ? mem_array(row->count, sizeof(double), err) : NULL;
    if (!row->score) {
        return false;
    }
    for (size_t i = 0; i < row->count; i++) {
        row->centre[i] = lo + (hi - lo) * (double)i / (double)(row->count - 1);
    }
    return centre_level_init(l, s, by, views_by(s, s->columns / by), RECON_FOURIERREC, err) &&
        run_row(l, threads, row, err);
}

/* Does the row fall to its lowest and rise behind it? In noise it does not. */
static bool is_valley(const struct row *row, size_t best)
{
    for (size_t i = 1; i < row->count; i++) {
        if (i <= best ? row->score[i] >= row->score[i - 1] : row->score[i] <= row->score[i - 1]) {
            return false;
        }
    }
    return true;
}

/* A finer row about *centre, moved while its lowest is at an end. *ret_clear: it is a valley; else
 * *centre stays. */
static bool refine(const struct centre_level *l, unsigned threads, double step, double *centre,
                   bool *ret_clear, struct err *err)
{
    double place[ROW], score[ROW];
    struct row row = {ROW, place, score};
    size_t best = 0;
    for (unsigned moves = 0; moves < MOVES && (best == 0 || best + 1 == ROW); moves++) {
        for (size_t i = 0; i < ROW; i++) {
            place[i] = *centre + ((double)i - ROW / 2) * step;
        }
        if (!run_row(l, threads, &row, err)) {
            return false;
        }
        best = lowest(&row);
        *ret_clear = is_valley(&row, best);
        if (!*ret_clear) {
            return true;
        }
        *centre = between(&row, best);
    }
    return true;
}

/* May there be slices of columns / by? */
static bool may_be(const struct centre_sino *s, size_t by)
{
    return by >= 1 && s->columns / by <= FINE_COLUMNS;
}

/* Finer and finer, down to half a column or to where noise hides the valley. */
static bool refine_all(const struct centre_sino *s, unsigned threads, struct centre_level *l,
                       struct centre_result *found, struct err *err)
{
    bool clear = true, last;
    do {
        size_t by = l->by / 2;
        if (may_be(s, by) &&
            !centre_level_init(l, s, by, views_by(s, s->columns / by), RECON_FOURIERREC, err)) {
            return false;
        }
        last = !may_be(s, l->by / 2);
        if (!refine(l, threads, last ? 0.5 : (double)l->by, &found->centre, &clear, err)) {
            return false;
        }
    } while (clear && !last);
    found->confidence *= clear ? 1 : HIDDEN;
    return true;
}

bool centre_entropy(const struct centre_sino *sino, double lo, double hi, struct centre_result *ret,
                    struct centre_curve *ret_curve, struct err *err)
{
    unsigned threads = sino->threads ? sino->threads : (unsigned)omp_get_max_threads();
    struct centre_level level = {0};
    struct row row = {0};
    struct centre_result found = {0, 0};
    double last = (double)sino->columns - 1;
    if (!check(sino, err)) {
        return false;
    }
    lo = fmax(lo, 0);
    hi = fmin(hi, last);
    if (!(lo < hi)) {
        lo = (double)(sino->columns / 4);
        hi = last - lo;
    }
    bool good = run_first(sino, threads, lo, hi, &level, &row, err);
    if (good) {
        size_t best = lowest(&row);
        found.centre = between(&row, best);
        good = is_flat(sino) || judge(&row, best, &found.confidence, err);
    }
    if (good && found.confidence <= 0) { /* no place is better than another */
        found.centre = (lo + hi) / 2;
    } else if (good) {
        good = refine_all(sino, threads, &level, &found, err);
        found.centre = fmin(fmax(found.centre, lo), hi);
    }
    centre_level_fini(&level);
    if (!good || !ret_curve) {
        mem_free(row.centre);
        mem_free(row.score);
    }
    if (good && ret_curve) {
        *ret_curve = (struct centre_curve){row.count, row.centre, row.score};
    }
    if (good) {
        *ret = found;
    }
    return good;
}
