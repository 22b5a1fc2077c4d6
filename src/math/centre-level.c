/* Binning of a sinogram, and batches of its slices. */
#include "math/centre-level.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* Bytes of slices held at once. */
#define BATCH_BYTES ((size_t)256 << 20)

/* Views are even when no gap is further from the mean than this share of it. */
#define EVEN 0.5

void centre_level_fini(struct centre_level *l)
{
    recon_free(l->recon);
    mem_free(l->theta);
    mem_free(l->sino);
    *l = (struct centre_level){0};
}

/* Do the angles go one way in about equal steps? */
static bool even(const double *theta, size_t angles)
{
    double step = angles < 2 ? 0 : (theta[angles - 1] - theta[0]) / (double)(angles - 1);
    for (size_t i = 1; i < angles; i++) {
        if (!(fabs(theta[i] - theta[i - 1] - step) <= EVEN * fabs(step))) {
            return false;
        }
    }
    return angles > 1;
}

static double angle_of(const struct centre_sino *s, size_t view)
{
    return s->theta_rad ? s->theta_rad[view] : M_PI * (double)view / (double)s->angles;
}

/* One line of the level: the mean of `views` lines in bins of `by` columns. */
static void bin(const struct centre_sino *s, size_t first, size_t views, size_t by, size_t columns,
                float *ret)
{
    float share = 1 / (float)(by * views);
    memset(ret, 0, columns * sizeof *ret);
    for (size_t v = first; v < first + views; v++) {
        const float *line = s->values + v * s->columns;
        for (size_t c = 0; c < columns; c++) {
            float sum = 0;
            for (size_t k = 0; k < by; k++) {
                sum += line[c * by + k];
            }
            ret[c] += sum;
        }
    }
    for (size_t c = 0; c < columns; c++) {
        ret[c] *= share;
    }
}

bool centre_level_init(struct centre_level *l, const struct centre_sino *sino, size_t by,
                       size_t views_by, enum recon_algorithm algorithm, struct err *err)
{
    centre_level_fini(l);
    if (views_by > 1 && sino->theta_rad && !even(sino->theta_rad, sino->angles)) {
        views_by = 1;
    }
    l->by = by;
    l->columns = sino->columns / by;
    l->angles = sino->angles / views_by; /* the last few are left out */
    l->sino = mem_big(l->angles * l->columns, sizeof(float), err);
    l->theta = l->sino ? mem_array(l->angles, sizeof(double), err) : NULL;
    if (!l->theta) {
        return false;
    }
    for (size_t a = 0; a < l->angles; a++) {
        size_t first = a * views_by;
        l->theta[a] = (angle_of(sino, first) + angle_of(sino, first + views_by - 1)) / 2;
        bin(sino, first, views_by, by, l->columns, l->sino + a * l->columns);
    }
    struct recon_spec spec = {.columns = l->columns,
                              .angles = l->angles,
                              .theta_rad = l->theta,
                              .algorithm = algorithm,
                              .filter = FILTER_PARZEN,
                              .threads = sino->threads};
    l->recon = recon_new(&spec, err);
    return l->recon != NULL;
}

bool centre_level_slices(const struct centre_level *l, const double *centre, size_t count,
                         centre_level_look *look, void *arg, struct err *err)
{
    size_t n = l->columns, batch = centre_level_batch(n, count);
    float *image = mem_big(batch * n * n, sizeof(float), err);
    double *local = image ? mem_array(batch, sizeof(double), err) : NULL;
    bool good = local != NULL;
    for (size_t done = 0; good && done < count; done += batch) {
        size_t some = count - done < batch ? count - done : batch;
        for (size_t i = 0; i < some; i++) {
            local[i] = (centre[done + i] + 0.5) / (double)l->by - 0.5;
        }
        good = recon_centres(l->recon, l->sino, some, local, image, err) &&
            look(arg, done, some, image, err);
    }
    mem_free(local);
    mem_free(image);
    return good;
}

size_t centre_level_batch(size_t n, size_t wanted)
{
    size_t batch = BATCH_BYTES / (n * n * sizeof(float)) & ~(size_t)1;
    batch = batch < 2 ? 2 : batch;
    return batch > wanted ? wanted : batch;
}
