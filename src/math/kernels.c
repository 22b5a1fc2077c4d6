/*
 * The inner loops, written once with the compiler's portable vectors and compiled for three
 * instruction sets (KERNELS_NAME says which; see meson.build). Eight floats are the unit; where the
 * CPU has only four the compiler splits them, and the AVX-512 build takes a whole kernel row of the
 * gridding step at once.
 */
#include "math/kernels.h"

#include <stdbool.h>
#include <string.h>

/* Unaligned views: every load and store below may start at any float. */
typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t v8i __attribute__((vector_size(32), aligned(4), may_alias));
typedef double v2d __attribute__((vector_size(16), may_alias));
typedef double v4d __attribute__((vector_size(32), may_alias));
#ifdef __AVX512F__
typedef double v8d __attribute__((vector_size(64), may_alias));
typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
#endif

/* Samples of a line that are spread together; and how far apart in the line neighbours in time are
 * taken, so that a store to a cell is settled before the next load from it (a load that overlaps a
 * young store stalls). */
enum { STRIP = 64, LANES_APART = 8 };

/* Added before truncating to an integer, so that it rounds down for negative numbers too. */
#define FLOOR_BIAS 16384

static inline v8 load8(const float *p)
{
    return *(const v8 *)p;
}

static inline void store8(float *p, v8 v)
{
    *(v8 *)p = v;
}

/* Real and imaginary parts of each pair change places. */
#define SWAP_PAIRS(v) __builtin_shufflevector((v), (v), 1, 0, 3, 2, 5, 4, 7, 6)
/* The first four of eight. */
#define LOW_HALF(v) __builtin_shufflevector((v), (v), 0, 1, 2, 3)

static inline v8 all8(float x)
{
    return (v8){x, x, x, x, x, x, x, x};
}

static inline float finite_or_zero(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits & 0x7f800000u) == 0x7f800000u ? 0 : bits;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void pack(const float *restrict a, const float *restrict b, size_t count,
                 float *restrict ret_pairs)
{
    if (!b) {
        for (size_t i = 0; i < count; i++) {
            ret_pairs[2 * i] = finite_or_zero(a[i]);
            ret_pairs[2 * i + 1] = 0;
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        ret_pairs[2 * i] = finite_or_zero(a[i]);
        ret_pairs[2 * i + 1] = finite_or_zero(b[i]);
    }
}

static void scale(float *restrict values, const float *restrict factor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] *= factor[i];
    }
}

static void window(const struct window_job *job, float *restrict ret_pairs)
{
    const float *restrict in = job->pairs, *restrict wa = job->weight[0],
                          *restrict wb = job->weight[1];
    const float *restrict la = job->curve[0][0], *restrict ra = job->curve[0][1];
    const float *restrict lb = job->curve[1][0], *restrict rb = job->curve[1][1];
    float ela = job->end[0][0], era = job->end[0][1], elb = job->end[1][0], erb = job->end[1][1];
    for (size_t i = 0; i < job->count; i++) {
        ret_pairs[2 * i] = wa[i] * (in[2 * i] + ela * la[i] + era * ra[i]);
        ret_pairs[2 * i + 1] = wb[i] * (in[2 * i + 1] + elb * lb[i] + erb * rb[i]);
    }
}

static void turn(float *pairs, const float *re_twice, const float *im_signed, size_t count,
                 float weight)
{
    size_t i = 0;
    v8 w = all8(weight);
    for (; i + 8 <= 2 * count; i += 8) {
        v8 q = load8(pairs + i) * w;
        store8(pairs + i, q * load8(re_twice + i) + SWAP_PAIRS(q) * load8(im_signed + i));
    }
    for (; i < 2 * count; i += 2) {
        float re = pairs[i] * weight, im = pairs[i + 1] * weight;
        pairs[i] = re * re_twice[i] + im * im_signed[i];
        pairs[i + 1] = im * re_twice[i + 1] + re * im_signed[i + 1];
    }
}

