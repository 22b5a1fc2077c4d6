/* Slices are independent; each thread has one slice in memory. */
#include "math/mil-input.h"

#include <omp.h>
#include <string.h>
#include "base/mem.h"
#include "math/resample.h"

const struct mil_job mil_job_default = {
    .count = 64, .side = {256, 256}, .channels = 1, .low = -1000, .high = 400};

void mil_slices(size_t slices, size_t count, size_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        ret[i] = count > 1 ? i * (slices - 1) / (count - 1) : 0;
    }
}

static void window(float *values, size_t count, float low, float scale)
{
    for (size_t i = 0; i < count; i++) {
        float v = (values[i] - low) * scale;
        v = v > 0 ? v : 0; /* NaN too */
        values[i] = v < 1 ? v : 1;
    }
}

static bool one_slice(const struct mil_job *job, size_t slice, float *hu, float *ret,
                      struct err *err)
{
    size_t pixels = job->side[0] * job->side[1];
    if (!job->read(job->arg, slice, hu, err)) {
        return err_wrap(err, "slice %zu", slice);
    }
    window(hu, job->columns * job->rows, (float)job->low, (float)(1 / (job->high - job->low)));
    if (!resample_plane(hu, job->columns, job->rows, job->side[0], job->side[1], ret, err)) {
        return false;
    }
    for (size_t c = 1; c < job->channels; c++) {
        memcpy(ret + c * pixels, ret, pixels * sizeof *ret);
    }
    return true;
}

bool mil_input(const struct mil_job *job, float *ret, struct err *err)
{
    size_t step = job->side[0] * job->side[1] * job->channels, failed = job->count;
    struct err worst = {ERR_NONE, ""};
    if (job->slices == 0 || !(job->high > job->low)) {
        return err_set(err, ERR_FORMAT, "no bag of %zu slices with a window of %g to %g",
                       job->slices, job->low, job->high);
    }
    size_t *chosen = mem_array(job->count, sizeof *chosen, err);
    if (!chosen) {
        return false;
    }
    mil_slices(job->slices, job->count, chosen);
#pragma omp parallel num_threads(job->threads ? (int)job->threads : omp_get_max_threads())
    {
        struct err own = {ERR_NONE, ""};
        float *hu = mem_big(job->columns * job->rows, sizeof *hu, &own);
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < job->count; i++) {
            if (!hu || !one_slice(job, chosen[i], hu, ret + i * step, &own)) {
#pragma omp critical(mil_failed)
                if (i < failed) {
                    failed = i;
                    worst = own;
                }
            }
        }
        mem_free(hu);
    }
    mem_free(chosen);
    return failed == job->count || err_set(err, worst.code, "%s", worst.text);
}
