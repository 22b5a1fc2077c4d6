/* Detectors give some hundreds of boxes, so every pair may be looked at. */
#include "math/box.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static double volume(const struct box *b)
{
    double all = 1;
    for (size_t k = 0; k < 3; k++) {
        all *= fmax(b->high[k] - b->low[k], 0);
    }
    return all;
}

double box_iou(const struct box *a, const struct box *b)
{
    double common = 1;
    for (size_t k = 0; k < 3; k++) {
        common *= fmax(fmin(a->high[k], b->high[k]) - fmax(a->low[k], b->low[k]), 0);
    }
    double all = volume(a) + volume(b) - common;
    return common > 0 && all > 0 ? common / all : 0;
}

/* Best first; insertion keeps equal ones in their order. */
static void sort(struct box *box, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct box moved = box[i];
        size_t at = i;
        for (; at > 0 && box[at - 1].score < moved.score; at--) {
            box[at] = box[at - 1];
        }
        box[at] = moved;
    }
}

size_t box_suppress(struct box *box, size_t count, double iou_max)
{
    size_t kept = 0, scored = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(box[i].score)) {
            box[scored++] = box[i];
        }
    }
    sort(box, scored);
    for (size_t i = 0; i < scored; i++) {
        bool seen = false;
        for (size_t k = 0; k < kept && !seen; k++) {
            seen = box_iou(&box[k], &box[i]) > iou_max;
        }
        if (!seen) {
            box[kept++] = box[i];
        }
    }
    return kept;
}

void box_around(const struct box *box, size_t count, struct box *ret)
{
    struct box all = box[0];
    for (size_t i = 1; i < count; i++) {
        for (size_t k = 0; k < 3; k++) {
            all.low[k] = fmin(all.low[k], box[i].low[k]);
            all.high[k] = fmax(all.high[k], box[i].high[k]);
        }
        all.score = fmax(all.score, box[i].score);
    }
    *ret = all;
}