static void merge(const float *spectrum, const float *turn_a, const float *turn_b, size_t half,
                  float weight, float *restrict ret_pairs)
{
    const v8 minus_even = {-1, 1, -1, 1, -1, 1, -1, 1}, minus_odd = -minus_even;
    const float *are = turn_a, *aim = turn_a + 2 * half, *bre = turn_b, *bim = turn_b + 2 * half;
    v8 w = all8(weight);
    size_t k = 1;
    for (; k + 4 <= half; k += 4) {
        v8 f = load8(spectrum + 2 * k) * w, swapped = SWAP_PAIRS(f);
        v8 a = f * load8(are + 2 * k) + swapped * load8(aim + 2 * k);
        v8 b = f * load8(bre + 2 * k) + swapped * load8(bim + 2 * k);
        b = SWAP_PAIRS(b);
        v8 mirror = a * minus_odd + b; /* conj(a) + i conj(b) */
        store8(ret_pairs + 2 * k, a + b * minus_even);
        store8(ret_pairs + 2 * (2 * half - k - 3),
               __builtin_shufflevector(mirror, mirror, 6, 7, 4, 5, 2, 3, 0, 1));
    }
    for (size_t i = 0; i < half; i = i == 0 ? k : i + 1) { /* frequency 0 is its own mirror */
        float fr = spectrum[2 * i] * weight, fi = spectrum[2 * i + 1] * weight;
        float ar = fr * are[2 * i] + fi * aim[2 * i], br = fr * bre[2 * i] + fi * bim[2 * i];
        float ai = fi * are[2 * i + 1] + fr * aim[2 * i + 1],
              bi = fi * bre[2 * i + 1] + fr * bim[2 * i + 1];
        size_t m = i ? 2 * half - i : 0;
        ret_pairs[2 * m] = ar + bi;
        ret_pairs[2 * m + 1] = br - ai;
        ret_pairs[2 * i] = ar - bi;
        ret_pairs[2 * i + 1] = ai + br;
    }
}

/* ---- spreading ---- */

/* Where each sample of a strip goes: offset of its first cell, its rows in the kernel table and the
 * rest between. */
struct strip {
    int32_t offset[STRIP], table_x[STRIP], table_y[STRIP];
    float rest_x[STRIP], rest_y[STRIP];
};

static inline void place(const struct spread_job *job, int first, float cos_step, float sin_step,
                         struct strip *restrict s)
{
    int32_t stride = (int32_t)job->stride;
    int32_t middle = (int32_t)(job->cells / 2) - (SPREAD_WIDTH / 2 - 1) - FLOOR_BIAS;
    for (int i = 0; i < STRIP; i++) {
        float k = (float)(first + i);
        float x = k * cos_step, y = k * sin_step;
        int32_t ix = (int32_t)(x + FLOOR_BIAS), iy = (int32_t)(y + FLOOR_BIAS);
        float tx = (x - (float)(ix - FLOOR_BIAS)) * SPREAD_STEPS,
              ty = (y - (float)(iy - FLOOR_BIAS)) * SPREAD_STEPS;
        int32_t jx = (int32_t)tx, jy = (int32_t)ty;
        s->offset[i] = 2 * ((iy + middle) * stride + ix + middle);
        s->table_x[i] = jx * SPREAD_ROW;
        s->table_y[i] = jy * SPREAD_ROW;
        s->rest_x[i] = tx - (float)jx;
        s->rest_y[i] = ty - (float)jy;
    }
}

/*
 * One sample: 6 x 6 cells about it get pair * kernel(column) * kernel(row). `both` is the pair as
 * one 8-byte item, so that it is broadcast in one step. Written for each register width: 16 floats
 * take a kernel row at once (the last 2 of 8 cells get 0), 8 + 4 floats or 3 times 4 take the 6
 * cells exactly.
 */
#define SPREAD_INLINE static inline __attribute__((always_inline)) void

#if defined(__AVX512F__)

