/* Centres are done a batch at a time, so that memory stays bounded while filter and transform are
 * still shared. */
#include "steps/try-set.h"
#include <math.h>
#include "base/mem.h"
#include "math/recon.h"
#include "steps/slices.h"

/* Bytes of slices held at once; what is shared between centres is repeated once a batch. */
#define BATCH_BYTES ((size_t)256 << 20)
/* More trial centres than this is a typing error in the step. */
#define MAX_CENTRES 20000.0

bool try_set_centres(const struct source *source, double middle, double step, double reach,
                     double **ret_centre, size_t *ret_count, struct err *err)
{
    double last = (double)source_grid(source)->full_columns - 1;
    double base = round(middle * 100) / 100;
    double reach_steps = floor(reach / step + 1e-9);
    size_t count = 0;
    double *centre;

    if (2 * reach_steps + 1 > MAX_CENTRES) {
        return err_set(err, ERR_USAGE, "center_search_width %g in steps of %g makes %.0f centres",
                       reach, step, 2 * reach_steps + 1);
    }
    centre = mem_array((size_t)(2 * reach_steps) + 1, sizeof(double), err);
    if (centre == NULL) {
        return false;
    }
    for (size_t k = 0; k <= 2 * (size_t)reach_steps; k++) {
        double c = round((base + ((double)k - reach_steps) * step) * 100) / 100;

        if (c >= 0 && c <= last) {
            centre[count++] = c;
        }
    }
    if (count == 0) {
        mem_free(centre);
        return err_set(err, ERR_USAGE,
                       "centre %.2f +- %g lies off the detector (columns 0 to %.0f)", middle, reach,
                       last);
    }
    *ret_centre = centre;
    *ret_count = count;
    return true;
}

/* Slices [from, from + count) of the list, already reconstructed. */
static bool write_batch(const char *dir, size_t slice, const double *centre, size_t count,
                        const float *image, size_t n, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        char *path = slices_try_path(dir, slice, centre[i], err);
        bool good = path != NULL && slices_write(path, image + i * n * n, n, err);

        mem_free(path);
        if (!good) {
            return false;
        }
    }
    return true;
}

bool try_set_write(struct job *job, struct source *source, const struct recon_params *params,
                   size_t slice, const double *centre, size_t count, const char *dir, double from,
                   double to, struct err *err)
{
    const struct source_grid *g = source_grid(source);
    struct recon_spec spec = {.columns = g->columns,
                              .angles = g->angles,
                              .theta_rad = g->theta_rad,
                              .algorithm = params->algorithm,
                              .filter = params->filter,
                              .threads = job->threads};
    size_t n = g->columns;
    size_t batch = BATCH_BYTES / (n * n * sizeof(float)) & ~(size_t)1;
    float *sino = mem_big(g->angles * n, sizeof(float), err);
    double *local = sino == NULL ? NULL : mem_array(count, sizeof(double), err);
    float *image = NULL;
    struct recon *recon = NULL;
    bool good = false;

    batch = batch < 2 ? 2 : batch;
    batch = batch > count ? count : batch;
    image = local == NULL ? NULL : mem_big(batch * n * n, sizeof(float), err);
    if (image == NULL || !source_select(source, slice, 1, err) ||
        !source_sinograms(source, slice, 1, sino, NULL, NULL, err) || !source_judge(source, err)) {
        goto out;
    }
    recon = recon_new(&spec, err);
    if (recon == NULL) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        local[i] = source_axis(source, centre[i]);
    }
    for (size_t done = 0; done < count; done += batch) {
        size_t some = count - done < batch ? count - done : batch;

        if (!job_go_on(job, err) || !recon_centres(recon, sino, some, local + done, image, err) ||
            !write_batch(dir, slice, centre + done, some, image, n, err)) {
            goto out;
        }
        job_progress(job, from + (to - from) * (double)(done + some) / (double)count,
                     "slice %zu, %zu of %zu centres", slice, done + some, count);
    }
    good = true;
out:
    recon_free(recon);
    mem_free(image);
    mem_free(local);
    mem_free(sino);
    return good;
}
