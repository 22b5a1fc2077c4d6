/*
 * Cubic B-splines after Unser, IEEE Signal Processing Magazine 16(6), 1999: along each axis a
 * causal and an anticausal filter of one pole, started as if the signal were mirrored at its ends.
 */
#include "math/resample-volume.h"

#include <math.h>
#include <omp.h>
#include "base/mem.h"

#define POLE (-0.26794919243112270647) /* sqrt(3) - 2 */

/* One line of n values with `step` between them. */
static void filter_line(double *x, size_t n, size_t step, double *line)
{
    if (n < 2) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        line[i] = x[i * step] * 6;
    }
    /* First causal value: the sum over the mirrored signal, which has period 2n - 2. */
    double power = POLE, back = pow(POLE, (double)(n - 1));
    double sum = line[0] + back * line[n - 1];
    back = back * back / POLE;
    for (size_t i = 1; i + 1 < n; i++) {
        sum += (power + back) * line[i];
        power *= POLE;
        back /= POLE;
    }
    line[0] = sum / (1 - pow(POLE, (double)(2 * n - 2)));
    for (size_t i = 1; i < n; i++) {
        line[i] += POLE * line[i - 1];
    }
    line[n - 1] = POLE / (POLE * POLE - 1) * (POLE * line[n - 2] + line[n - 1]);
    for (size_t i = n - 1; i-- > 0;) {
        line[i] = POLE * (line[i + 1] - line[i]);
    }
    for (size_t i = 0; i < n; i++) {
        x[i * step] = line[i];
    }
}

bool resample_volume_prepare(double *values, const size_t n[3], unsigned threads, struct err *err)
{
    const size_t step[3] = {1, n[0], n[0] * n[1]};
    int workers = threads ? (int)threads : omp_get_max_threads();

    for (size_t axis = 0; axis < 3; axis++) {
        size_t a = axis == 0, b = axis == 2 ? 1 : 2; /* the other two */
        double *lines = mem_array(n[axis] * (size_t)workers, sizeof *lines, err);
        if (!lines) {
            return false;
        }
#pragma omp parallel for schedule(static) num_threads(workers)
        for (size_t j = 0; j < n[b]; j++) {
            for (size_t i = 0; i < n[a]; i++) {
                filter_line(values + i * step[a] + j * step[b], n[axis], step[axis],
                            lines + n[axis] * (size_t)omp_get_thread_num());
            }
        }
        mem_free(lines);
    }
    return true;
}

/* Places beyond the ends (half a voxel) become the ends. */
static double held(double at, size_t n)
{
    return fmin(fmax(at, 0), (double)(n - 1));
}

static double nearest(const double *in, const size_t n[3], const double at[3])
{
    size_t i[3];

    for (size_t k = 0; k < 3; k++) {
        double p = floor(at[k] + 0.5);
        i[k] = p <= 0 ? 0 : p >= (double)n[k] ? n[k] - 1 : (size_t)p;
    }
    return in[(i[2] * n[1] + i[1]) * n[0] + i[0]];
}

/* The eight neighbours and their weights; those of weight 0 are left out. */
static size_t corners(const double *in, const size_t n[3], const double at[3], double value[8],
                      double weight[8])
{
    size_t low[3], high[3], count = 0;
    double share[3];

    for (size_t k = 0; k < 3; k++) {
        double p = held(at[k], n[k]);
        low[k] = (size_t)p;
        share[k] = p - (double)low[k];
        high[k] = low[k] + (share[k] > 0);
    }
    for (unsigned c = 0; c < 8; c++) {
        double w = (c & 1 ? share[0] : 1 - share[0]) * (c & 2 ? share[1] : 1 - share[1]) *
            (c & 4 ? share[2] : 1 - share[2]);
        size_t x = c & 1 ? high[0] : low[0], y = c & 2 ? high[1] : low[1];
        size_t z = c & 4 ? high[2] : low[2];
        if (w > 0) {
            value[count] = in[(z * n[1] + y) * n[0] + x];
            weight[count++] = w;
        }
    }
    return count;
}

static double linear(const double *in, const size_t n[3], const double at[3])
{
    double value[8], weight[8], sum = 0;
    size_t count = corners(in, n, at, value, weight);

    for (size_t i = 0; i < count; i++) {
        sum += value[i] * weight[i];
    }
    return sum;
}

/* Of labels with the same weight the one of the nearest voxel, if it is among them, else the
 * least. */
static double vote(const double *in, const size_t n[3], const double at[3])
{
    double value[8], weight[8], best = 0, most = 0, near = nearest(in, n, at);
    size_t count = corners(in, n, at, value, weight), same_as_first = 1;

    while (same_as_first < count && value[same_as_first] == value[0]) {
        same_as_first++;
    }
    if (same_as_first == count) { /* within a region, as most places are */
        return value[0];
    }
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t j = 0; j < count; j++) {
            sum += value[j] == value[i] ? weight[j] : 0;
        }
        bool same = fabs(sum - most) < 1e-9;
        if (same ? best != near && (value[i] == near || value[i] < best) : sum > most) {
            best = value[i];
            most = sum;
        }
    }
    return best;
}

static double cubic(const double *in, const size_t n[3], const double at[3])
{
    size_t index[3][4];
    double weight[3][4], sum = 0;

    for (size_t k = 0; k < 3; k++) {
        double p = held(at[k], n[k]), floored = floor(p), t = p - floored, u = 1 - t;
        long first = (long)floored - 1, last = (long)n[k] - 1;
        weight[k][0] = u * u * u / 6;
        weight[k][1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
        weight[k][2] = (4 - 6 * u * u + 3 * u * u * u) / 6;
        weight[k][3] = t * t * t / 6;
        for (long j = 0; j < 4; j++) {
            long i = labs(first + j);
            i = i > last ? 2 * last - i : i;
            index[k][j] = i < 0 ? 0 : (size_t)i; /* below 0 only where the axis has one voxel */
        }
    }
    for (size_t c = 0; c < 64; c++) {
        size_t x = c & 3, y = c >> 2 & 3, z = c >> 4;
        sum += weight[0][x] * weight[1][y] * weight[2][z] *
            in[(index[2][z] * n[1] + index[1][y]) * n[0] + index[0][x]];
    }
    return sum;
}

static bool inside(const double at[3], const size_t n[3])
{
    const double edge = 0.5 + 1e-6; /* rounding of the affines */
    bool in = true;

    for (size_t k = 0; k < 3; k++) {
        in = in && at[k] >= -edge && at[k] <= (double)n[k] - 1 + edge;
    }
    return in;
}

void resample_volume_slice(const double *in, const size_t n[3], const double connect[3][4],
                           const struct resample_grid *to, size_t z, enum resample_method method,
                           double outside, unsigned threads, double *ret)
{
#pragma omp parallel for schedule(static) \
    num_threads(threads ? (int)threads : omp_get_max_threads())
    for (size_t y = 0; y < to->n[1]; y++) {
        for (size_t x = 0; x < to->n[0]; x++) {
            double at[3], value = outside;
            for (size_t k = 0; k < 3; k++) {
                at[k] = connect[k][0] * (double)x + connect[k][1] * (double)y +
                    connect[k][2] * (double)z + connect[k][3];
            }
            if (inside(at, n)) {
                value = method == RESAMPLE_NEAREST ? nearest(in, n, at)
                    : method == RESAMPLE_LINEAR    ? linear(in, n, at)
                    : method == RESAMPLE_CUBIC     ? cubic(in, n, at)
                                                   : vote(in, n, at);
            }
            ret[y * to->n[0] + x] = value;
        }
    }
}