SPREAD_INLINE add_cells(float *restrict cell, size_t row_floats, const float *tx, float rest_x,
                        const float *ty, float rest_y, double both)
{
    v8 kx = load8(tx) + all8(rest_x) * load8(tx + 8);
    v8 ky = load8(ty) + all8(rest_y) * load8(ty + 8);
    v16 k = (v16)__builtin_shufflevector(kx, kx, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    v16 value = (v16)(v8d){both, both, both, both, both, both, both, both} * k;
    for (int j = 0; j < SPREAD_WIDTH; j++, cell += row_floats) {
        *(v16 *)cell += value * ky[j];
    }
}

#elif defined(__AVX__)

#define ROW(ky, j) __builtin_shufflevector((ky), (ky), j, j, j, j, j, j, j, j)

SPREAD_INLINE add_row(float *restrict cell, v8 value, v8 rest, v8 k)
{
    store8(cell, load8(cell) + value * k);
    *(v4 *)(cell + 8) += LOW_HALF(rest) * LOW_HALF(k);
}

SPREAD_INLINE add_cells(float *restrict cell, size_t row_floats, const float *tx, float rest_x,
                        const float *ty, float rest_y, double both)
{
    v8 kx = load8(tx) + all8(rest_x) * load8(tx + 8);
    v8 ky = load8(ty) + all8(rest_y) * load8(ty + 8);
    v8 q = (v8)(v4d){both, both, both, both};
    v8 value = q * __builtin_shufflevector(kx, kx, 0, 0, 1, 1, 2, 2, 3, 3);
    v8 rest = q * __builtin_shufflevector(kx, kx, 4, 4, 5, 5, 4, 4, 5, 5);
    add_row(cell, value, rest, ROW(ky, 0));
    add_row(cell + row_floats, value, rest, ROW(ky, 1));
    add_row(cell + 2 * row_floats, value, rest, ROW(ky, 2));
    add_row(cell + 3 * row_floats, value, rest, ROW(ky, 3));
    add_row(cell + 4 * row_floats, value, rest, ROW(ky, 4));
    add_row(cell + 5 * row_floats, value, rest, ROW(ky, 5));
}

#else

#define ROW(ky, j) __builtin_shufflevector((ky), (ky), j, j, j, j)

SPREAD_INLINE add_row(float *restrict cell, const v4 value[3], v4 k)
{
    for (int i = 0; i < 3; i++) {
        *(v4 *)(cell + 4 * i) += value[i] * k;
    }
}

SPREAD_INLINE add_cells(float *restrict cell, size_t row_floats, const float *tx, float rest_x,
                        const float *ty, float rest_y, double both)
{
    v4 rx = {rest_x, rest_x, rest_x, rest_x}, ry = {rest_y, rest_y, rest_y, rest_y};
    v4 kx = *(const v4 *)tx + rx * *(const v4 *)(tx + 8);
    v4 kx4 = *(const v4 *)(tx + 4) + rx * *(const v4 *)(tx + 12);
    v4 ky = *(const v4 *)ty + ry * *(const v4 *)(ty + 8);
    v4 ky4 = *(const v4 *)(ty + 4) + ry * *(const v4 *)(ty + 12);
    v4 q = (v4)(v2d){both, both};
    const v4 value[3] = {q * __builtin_shufflevector(kx, kx, 0, 0, 1, 1),
                         q * __builtin_shufflevector(kx, kx, 2, 2, 3, 3),
                         q * __builtin_shufflevector(kx4, kx4, 0, 0, 1, 1)};
    add_row(cell, value, ROW(ky, 0));
    add_row(cell + row_floats, value, ROW(ky, 1));
    add_row(cell + 2 * row_floats, value, ROW(ky, 2));
    add_row(cell + 3 * row_floats, value, ROW(ky, 3));
    add_row(cell + 4 * row_floats, value, ROW(ky4, 0));
    add_row(cell + 5 * row_floats, value, ROW(ky4, 1));
}

#endif

SPREAD_INLINE spread_one(float *restrict grid, size_t row_floats, const float *restrict table,
                         const struct strip *s, int i, const float *restrict pair)
{
    double both;
    memcpy(&both, pair, sizeof both);
    add_cells(grid + s->offset[i], row_floats, table + s->table_x[i], s->rest_x[i],
              table + s->table_y[i], s->rest_y[i], both);
}

/* One strip of one line: samples `first` .. first + count - 1 of it, count <= STRIP. */
static inline void spread_strip(const struct spread_job *job, const float *line, int first,
                                int count, float cos_step, float sin_step)
{
    struct strip s;
    float *grid = job->grid;
    const float *table = job->table,
                *pairs = line + 2 * (first < 0 ? (long)job->length + first : first);
    size_t row_floats = 2 * job->stride;
    place(job, first, cos_step, sin_step, &s);
    if (count == STRIP) {
        for (int i = 0; i < STRIP / LANES_APART; i++) {
            for (int j = 0; j < LANES_APART; j++) {
                int at = j * (STRIP / LANES_APART) + i;
                spread_one(grid, row_floats, table, &s, at, pairs + 2 * at);
            }
        }
    } else {
        for (int i = 0; i < count; i++) {
            spread_one(grid, row_floats, table, &s, i, pairs + 2 * i);
        }
    }
}

static void spread(const struct spread_job *job)
{
    int half = (int)(job->length / 2);
    for (int side = 0; side < 2; side++) {
        int from = side ? 0 : 1 - half,
            to = side ? half : 0; /* the unpaired Nyquist sample is left out */
        for (int first = from; first < to; first += STRIP) {
            int count = to - first < STRIP ? to - first : STRIP;
            for (size_t a = 0; a < job->angles; a++) {
                spread_strip(job, job->lines + a * 2 * job->length, first, count, job->cos_step[a],
                             job->sin_step[a]);
            }
        }
    }
}

/* ---- the rest ---- */

static void unpack(const float *restrict pairs, const float *restrict factor, float by,
                   size_t count, float *restrict ret_a, float *restrict ret_b)
{
    if (!ret_b) {
        for (size_t i = 0; i < count; i++) {
            ret_a[i] = pairs[2 * i] * (factor[i] * by);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float f = factor[i] * by;
        ret_a[i] = pairs[2 * i] * f;
        ret_b[i] = pairs[2 * i + 1] * f;
    }
}

static void line_add(const struct line_job *job)
{
    for (size_t a = 0; a < job->angles; a++) {
        const float *line = job->lines + a * job->length * LINE_LANES;
        double start = job->start[a], step = job->step[a];
        for (size_t i = 0; i < job->pixels; i++) {
            double at = start + (double)i * step;
            int32_t left = (int32_t)at;
            float part = (float)(at - left);
            const float *pair = line + (size_t)left * LINE_LANES;
            v8 here = load8(pair), next = load8(pair + LINE_LANES);
            float *sum = job->sum + i * LINE_LANES;
            store8(sum, load8(sum) + here + (next - here) * all8(part));
        }
    }
}

/* Natural logarithm of 8 positive normal numbers, error under 2 units in the last place: x = m 2^e
 * with m within sqrt(1/2) .. sqrt(2), then ln m = 2 atanh(s), s = (m-1)/(m+1), by its series to
 * s^9. */
static inline v8 log8(v8 x)
{
    v8i bits = (v8i)x;
    v8i exponent = (bits - 0x3f3504f3) >> 23; /* 0x3f3504f3 = sqrt(1/2) */
    v8 m = (v8)(bits - (exponent << 23));
    v8 e = __builtin_convertvector(exponent, v8);
    v8 s = (m - all8(1)) / (m + all8(1));
    v8 z = s * s;
    v8 series = all8(2) +
        z * (all8(2.0f / 3) + z * (all8(2.0f / 5) + z * (all8(2.0f / 7) + z * all8(2.0f / 9))));
    return s * series + e * all8(0.69314718056f);
}

static size_t minus_log(const float *raw, const float *dark, const float *gain, size_t count,
                        float floor_value, float *ret)
{
    v8i low = {0};
    size_t i = 0, bad = 0;
    v8 least = all8(floor_value);
    for (; i + 8 <= count; i += 8) {
        v8 t = (load8(raw + i) - load8(dark + i)) * load8(gain + i);
        low -= t <= all8(0);
        v8i under = t < least;
        t = (v8)(((v8i)t & ~under) | ((v8i)least & under));
        store8(ret + i, -log8(t));
    }
    if (i < count) { /* the tail, through a full vector */
        float r[8], d[8] = {0}, g[8], out[8];
        for (size_t j = 0; j < 8; j++) {
            bool in = i + j < count;
            r[j] = in ? raw[i + j] : 1;
            d[j] = in ? dark[i + j] : 0;
            g[j] = in ? gain[i + j] : 1;
        }
        bad = minus_log(r, d, g, 8, floor_value, out);
        memcpy(ret + i, out, (count - i) * sizeof *out);
    }
    for (int j = 0; j < 8; j++) {
        bad += (size_t)low[j];
    }
    return bad;
}

static void bytes(const float *values, size_t count, float low, float scale, uint8_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        float t = (values[i] - low) * scale;
        t = t > 0 ? t : 0; /* NaN too */
        t = t < 255 ? t : 255;
        ret[i] = (uint8_t)(int)(t + 0.5f);
    }
}

static void gather(const float *restrict values, size_t count, float by, float *restrict sum,
                   float *restrict weight)
{
    for (size_t i = 0; i < count; i++) {
        bool finite = __builtin_fabsf(values[i]) <= 3.402823466e38f;
        sum[i] += finite ? by * values[i] : 0;
        weight[i] += finite ? by : 0;
    }
}

/* x times 0 is 0 for a number, and NaN for a NaN or an infinity. */
static inline v8i finite8(v8 x)
{
    return x * all8(0) == all8(0);
}

static inline v8 choose8(v8i mask, v8 yes, v8 no)
{
    return (v8)(((v8i)yes & mask) | ((v8i)no & ~mask));
}

static void range(const float *values, size_t count, float limit, struct range_found *ret)
{
    v8 low = all8(__builtin_inff()), high = -low;
    v8i finite = {0}, below = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        v8 x = load8(values + i);
        v8i good = finite8(x);
        finite -= good;
        below -= good & (x < all8(limit));
        low = choose8(good & (x < low), x, low);
        high = choose8(good & (x > high), x, high);
    }
    struct range_found found = {low[0], high[0], 0, 0};
    for (int j = 0; j < 8; j++) {
        found.low = low[j] < found.low ? low[j] : found.low;
        found.high = high[j] > found.high ? high[j] : found.high;
        found.finite += (size_t)finite[j];
        found.below += (size_t)below[j];
    }
    for (; i < count; i++) {
        float x = values[i];
        if (__builtin_isfinite(x)) {
            found.low = x < found.low ? x : found.low;
            found.high = x > found.high ? x : found.high;
            found.finite++;
            found.below += x < limit;
        }
    }
    *ret = found;
}

