/*
 * What a model that judges try slices is shown.
 *
 * The generator in centre_ai_draw() is the Mersenne Twister (Matsumoto and Nishimura 1998), seeded
 * and turned into doubles as NumPy's RandomState does; a multinomial draw of one is a row of
 * binomial draws by inversion, one uniform number for each pixel of the circle until one is hit.
 */
#include "math/centre-ai.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* ---- a row of windows ---- */

struct place {
    double variance;
    struct centre_ai_corner corner;
};

static int richest_first(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;

    if (x->variance != y->variance) {
        return x->variance > y->variance ? -1 : 1;
    }
    if (x->corner.row != y->corner.row) {
        return x->corner.row < y->corner.row ? -1 : 1;
    }
    return x->corner.column < y->corner.column ? -1 : x->corner.column > y->corner.column;
}

/* Means of 4 x 4 pixels, [n / 4][n / 4]. */
static void blocks_of(const float *image, size_t n, float *ret)
{
    size_t side = n / 4;

    for (size_t y = 0; y < side; y++) {
        for (size_t x = 0; x < side; x++) {
            float sum = 0;

            for (size_t i = 0; i < 16; i++) {
                sum += image[(4 * y + i / 4) * n + 4 * x + i % 4];
            }
            ret[y * side + x] = sum / 16;
        }
    }
}

static double variance_of(const float *blocks, size_t side, struct centre_ai_corner corner,
                          size_t size)
{
    size_t from_row = corner.row / 4, from_column = corner.column / 4;
    size_t to_row = (corner.row + size) / 4, to_column = (corner.column + size) / 4;
    double count = (double)((to_row - from_row) * (to_column - from_column));
    double sum = 0, squares = 0;

    for (size_t y = from_row; y < to_row; y++) {
        for (size_t x = from_column; x < to_column; x++) {
            double v = (double)blocks[y * side + x];

            sum += v;
            squares += v * v;
        }
    }
    return fmax(0, squares / count - sum / count * sum / count);
}

static bool far_from(const struct centre_ai_corner *a, const struct centre_ai_corner *b,
                     size_t reach)
{
    size_t rows = a->row > b->row ? a->row - b->row : b->row - a->row;
    size_t columns = a->column > b->column ? a->column - b->column : b->column - a->column;

    return rows >= reach || columns >= reach;
}

/* Add places from the list that lie at least `reach` from every one chosen so far. */
static size_t choose(const struct place *place, size_t places, size_t reach, size_t most,
                     struct centre_ai_corner *chosen, size_t count)
{
    for (size_t i = 0; i < places && count < most; i++) {
        size_t k = 0;

        while (k < count && far_from(&place[i].corner, &chosen[k], reach)) {
            k++;
        }
        if (k == count) {
            chosen[count++] = place[i].corner;
        }
    }
    return count;
}

bool centre_ai_pick(const float *image, size_t n, size_t size, size_t most,
                    struct centre_ai_corner *ret_corner, size_t *ret_count, struct err *err)
{
    size_t stride = size / 2, places = 0, count = 0;
    float *blocks;
    struct place *place;

    if (n < size) {
        return err_set(err, ERR_FORMAT, "slices of %zu pixels are too small for windows of %zu", n,
                       size);
    }
    size_t first = (n - size) % stride / 2, along = (n - size - first) / stride + 1;
    double middle = (double)n / 2, reach = fmax(middle - (double)stride, 1);

    blocks = mem_array((n / 4) * (n / 4), sizeof(float), err);
    place = blocks == NULL ? NULL : mem_array(along * along, sizeof(*place), err);
    if (place == NULL) {
        mem_free(blocks);
        return false;
    }
    blocks_of(image, n, blocks);
    for (size_t i = 0; i < along * along; i++) {
        struct centre_ai_corner c = {first + i / along * stride, first + i % along * stride};

        if (hypot((double)(c.row + stride) - middle, (double)(c.column + stride) - middle) <=
            reach) {
            place[places++] = (struct place){variance_of(blocks, n / 4, c, size), c};
        }
    }
    qsort(place, places, sizeof(*place), richest_first);
    count = choose(place, places, size, most, ret_corner, 0);
    *ret_count = choose(place, places, stride, most, ret_corner, count);
    mem_free(place);
    mem_free(blocks);
    return true;
}

void centre_ai_cut(const float *image, size_t n, struct centre_ai_corner corner, size_t size,
                   float *ret)
{
    for (size_t y = 0; y < size; y++) {
        memcpy(ret + y * size, image + (corner.row + y) * n + corner.column, size * sizeof(float));
    }
}

void centre_ai_level(float *row, size_t count)
{
    double mean = 0, square = 0;

    for (size_t i = 0; i < count; i++) {
        mean += (double)row[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        square += ((double)row[i] - mean) * ((double)row[i] - mean) / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        row[i] = square > 0 ? (float)(((double)row[i] - mean) / sqrt(square)) : 0;
    }
}

double centre_ai_top(const double *score, size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++) {
        if (score[i] > score[best]) {
            best = i;
        }
    }
    if (best > 0 && best + 1 < count) {
        double before = score[best - 1], at = score[best], after = score[best + 1];
        double bend = before - 2 * at + after;

        if (bend < 0) {
            return (double)best + 0.5 * (before - after) / bend;
        }
    }
    return (double)best;
}

