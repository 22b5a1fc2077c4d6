/*
 * Amanatides and Woo, A fast voxel traversal algorithm for ray tracing (Eurographics 1987): from
 * wall to wall, always the nearest next one. Places outside the grid are walked over silently, so
 * that a line that leaves and comes back is right; long ways outside are cut off first.
 */
#include "math/traverse.h"

#include <math.h>
#include <string.h>
#include "math/resample.h"

bool traverse_init(struct traverse *t, const size_t n[3], const double affine[3][4])
{
    memcpy(t->n, n, sizeof t->n);
    return resample_inverse(affine, t->inverse);
}

/* Voxels, counted from the corner of the first one. */
static void place(const struct traverse *t, const float mm[3], double ret[3])
{
    for (size_t i = 0; i < 3; i++) {
        ret[i] = t->inverse[i][0] * (double)mm[0] + t->inverse[i][1] * (double)mm[1] +
            t->inverse[i][2] * (double)mm[2] + t->inverse[i][3] + 0.5;
    }
}

/* The part of the way (0..1) that lies in the grid; false when none does. */
static bool clip(const struct traverse *t, const double a[3], const double b[3], double ret[2])
{
    double low = 0, high = 1;

    for (size_t i = 0; i < 3; i++) {
        double d = b[i] - a[i], n = (double)t->n[i];
        if (d == 0) {
            if (!(a[i] >= 0 && a[i] < n)) {
                return false;
            }
            continue;
        }
        double first = (0 - a[i]) / d, second = (n - a[i]) / d;
        low = fmax(low, fmin(first, second));
        high = fmin(high, fmax(first, second));
    }
    ret[0] = low;
    ret[1] = high;
    return low <= high;
}

struct walk {
    long at[3], last[3], step[3];
    double next[3], each[3]; /* where on the way the next wall is; between two walls */
};

static void begin(const struct traverse *t, const double a[3], const double b[3],
                  const double part[2], struct walk *w)
{
    for (size_t i = 0; i < 3; i++) {
        double d = b[i] - a[i];
        double first = a[i] + d * part[0], end = a[i] + d * part[1], most = (double)t->n[i] - 1;
        w->at[i] = (long)fmin(fmax(floor(first), 0), most); /* rounding may be a hair outside */
        w->last[i] = (long)fmin(fmax(floor(end), 0), most);
        w->step[i] = d > 0 ? 1 : -1;
        w->each[i] = d != 0 ? fabs(1 / d) : INFINITY;
        w->next[i] = d > 0 ? ((double)w->at[i] + 1 - a[i]) / d
            : d < 0        ? ((double)w->at[i] - a[i]) / d
                           : INFINITY;
    }
}

bool traverse_segment(const struct traverse *t, const float from[3], const float to[3],
                      bool (*tell)(void *arg, size_t voxel), void *arg)
{
    double a[3], b[3], part[2];
    struct walk w;

    place(t, from, a);
    place(t, to, b);
    if (!clip(t, a, b, part)) {
        return true;
    }
    begin(t, a, b, part, &w);
    for (;;) {
        if (!tell(arg, ((size_t)w.at[2] * t->n[1] + (size_t)w.at[1]) * t->n[0] + (size_t)w.at[0])) {
            return false;
        }
        size_t i = w.next[0] <= w.next[1] ? (w.next[0] <= w.next[2] ? 0 : 2)
                                          : (w.next[1] <= w.next[2] ? 1 : 2);
        if (!(w.next[i] < part[1]) ||
            (w.at[0] == w.last[0] && w.at[1] == w.last[1] && w.at[2] == w.last[2])) {
            return true;
        }
        w.at[i] += w.step[i];
        w.next[i] += w.each[i];
        if (w.at[i] < 0 || w.at[i] >= (long)t->n[i]) {
            return true;
        }
    }
}