static void tally(const float *values, size_t count, const float over[2], float under,
                  struct tally *sums)
{
    v8i finite = {0}, above = {0}, far_above = {0}, below = {0};
    v4d sum = {0}, sum_too = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        v8 x = load8(values + i);
        v8i good = finite8(x);
        finite -= good;
        above -= good & (x > all8(over[0]));
        far_above -= good & (x > all8(over[1]));
        below -= good & (x < all8(under));
        x = (v8)((v8i)x & good);
        sum += __builtin_convertvector(LOW_HALF(x), v4d);
        sum_too += __builtin_convertvector(__builtin_shufflevector(x, x, 4, 5, 6, 7), v4d);
    }
    sum += sum_too;
    sums->sum += (sum[0] + sum[1]) + (sum[2] + sum[3]);
    for (int j = 0; j < 8; j++) {
        sums->finite += (size_t)finite[j];
        sums->over[0] += (size_t)above[j];
        sums->over[1] += (size_t)far_above[j];
        sums->under += (size_t)below[j];
    }
    for (; i < count; i++) {
        if (__builtin_isfinite(values[i])) {
            sums->sum += (double)values[i];
            sums->finite++;
            sums->over[0] += values[i] > over[0];
            sums->over[1] += values[i] > over[1];
            sums->under += values[i] < under;
        }
    }
}

extern const struct kernels KERNELS_NAME;
const struct kernels KERNELS_NAME = {
    .pack = pack,
    .scale = scale,
    .window = window,
    .turn = turn,
    .merge = merge,
    .spread = spread,
    .unpack = unpack,
    .line_add = line_add,
    .minus_log = minus_log,
    .bytes = bytes,
    .gather = gather,
    .range = range,
    .tally = tally,
};
