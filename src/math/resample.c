/*
 * Slices: one table of weights an axis, rows first. Volumes: `to` voxel -> mm -> `from` voxel is
 * one affine, so along a row of `to` the place in `from` moves by a constant step; it is computed
 * from the column, not added up, so that long rows lose nothing.
 */
#include "math/resample.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include "base/mem.h"

/* ---- slices ---- */

/* Where one new pixel comes from: `count` old ones from `first` on, their weights at `at`. */
struct part {
    size_t first, count, at;
};
struct axis {
    struct part *part; /* [out] */
    float *weight;
};

static void axis_fini(struct axis *a)
{
    mem_free(a->part);
    mem_free(a->weight);
}

/* The old pixels between `from` and `to`, each by how much of it lies there. */
static size_t cover(double from, double to, size_t in, struct part *p, float *weight)
{
    size_t first = (size_t)from, last = (size_t)ceil(to - 1e-9);
    last = last > in ? in : last;
    p->first = first;
    p->count = last - first;
    for (size_t i = first; i < last; i++) {
        double part = fmin(to, (double)i + 1) - fmax(from, (double)i);
        weight[i - first] = (float)(part / (to - from));
    }
    return p->count;
}

static size_t between(double at, size_t in, struct part *p, float *weight)
{
    at = fmin(fmax(at, 0), (double)(in - 1));
    p->first = (size_t)at;
    double share = at - (double)p->first;
    p->count = share > 0 ? 2 : 1;
    weight[0] = (float)(1 - share);
    weight[1] = (float)share;
    return 2;
}

static bool axis_new(struct axis *a, size_t in, size_t out, struct err *err)
{
    double step = (double)in / (double)out;
    size_t room = (size_t)ceil(step) + 2, used = 0;
    a->part = mem_array(out, sizeof *a->part, err);
    a->weight = a->part ? mem_array(out * room, sizeof *a->weight, err) : NULL;
    for (size_t i = 0; a->weight && i < out; i++) {
        a->part[i].at = used;
        used += step > 1
            ? cover((double)i * step, (double)(i + 1) * step, in, &a->part[i], a->weight + used)
            : between(((double)i + 0.5) * step - 0.5, in, &a->part[i], a->weight + used);
    }
    return a->weight != NULL;
}

static void add_row(const float *row, const struct axis *x, size_t out_columns, float by,
                    float *sum)
{
    for (size_t i = 0; i < out_columns; i++) {
        const struct part *p = &x->part[i];
        float value = 0;
        for (size_t k = 0; k < p->count; k++) {
            value += row[p->first + k] * x->weight[p->at + k];
        }
        sum[i] += value * by;
    }
}

bool resample_plane(const float *in, size_t columns, size_t rows, size_t out_columns,
                    size_t out_rows, float *ret, struct err *err)
{
    struct axis x = {NULL, NULL}, y = {NULL, NULL};
    if (!columns || !rows || !out_columns || !out_rows) {
        return err_set(err, ERR_FORMAT, "%zu x %zu pixels cannot become %zu x %zu", columns, rows,
                       out_columns, out_rows);
    }
    bool good = axis_new(&x, columns, out_columns, err) && axis_new(&y, rows, out_rows, err);
    for (size_t j = 0; good && j < out_rows; j++) {
        const struct part *p = &y.part[j];
        float *row = ret + j * out_columns;
        memset(row, 0, out_columns * sizeof *row);
        for (size_t k = 0; k < p->count; k++) {
            add_row(in + (p->first + k) * columns, &x, out_columns, y.weight[p->at + k], row);
        }
    }
    axis_fini(&x);
    axis_fini(&y);
    return good;
}

/* ---- volumes ---- */

void resample_spaced(const struct resample_grid *from, const double mm[3],
                     struct resample_grid *ret)
{
    struct resample_grid to = *from;
    for (size_t k = 0; k < 3; k++) {
        double spacing =
            sqrt(from->affine[0][k] * from->affine[0][k] + from->affine[1][k] * from->affine[1][k] +
                 from->affine[2][k] * from->affine[2][k]);
        double scale = mm[k] / spacing, count = round((double)from->n[k] / scale);
        to.n[k] = !(count >= 1) ? 1 : count < RESAMPLE_MOST ? (size_t)count : RESAMPLE_MOST;
        for (size_t i = 0; i < 3; i++) {
            to.affine[i][k] = from->affine[i][k] * scale;
            /* The corner stays: the first centre moves by half the difference of the voxels. */
            to.affine[i][3] += from->affine[i][k] * (scale - 1) / 2;
        }
    }
    *ret = to;
}