double centre_ai_mass(const double *score, size_t count, double top, double reach)
{
    double most = -INFINITY, all = 0, near = 0;

    for (size_t i = 0; i < count; i++) {
        most = fmax(most, score[i]);
    }
    for (size_t i = 0; i < count; i++) {
        double mass = exp(score[i] - most);

        all += mass;
        near += fabs((double)i - top) <= reach ? mass : 0;
    }
    return all > 0 ? near / all : 0;
}

/* ---- a classifier of slices ---- */

/* One output sample of the triangle filter along a line of n samples that lie `step` apart. */
static float shrunk(const float *line, size_t n, size_t step, size_t i, double factor)
{
    double centre = ((double)i + 0.5) * factor;
    size_t from = (size_t)fmax(0, centre - factor + 0.5);
    size_t to = (size_t)fmin((double)n, centre + factor + 0.5);
    double sum = 0, weights = 0;

    for (size_t k = from; k < to; k++) {
        double w = fmax(0, 1 - fabs((double)k - centre + 0.5) / factor);

        weights += w;
        sum += w * (double)line[k * step];
    }
    return (float)(sum / weights);
}

bool centre_ai_shrink(const float *image, size_t n, unsigned by, float *ret, struct err *err)
{
    size_t small = n / by;
    double factor = (double)n / (double)small;
    float *across = mem_big(n * small, sizeof(float), err);

    if (across == NULL) {
        return false;
    }
    for (size_t y = 0; y < n; y++) {
        for (size_t x = 0; x < small; x++) {
            across[y * small + x] = shrunk(image + y * n, n, 1, x, factor);
        }
    }
    for (size_t y = 0; y < small; y++) {
        for (size_t x = 0; x < small; x++) {
            ret[y * small + x] = shrunk(across + x, n, small, y, factor);
        }
    }
    mem_free(across);
    return true;
}

void centre_ai_scale(float *image, size_t count, unsigned bits)
{
    float low = INFINITY, high = -INFINITY;
    float levels = bits == 0 ? 0 : (float)((1u << bits) - 1);

    for (size_t i = 0; i < count; i++) {
        low = fminf(low, image[i]);
        high = fmaxf(high, image[i]);
    }
    for (size_t i = 0; i < count; i++) {
        float v = (image[i] - low) / (high - low + 1e-8F);

        image[i] = bits == 0 ? v : floorf(v * levels) / levels;
    }
}

enum { TWISTER_WORDS = 624, TWISTER_MIDDLE = 397 };

struct twister {
    uint32_t word[TWISTER_WORDS];
    size_t used;
};

static void twister_seed(struct twister *t, uint32_t seed)
{
    for (uint32_t i = 0; i < TWISTER_WORDS; i++) {
        t->word[i] = seed;
        seed = 1812433253u * (seed ^ (seed >> 30)) + i + 1;
    }
    t->used = TWISTER_WORDS;
}

static uint32_t twister_next(struct twister *t)
{
    if (t->used == TWISTER_WORDS) {
        for (size_t i = 0; i < TWISTER_WORDS; i++) {
            uint32_t y =
                (t->word[i] & 0x80000000u) | (t->word[(i + 1) % TWISTER_WORDS] & 0x7fffffffu);

            t->word[i] = t->word[(i + TWISTER_MIDDLE) % TWISTER_WORDS] ^ (y >> 1) ^
                ((y & 1) != 0 ? 0x9908b0dfu : 0);
        }
        t->used = 0;
    }
    uint32_t y = t->word[t->used++];

    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static double twister_uniform(struct twister *t)
{
    uint32_t high = twister_next(t) >> 5;
    uint32_t low = twister_next(t) >> 6;

    return ((double)high * 67108864.0 + (double)low) / 9007199254740992.0;
}

/* One trial that succeeds with probability p, by inversion of whichever of p and 1 - p is the
 * smaller. */
static bool twister_hit(struct twister *t, double p)
{
    double rare = p <= 0.5 ? p : 1 - p;

    return (twister_uniform(t) > exp(log(1 - rare))) == (p <= 0.5);
}

static size_t inwards(size_t at, size_t size, size_t n)
{
    size_t corner = at > size / 2 ? at - size / 2 : 0;

    return corner < n - size - 1 ? corner : n - size - 1;
}

/* Is pixel i of n x n in the circle that touches the image's sides? */
static bool in_circle(size_t i, size_t n)
{
    double middle = ((double)n - 1) / 2;
    double x = (double)(i % n) - middle, y = (double)(i / n) - middle;

    return x * x + y * y <= middle * middle;
}

bool centre_ai_draw(size_t n, size_t size, size_t count, uint32_t seed,
                    struct centre_ai_corner *ret_corner, struct err *err)
{
    struct twister t;
    size_t inside = 0;

    if (n <= size) {
        return err_set(err, ERR_FORMAT, "slices of %zu pixels are too small for windows of %zu", n,
                       size);
    }
    for (size_t i = 0; i < n * n; i++) {
        inside += in_circle(i, n);
    }
    twister_seed(&t, seed);
    for (size_t k = 0; k < count; k++) {
        double p = 1 / (double)inside, left = 1;
        size_t i = 0;

        for (; i + 1 < n * n; i++) {
            if (in_circle(i, n)) {
                if (twister_hit(&t, p / left)) {
                    break;
                }
                left -= p;
            }
        }
        ret_corner[k] = (struct centre_ai_corner){inwards(i / n, size, n), inwards(i % n, size, n)};
    }
    return true;
}

double centre_ai_share(double first, double second)
{
    return 1 / (1 + exp(first - second));
}
