/*
 * What a classifier of bags of slices sees of a CT study (DESIGN 10): slices spread over the
 * series, in its order, windowed to 0..1 and made one size.
 */
#ifndef GANTRY_MATH_MIL_INPUT_H
#define GANTRY_MATH_MIL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* `count` slices of 0..slices-1, the first and the last among them: floor(i (slices - 1) / (count -
 * 1)), what numpy.linspace(0, slices - 1, count).astype(int) means (its rounding sometimes gives
 * one less). Fewer slices than `count` repeat. */
void mil_slices(size_t slices, size_t count, size_t *ret);

struct mil_job {
    size_t columns, rows, slices; /* of the series */
    size_t count;                 /* of slices in the bag: 64 */
    size_t side[2];               /* columns and rows in the bag: 256, 256 */
    size_t channels;              /* each slice is repeated so often: 1 */
    double low, high;             /* HU that become 0 and 1; what is beyond is cut off, NaN is 0 */
    unsigned threads;             /* 0 = OpenMP's default */
    /* Write the HU of a slice, [rows][columns]; called from several threads at once. */
    bool (*read)(void *arg, size_t slice, float *ret_hu, struct err *err);
    void *arg;
};
/* DESIGN 10's numbers; the series and `read` are for the caller to fill in. */
extern const struct mil_job mil_job_default;

/* ret: [count][channels][side[1]][side[0]]. Values are windowed first and then averaged or
 * interpolated (resample_plane). */
bool mil_input(const struct mil_job *job, float *ret, struct err *err) CHECK_RESULT;

#endif