bool resample_inverse(const double a[3][4], double ret[3][4])
{
    double c[3][3], size = 0;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            size_t r = (j + 1) % 3, s = (j + 2) % 3, p = (i + 1) % 3, q = (i + 2) % 3;
            c[i][j] = a[r][p] * a[s][q] - a[r][q] * a[s][p]; /* of the transposed matrix */
            size = fmax(size, fabs(a[i][j]));
        }
    }
    double det = a[0][0] * c[0][0] + a[0][1] * c[1][0] + a[0][2] * c[2][0];
    if (!isfinite(det) || !(fabs(det) > 1e-12 * size * size * size)) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        double moved = 0;
        for (size_t j = 0; j < 3; j++) {
            ret[i][j] = c[i][j] / det;
            moved -= ret[i][j] * a[j][3];
        }
        ret[i][3] = moved;
    }
    return true;
}

size_t resample_voxels(const struct resample_grid *grid)
{
    return grid->n[0] * grid->n[1] * grid->n[2];
}

bool resample_connect(const struct resample_grid *from, const struct resample_grid *to,
                      double ret[3][4], struct err *err)
{
    double back[3][4];
    if (!resample_inverse(from->affine, back)) {
        return err_set(err, ERR_FORMAT, "the volume's geometry cannot be inverted");
    }
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 4; j++) {
            ret[i][j] = j == 3 ? back[i][3] : 0;
            for (size_t k = 0; k < 3; k++) {
                ret[i][j] += back[i][k] * to->affine[k][j];
            }
        }
    }
    return true;
}

/* Inside the voxels (half a voxel around the centres, and rounding of the affines)? */
static bool inside(const double at[3], const size_t n[3])
{
    const double edge = 0.5 + 1e-6;
    bool in = true;
    for (size_t k = 0; k < 3; k++) {
        in = in && at[k] >= -edge && at[k] <= (double)n[k] - 1 + edge;
    }
    return in;
}

static float linear_at(const float *in, const size_t n[3], const double at[3])
{
    size_t low[3], high[3];
    double share[3], sum = 0;
    for (size_t k = 0; k < 3; k++) {
        double p = fmin(fmax(at[k], 0), (double)(n[k] - 1));
        low[k] = (size_t)p;
        share[k] = p - (double)low[k];
        high[k] = low[k] + (share[k] > 0);
    }
    for (size_t corner = 0; corner < 8; corner++) {
        size_t x = corner & 1 ? high[0] : low[0], y = corner & 2 ? high[1] : low[1];
        size_t z = corner & 4 ? high[2] : low[2];
        double weight = (corner & 1 ? share[0] : 1 - share[0]) *
            (corner & 2 ? share[1] : 1 - share[1]) * (corner & 4 ? share[2] : 1 - share[2]);
        if (weight > 0) {
            sum += weight * (double)in[(z * n[1] + y) * n[0] + x];
        }
    }
    return (float)sum;
}

static uint8_t nearest_at(const uint8_t *in, const size_t n[3], const double at[3])
{
    size_t i[3];
    for (size_t k = 0; k < 3; k++) {
        double p = floor(at[k] + 0.5);
        i[k] = p <= 0 ? 0 : p >= (double)n[k] ? n[k] - 1 : (size_t)p;
    }
    return in[(i[2] * n[1] + i[1]) * n[0] + i[0]];
}

static void place(const double m[3][4], size_t x, size_t y, size_t z, double ret[3])
{
    for (size_t k = 0; k < 3; k++) {
        ret[k] = m[k][0] * (double)x + m[k][1] * (double)y + m[k][2] * (double)z + m[k][3];
    }
}

/* Values or labels; of the others both pointers are NULL. */
struct content {
    bool labelled;
    const float *values;
    const uint8_t *labels;
    float *ret_values;
    uint8_t *ret_labels;
    float outside;
};

static bool resample(const struct content *c, const struct resample_grid *from,
                     const struct resample_grid *to, unsigned threads, struct err *err)
{
    double m[3][4];
    if (!resample_connect(from, to, m, err)) {
        return false;
    }
#pragma omp parallel for schedule(dynamic) \
    num_threads(threads ? (int)threads : omp_get_max_threads())
    for (size_t z = 0; z < to->n[2]; z++) {
        for (size_t i = z * to->n[1] * to->n[0], y = 0; y < to->n[1]; y++) {
            for (size_t x = 0; x < to->n[0]; x++, i++) {
                double at[3];
                place(m, x, y, z, at);
                bool in = inside(at, from->n);
                if (c->labelled) {
                    c->ret_labels[i] =
                        in ? nearest_at(c->labels, from->n, at) : (uint8_t)c->outside;
                } else {
                    c->ret_values[i] = in ? linear_at(c->values, from->n, at) : c->outside;
                }
            }
        }
    }
    return true;
}

bool resample_linear(const float *in, const struct resample_grid *from,
                     const struct resample_grid *to, float outside, unsigned threads, float *ret,
                     struct err *err)
{
    const struct content c = {false, in, NULL, ret, NULL, outside};
    return resample(&c, from, to, threads, err);
}

bool resample_nearest(const uint8_t *in, const struct resample_grid *from,
                      const struct resample_grid *to, uint8_t outside, unsigned threads,
                      uint8_t *ret, struct err *err)
{
    const struct content c = {true, NULL, in, NULL, ret, outside};
    return resample(&c, from, to, threads, err);
}
