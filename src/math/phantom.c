/*
 * Phantoms with exact sinograms.
 *
 * A shape with half axes a, b turned by phi projects, at angle theta, as a centred profile of half
 * width (or standard deviation) s = sqrt(a^2 cos^2(theta - phi) + b^2 sin^2(theta - phi)), shifted
 * to x cos(theta) + y sin(theta): ellipse   p(t) = 2 v a b / s^2 * sqrt(s^2 - t^2) Gaussian  p(t) =
 * v sqrt(2 pi) a b / s * exp(-t^2 / (2 s^2)) A detector sample is the mean of p over the pixel,
 * from the closed forms of the integrals of p.
 */
#include "math/phantom.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Beyond this many standard deviations a Gaussian is nothing in single precision. */
#define GAUSSIAN_REACH 9.0

struct random {
    uint64_t state;
};

/* splitmix64: the same shapes on every machine. */
static double next_random(struct random *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static void add(struct phantom *p, enum phantom_kind kind, double value, double a, double b,
                double x, double y, double angle_rad)
{
    if (p->count < PHANTOM_MAX_SHAPES) {
        p->shape[p->count++] = (struct phantom_shape){kind, value, a, b, x, y, angle_rad};
    }
}

void phantom_shepp_logan(struct phantom *ret)
{
    /* Toft's table has y upwards; here it points along the rows, so y and angles change sign. */
    static const double toft[10][6] = {
        {1.0, 0.69, 0.92, 0, 0, 0},        {-0.8, 0.6624, 0.874, 0, -0.0184, 0},
        {-0.2, 0.11, 0.31, 0.22, 0, -18},  {-0.2, 0.16, 0.41, -0.22, 0, 18},
        {0.1, 0.21, 0.25, 0, 0.35, 0},     {0.1, 0.046, 0.046, 0, 0.1, 0},
        {0.1, 0.046, 0.046, 0, -0.1, 0},   {0.1, 0.046, 0.023, -0.08, -0.605, 0},
        {0.1, 0.023, 0.023, 0, -0.606, 0}, {0.1, 0.023, 0.046, 0.06, -0.605, 0},
    };
    ret->count = 0;
    for (size_t i = 0; i < 10; i++) {
        const double *t = toft[i];
        add(ret, PHANTOM_ELLIPSE, t[0], t[1], t[2], t[3], -t[4], -t[5] * M_PI / 180);
    }
}

void phantom_smooth(struct phantom *ret)
{
    struct random r = {7};
    ret->count = 0;
    add(ret, PHANTOM_GAUSSIAN, 0.6, 0.22, 0.22, 0, 0, 0);
    for (int i = 0; i < 24; i++) {
        double distance = 0.62 * sqrt(next_random(&r)), direction = 2 * M_PI * next_random(&r);
        double value = 0.2 * (0.3 + next_random(&r)) * (i % 3 ? 1 : -1);
        double a = 0.012 + 0.04 * next_random(&r), b = 0.012 + 0.04 * next_random(&r);
        add(ret, PHANTOM_GAUSSIAN, value, a, b, distance * cos(direction),
            distance * sin(direction), M_PI * next_random(&r));
    }
}

void phantom_asymmetric(struct phantom *ret)
{
    ret->count = 0;
    add(ret, PHANTOM_ELLIPSE, 0.5, 0.8, 0.7, 0.05, -0.03, 0.3);
    add(ret, PHANTOM_ELLIPSE, 0.5, 0.12, 0.05, 0.5, 0.1, 0.2);
    add(ret, PHANTOM_ELLIPSE, -0.3, 0.2, 0.08, -0.2, 0.35, -0.7);
    add(ret, PHANTOM_ELLIPSE, 0.8, 0.06, 0.06, 0.1, -0.5, 0);
    add(ret, PHANTOM_ELLIPSE, 0.3, 0.03, 0.15, -0.45, -0.2, 0.5);
}

void phantom_specimen(unsigned seed, double height, struct phantom *ret)
{
    struct random r = {0x5eed0000u + seed};
    ret->count = 0;
    double wide = 0.75 + 0.15 * next_random(&r), narrow = wide * (0.75 + 0.2 * next_random(&r));
    double turn = M_PI * next_random(&r);
    double drift_x = 0.04 * (next_random(&r) - 0.5), drift_y = 0.04 * (next_random(&r) - 0.5);
    double lean = height - 0.5;
    add(ret, PHANTOM_ELLIPSE, 0.55, wide, narrow, lean * drift_x, lean * drift_y, turn);
    add(ret, PHANTOM_ELLIPSE, -0.15, wide * 0.9, narrow * 0.88, lean * drift_x, lean * drift_y,
        turn);
    for (int i = 0; i < 24; i++) {
        double distance = 0.7 * narrow * sqrt(next_random(&r)),
               direction = 2 * M_PI * next_random(&r);
        double size = 0.02 + 0.09 * next_random(&r) * next_random(&r),
               shape = 0.5 + 0.5 * next_random(&r);
        double value = next_random(&r) < 0.35 ? -0.38 : 0.1 + 0.4 * next_random(&r);
        double middle = next_random(&r), reach = 0.15 + 0.5 * next_random(&r),
               angle = M_PI * next_random(&r);
        double z = (height - middle) /
            reach; /* a grain is an ellipsoid: its cut shrinks towards its poles */
        if (fabs(z) < 1) {
            double cut = size * sqrt(1 - z * z);
            add(ret, PHANTOM_ELLIPSE, value, cut, cut * shape, distance * cos(direction),
                distance * sin(direction), angle);
        }
    }
}

void phantom_rotate(struct phantom *p, double angle_rad)
{
    double c = cos(angle_rad), s = sin(angle_rad);
    for (size_t i = 0; i < p->count; i++) {
        struct phantom_shape *e = &p->shape[i];
        double x = e->x, y = e->y;
        e->x = c * x - s * y;
        e->y = s * x + c * y;
        e->angle_rad += angle_rad;
    }
}

void phantom_scale_values(struct phantom *p, double factor)
{
    for (size_t i = 0; i < p->count; i++) {
        p->shape[i].value *= factor;
    }
}

/* Integral of sqrt(s^2 - t^2) from 0 to t. */
static double half_disk(double t, double s)
{
    t = t < -s ? -s : t > s ? s : t;
    return 0.5 * (t * sqrt(fmax(0, s * s - t * t)) + s * s * asin(t / s));
}

/* Add one shape's line to `sum`; all lengths in pixels. */
static void add_line(const struct phantom_shape *e, double theta, double radius, double centre,
                     size_t columns, double *sum)
{
    double a = e->a * radius, b = e->b * radius, angle = theta - e->angle_rad;
    double s = sqrt(a * a * cos(angle) * cos(angle) + b * b * sin(angle) * sin(angle));
    double middle = centre + radius * (e->x * cos(theta) + e->y * sin(theta));
    double reach = e->kind == PHANTOM_GAUSSIAN ? GAUSSIAN_REACH * s : s;
    double from = fmax(0, floor(middle - reach) - 1),
           to = fmin((double)columns - 1, ceil(middle + reach) + 1);
    if (s <= 0 || to < from) {
        return;
    }
    bool smooth = e->kind == PHANTOM_GAUSSIAN;
    double scale = smooth ? M_PI * e->value * a * b : 2 * e->value * a * b / (s * s);
    double edge = from - 0.5 - middle;
    double before = smooth ? erf(edge / (s * M_SQRT2)) : half_disk(edge, s);
    for (size_t j = (size_t)from; j <= (size_t)to; j++) {
        edge = (double)j + 0.5 - middle;
        double here = smooth ? erf(edge / (s * M_SQRT2)) : half_disk(edge, s);
        sum[j] += scale * (here - before);
        before = here;
    }
}

enum { LINE_CHUNK = 1024 }; /* columns summed in double precision at a time, on the stack */

void phantom_sinogram(const struct phantom *p, const double *theta_rad, size_t angles,
                      size_t columns, double centre, double radius_px, float *ret_sino)
{
#pragma omp parallel for schedule(static)
    for (long i = 0; i < (long)angles; i++) {
        for (size_t first = 0; first < columns; first += LINE_CHUNK) {
            double sum[LINE_CHUNK] = {0};
            size_t count = columns - first < LINE_CHUNK ? columns - first : LINE_CHUNK;
            for (size_t k = 0; k < p->count; k++) {
                add_line(&p->shape[k], theta_rad[i], radius_px, centre - (double)first, count, sum);
            }
            for (size_t j = 0; j < count; j++) {
                ret_sino[(size_t)i * columns + first + j] = (float)sum[j];
            }
        }
    }
}

/* A shape prepared for points: u, v = coordinates along its axes in units of a, b. */
struct placed {
    double ux, uy, vx, vy, x, y, value, margin;
    bool smooth;
};

static struct placed place(const struct phantom_shape *e, double radius)
{
    double a = e->a * radius, b = e->b * radius, c = cos(e->angle_rad), s = sin(e->angle_rad);
    return (struct placed){.ux = c / a,
                           .uy = s / a,
                           .vx = -s / b,
                           .vy = c / b,
                           .x = e->x * radius,
                           .y = e->y * radius,
                           .value = e->value,
                           .margin = 1 / fmin(a, b),
                           .smooth = e->kind == PHANTOM_GAUSSIAN};
}

/* Square of the distance in units of the half axes. */
static double square_at(const struct placed *e, double x, double y)
{
    double u = e->ux * (x - e->x) + e->uy * (y - e->y), v = e->vx * (x - e->x) + e->vy * (y - e->y);
    return u * u + v * v;
}

static double pixel(const struct placed *e, double x, double y, unsigned oversample)
{
    double square = square_at(e, x, y), distance = sqrt(square);
    if (!e->smooth && distance > 1 + e->margin) {
        return 0;
    }
    if (!e->smooth && distance < 1 - e->margin) {
        return e->value;
    }
    if (e->smooth && distance > GAUSSIAN_REACH + e->margin) {
        return 0;
    }
    double sum = 0;
    for (unsigned i = 0; i < oversample; i++) {
        for (unsigned j = 0; j < oversample; j++) {
            double part =
                square_at(e, x + (j + 0.5) / oversample - 0.5, y + (i + 0.5) / oversample - 0.5);
            sum += e->smooth ? exp(-0.5 * part) : part <= 1;
        }
    }
    return e->value * sum / ((double)oversample * oversample);
}

void phantom_image(const struct phantom *p, size_t n, double radius_px, unsigned oversample,
                   float *ret_image)
{
    struct placed shape[PHANTOM_MAX_SHAPES];
    double middle = ((double)n - 1) / 2;
    for (size_t k = 0; k < p->count; k++) {
        shape[k] = place(&p->shape[k], radius_px);
    }
#pragma omp parallel for schedule(dynamic, 8)
    for (long row = 0; row < (long)n; row++) {
        for (size_t column = 0; column < n; column++) {
            double sum = 0;
            for (size_t k = 0; k < p->count; k++) {
                sum += pixel(&shape[k], (double)column - middle, (double)row - middle, oversample);
            }
            ret_image[(size_t)row * n + column] = (float)sum;
        }
    }
}
